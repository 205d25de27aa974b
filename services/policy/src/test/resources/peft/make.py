"""Makes the adapters of LoraTest: random, saved by PEFT on checkpoints of ../hf, with the log-probs that PEFT's unmerged model gives
in float64 and the gradient of their mean. Needs load-tests/peers/requirements.txt and peft: python make.py"""
import json
import os
import pathlib
import shutil

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

here = pathlib.Path(__file__).parent
os.chdir(here)
for name, base, settings in [
    ("qwen3-some", "../hf/qwen3-tied-sharded", dict(r=3, lora_alpha=7, target_modules=["q_proj", "v_proj", "down_proj"])),
    ("qwen2-all-rslora", "../hf/qwen2-old-spelling", dict(r=2, lora_alpha=3, target_modules="all-linear", use_rslora=True)),
]:
    torch.manual_seed(11)
    shutil.rmtree(name, ignore_errors=True)
    model = get_peft_model(AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32), LoraConfig(task_type="CAUSAL_LM", **settings))
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            if "lora_" in key:
                parameter.copy_(0.3 * torch.randn_like(parameter))
    model.save_pretrained(name)
    config = json.loads((here / name / "adapter_config.json").read_text())
    config["base_model_name_or_path"] = "../" + base  # from the adapter's own directory
    (here / name / "adapter_config.json").write_text(json.dumps(config, indent=2) + "\n")
    (here / name / "README.md").unlink()
    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base, dtype=torch.float64), name, is_trainable=True).double()
    ids = torch.randint(2, 61, (1, 30))
    log_probs = torch.log_softmax(model(ids).logits[0, :-1], -1).gather(1, ids[0, 1:, None])[:, 0]
    (-log_probs.mean()).backward()
    save_file({k.replace(".default", ""): p.grad.float().contiguous() for k, p in model.named_parameters() if p.grad is not None},
              here / name / "gradients.safetensors")
    (here / name / "expected.json").write_text(json.dumps({"ids": ids[0].tolist(), "log_probs": log_probs.tolist()}) + "\n")
