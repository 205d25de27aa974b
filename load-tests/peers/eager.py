"""A training step by hand in eager PyTorch with fused AdamW, trained tokens a second: 96 rollouts of 20 + 51 tokens, and 96 of
ragged lengths (geometric with the end token's chance of 1 in 38, cut at 64), padded to the longest as one does without packing."""
import json
import random
import sys
import time

import torch
from shape import MOST_NEW, PROMPT, VOCABULARY, model, prompts

torch.set_num_threads(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
generator = random.Random(7)


def ragged():
    length = 1
    while length < MOST_NEW and generator.randrange(VOCABULARY):
        length += 1
    return length


def rate(lengths):
    policy = model().train()
    optimizer = torch.optim.AdamW(policy.parameters(), lr=6e-4, betas=(0.9, 0.95), weight_decay=0.01, fused=True)
    ids, advantage, seconds = prompts(96, PROMPT + max(lengths)), torch.randn(96, 1), []
    real = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    for _ in range(12):
        start = time.perf_counter()
        log_probs = torch.log_softmax(policy(input_ids=ids).logits[:, PROMPT - 1:-1].float(), -1)
        chosen = log_probs.gather(2, ids[:, PROMPT:, None])[..., 0]
        (-(advantage * chosen * real).sum() / real.sum()).backward()
        torch.nn.utils.clip_grad_norm_(policy.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        seconds.append(time.perf_counter() - start)
    return round(sum(lengths) / sorted(seconds[2:])[5])


for what, lengths in (("dense", [51] * 96), ("ragged", [ragged() for _ in range(96)])):
    print(json.dumps({"peer": "eager pytorch, " + what, "threads": torch.get_num_threads(),
                      "mean_length": sum(lengths) / 96, "learner_trained_tokens_per_s": rate(lengths)}))
