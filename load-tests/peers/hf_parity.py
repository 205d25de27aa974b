"""Compares ./foothold score with transformers: random checkpoints of the three families in several shapes, spellings and dtypes, short
and long sequences. Prints one line a checkpoint and exits with 1 where log-probs differ by more than 1e-4 or a greedy token differs."""
import json
import pathlib
import subprocess
import sys
import tempfile

import torch
from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM, Qwen3Config, Qwen3ForCausalLM

root = pathlib.Path(__file__).resolve().parents[2]
LLAMA3 = dict(rope_type="llama3", rope_theta=500000.0, factor=32.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=64)
CASES = [
    ("qwen3", Qwen3ForCausalLM, Qwen3Config, dict(head_dim=16, tie_word_embeddings=True, rope_parameters=dict(rope_type="default", rope_theta=1e6)), torch.float32),
    ("qwen3 untied, 1 kv head", Qwen3ForCausalLM, Qwen3Config, dict(head_dim=32, num_key_value_heads=1, tie_word_embeddings=False), torch.float32),
    ("qwen2", Qwen2ForCausalLM, Qwen2Config, dict(tie_word_embeddings=True), torch.float32),
    ("qwen2 bf16", Qwen2ForCausalLM, Qwen2Config, dict(tie_word_embeddings=False, num_key_value_heads=4), torch.bfloat16),
    ("llama", LlamaForCausalLM, LlamaConfig, dict(tie_word_embeddings=False), torch.float32),
    ("llama3 scaling", LlamaForCausalLM, LlamaConfig, dict(tie_word_embeddings=True, rope_parameters=LLAMA3), torch.float32),
]
SHAPE = dict(vocab_size=503, hidden_size=64, intermediate_size=112, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2,
             max_position_embeddings=1024, rms_norm_eps=1e-6, eos_token_id=[1, 7], bos_token_id=2, pad_token_id=0)
wrong = 0
for number, (name, model, config, more, dtype) in enumerate(CASES):
    torch.manual_seed(number)
    policy = model(config(**{**SHAPE, **more})).eval()
    with torch.no_grad():
        for parameter in policy.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    with tempfile.TemporaryDirectory() as directory:
        policy.to(dtype).save_pretrained(directory, max_shard_size="100KB")
        policy = model.from_pretrained(directory, dtype=torch.float32).eval()
        lists = [torch.randint(2, 503, (n,)).tolist() for n in (1, 2, 17, 300, 700)]
        ids = pathlib.Path(directory, "ids.json")
        ids.write_text(json.dumps(lists))
        out = subprocess.run([root / "foothold", "score", "--model", directory, "--ids", ids, "--generate", "40", *sys.argv[1:]],
                             capture_output=True, text=True)
        if out.returncode != 0:
            print(name, "FAILED:", out.stderr[-500:])
            wrong += 1
            continue
        worst, same = 0.0, 0
        for sequence, line in zip(lists, out.stdout.splitlines(), strict=True):
            ours = json.loads(line)
            with torch.no_grad():
                given = torch.tensor([sequence])
                lp = torch.log_softmax(policy(given).logits[0, :-1], -1).gather(1, given[0, 1:, None])[:, 0].tolist()
                greedy = policy.generate(given, attention_mask=torch.ones_like(given), do_sample=False, min_new_tokens=40, max_new_tokens=40)
            assert len(lp) == len(ours["log_probs"])
            worst = max([worst] + [abs(a - b) for a, b in zip(lp, ours["log_probs"])])
            same += greedy[0, len(sequence):].tolist() == ours["greedy"]
        bad = worst > 1e-4 or same < len(lists)
        wrong += bad
        print(f"hf parity: {name}: largest difference {worst:.1e}, greedy equal {same} of {len(lists)}{' WRONG' if bad else ''}", flush=True)
sys.exit(1 if wrong else 0)
