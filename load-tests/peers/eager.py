"""A training step by hand in eager PyTorch with fused AdamW, trained tokens a second: sequences of one length, and such as groups give
them, padded to the longest and with their prompts repeated, as one does without packing. The shipped policy's groups have ragged
lengths (geometric with the end token's chance of 1 in 38, cut at 64); a model of real size is measured with adapters too."""
import json
import random
import time

import torch
from shape import MODEL, SIZES, THREADS, VOCABULARY, adapted, model, prompts

torch.set_num_threads(THREADS or 1)
generator = random.Random(7)


def ragged():
    length = 1
    while length < SIZES.most_new and generator.randrange(VOCABULARY):
        length += 1
    return length


def measure(what, lengths, prepare=lambda policy: policy):
    policy = model().train()
    vocabulary = policy.config.vocab_size
    policy = prepare(policy)
    optimizer = torch.optim.AdamW([p for p in policy.parameters() if p.requires_grad], lr=6e-4, betas=(0.9, 0.95),
                                  weight_decay=0.01, fused=True)
    ids, advantage = prompts(SIZES.rows, SIZES.prompt + max(lengths), vocabulary=vocabulary), torch.randn(SIZES.rows, 1)
    real, seconds, cpu = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None], [], 0.0
    for step in range(SIZES.warm_up + SIZES.steps):
        start, start_cpu = time.perf_counter(), time.process_time()
        logits = policy(input_ids=ids, logits_to_keep=max(lengths) + 1).logits[:, :-1]
        chosen = torch.log_softmax(logits.float(), -1).gather(2, ids[:, SIZES.prompt:, None])[..., 0]
        (-(advantage * chosen * real).sum() / real.sum()).backward()
        torch.nn.utils.clip_grad_norm_(policy.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if step >= SIZES.warm_up:
            seconds.append(time.perf_counter() - start)
            cpu += time.process_time() - start_cpu
    print(json.dumps({"peer": "eager pytorch, " + what, "threads": torch.get_num_threads(),
                      "mean_length": sum(lengths) / SIZES.rows,
                      "learner_trained_tokens_per_s": round(sum(lengths) / sorted(seconds)[len(seconds) // 2], 3),
                      "learner_trained_tokens_per_cpu_s": round(sum(lengths) * len(seconds) / cpu, 3)}), flush=True)


fixed = [SIZES.response] * SIZES.rows
measure("dense", fixed)
if MODEL:
    measure("adapters", fixed, adapted)
else:
    measure("ragged", [ragged() for _ in range(SIZES.rows)])
