"""Hugging Face generate: useful tokens a second (up to and with the end token), best repetition after a warm-up, and the same by the
time of all threads."""
import json
import time

import torch
from shape import MODEL, SIZES, THREADS, model, prompts

torch.set_num_threads(THREADS or 1)
policy, rates, cpu_rates = model().eval(), {}, {}
ends = torch.tensor(policy.generation_config.eos_token_id).reshape(-1)
for batch in SIZES.batches:
    ids, best, best_cpu = prompts(batch, vocabulary=policy.config.vocab_size), 0.0, 0.0
    for repetition in range(SIZES.repetitions):
        torch.manual_seed(repetition)
        start, cpu = time.perf_counter(), time.process_time()
        with torch.inference_mode():
            out = policy.generate(ids, attention_mask=torch.ones_like(ids), do_sample=True, temperature=1.0, top_k=0,
                                  top_p=1.0, max_new_tokens=SIZES.most_new)[:, SIZES.prompt:]
        seconds, cpu, hit = time.perf_counter() - start, time.process_time() - cpu, torch.isin(out, ends)
        useful = torch.where(hit.any(1), hit.float().argmax(1) + 1, torch.tensor(out.shape[1])).sum().item()
        if repetition and useful / seconds > best:
            best, best_cpu = useful / seconds, useful / cpu
    rates[batch], cpu_rates[batch] = round(best, 3 if MODEL else None), round(best_cpu, 3)
print(json.dumps({"peer": "hf generate", "threads": torch.get_num_threads(), "useful_tokens_per_s": rates,
                  "useful_tokens_per_cpu_s": cpu_rates}))
