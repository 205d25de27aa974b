"""Compares a checkpoint of a Foothold run that trains adapters with PEFT: python lora_parity.py CHECKPOINT (a directory with model.safetensors
and adapter/). Its weights through transformers, its adapter on the base through PEFT without merging, and both through
./foothold score: log-probs of the same tokens. Exits with 1 where they differ by more than 1e-4. Adapters that change nothing fail too."""
import json
import pathlib
import subprocess
import sys
import tempfile

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

root = pathlib.Path(__file__).resolve().parents[2]
checkpoint = pathlib.Path(sys.argv[1])
base = json.loads((checkpoint / "adapter" / "adapter_config.json").read_text())["base_model_name_or_path"]
torch.manual_seed(0)
plain = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32).eval()
lists = [torch.randint(2, plain.config.vocab_size, (n,)).tolist() for n in (2, 17, 100)]


def log_probs(model, ids):
    with torch.no_grad():
        return torch.log_softmax(model(torch.tensor([ids])).logits[0, :-1], -1).gather(1, torch.tensor(ids)[1:, None])[:, 0]


def scored(directory):
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(lists, file)
        file.flush()
        out = subprocess.run([root / "foothold", "score", "--model", directory, "--ids", file.name], capture_output=True, text=True, check=True)
    return [torch.tensor(json.loads(line)["log_probs"]) for line in out.stdout.splitlines()]


before = [log_probs(plain, ids) for ids in lists]
adapted = PeftModel.from_pretrained(plain, checkpoint / "adapter").eval()
expected = [log_probs(adapted, ids) for ids in lists]
merged = AutoModelForCausalLM.from_pretrained(checkpoint, dtype=torch.float32).eval()
found = {
    "transformers, merged checkpoint": [log_probs(merged, ids) for ids in lists],
    "foothold score, merged checkpoint": scored(checkpoint),
    "foothold score, base and adapter": scored(checkpoint / "adapter"),
}
moved = max(float((a - b).abs().max()) for a, b in zip(before, expected))
print(f"the adapter moves log-probs by up to {moved:.3g}")
worst = 0.0
for name, values in found.items():
    difference = max(float((a - b).abs().max()) for a, b in zip(values, expected))
    worst = max(worst, difference)
    print(f"{name}: largest difference from PEFT's unmerged model {difference:.2g}")
sys.exit(worst > 1e-4 or moved < 1e-3)
