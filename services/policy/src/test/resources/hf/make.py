"""Makes the checkpoints of HuggingFaceParityTest: tiny, random, saved by transformers, with the log-probs that transformers gives
to a sequence of tokens and the tokens it generates greedily. Run with load-tests/peers/requirements.txt: python make.py"""
import json
import pathlib
import shutil

import torch
from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM, Qwen3Config, Qwen3ForCausalLM

SHAPE = dict(vocab_size=61, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
             num_key_value_heads=2, max_position_embeddings=64, rms_norm_eps=1e-5, eos_token_id=[1, 5], pad_token_id=0)
SCALED = dict(rope_type="llama3", rope_theta=500.0, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
              original_max_position_embeddings=16)
here = pathlib.Path(__file__).parent


def old_spelling(directory):
    """config.json as transformers 4 wrote it."""
    config = json.loads((directory / "config.json").read_text())
    rope = config.pop("rope_parameters")
    config["rope_theta"] = rope.pop("rope_theta")
    config["rope_scaling"] = rope if rope.get("rope_type") != "default" else None
    config["torch_dtype"] = config.pop("dtype")
    (directory / "config.json").write_text(json.dumps(config, indent=2) + "\n")


for name, model, config, more, save in [
    ("qwen3-tied-sharded", Qwen3ForCausalLM, Qwen3Config, dict(head_dim=12, tie_word_embeddings=True), dict(max_shard_size="20KB")),
    ("qwen2-bias-bf16", Qwen2ForCausalLM, Qwen2Config, dict(tie_word_embeddings=False), {}),
    ("llama-untied-fp16", LlamaForCausalLM, LlamaConfig, dict(tie_word_embeddings=False), {}),
    ("llama3-scaled", LlamaForCausalLM, LlamaConfig, dict(tie_word_embeddings=True, rope_parameters=SCALED), {}),
    ("llama3-scaled-old-spelling", LlamaForCausalLM, LlamaConfig, dict(tie_word_embeddings=False, rope_parameters=SCALED), {}),
    ("qwen2-old-spelling", Qwen2ForCausalLM, Qwen2Config, dict(tie_word_embeddings=True, rope_parameters=dict(rope_type="default", rope_theta=1e6)), {}),
]:
    torch.manual_seed(7)
    policy = model(config(**SHAPE, **more)).eval()
    with torch.no_grad():
        for parameter in policy.parameters():  # norms and biases too: fresh ones would hide a mistake
            parameter.add_(0.1 * torch.randn_like(parameter))
    dtype = torch.bfloat16 if "bf16" in name else torch.float16 if "fp16" in name else torch.float32
    policy = policy.to(dtype)
    shutil.rmtree(here / name, ignore_errors=True)
    policy.save_pretrained(here / name, **save)
    if "old-spelling" in name:
        old_spelling(here / name)
    # Read again: casting the module would have rounded the rotation's frequencies too.
    policy = model.from_pretrained(here / name, dtype=torch.float32).double().eval()
    ids = torch.randint(2, 61, (1, 30))
    with torch.no_grad():
        log_probs = torch.log_softmax(policy(ids).logits[0, :-1], -1).gather(1, ids[0, 1:, None])[:, 0]
        greedy = policy.generate(ids[:, :9], do_sample=False, min_new_tokens=24, max_new_tokens=24, pad_token_id=0)[0, 9:]
    (here / name / "expected.json").write_text(json.dumps(
        {"ids": ids[0].tolist(), "log_probs": log_probs.tolist(), "prompt": 9, "greedy": greedy.tolist()}) + "\n")
