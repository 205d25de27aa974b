"""Hugging Face generate: useful tokens a second (up to and with the end token), best of three after a warm-up."""
import json
import sys
import time

import torch
from shape import END, MOST_NEW, PROMPT, model, prompts

torch.set_num_threads(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
policy, rates = model().eval(), {}
for batch in (1, 16, 64, 256):
    ids, best = prompts(batch), 0.0
    for repetition in range(4):
        torch.manual_seed(repetition)
        start = time.perf_counter()
        with torch.inference_mode():
            out = policy.generate(ids, attention_mask=torch.ones_like(ids), do_sample=True, temperature=1.0, top_k=0,
                                  top_p=1.0, max_new_tokens=MOST_NEW)[:, PROMPT:]
        seconds, hit = time.perf_counter() - start, out == END
        lengths = torch.where(hit.any(1), hit.float().argmax(1) + 1, torch.tensor(out.shape[1]))
        best = max(best, lengths.sum().item() / seconds) if repetition else best
    rates[batch] = round(best)
print(json.dumps({"peer": "hf generate", "threads": torch.get_num_threads(), "useful_tokens_per_s": rates}))
