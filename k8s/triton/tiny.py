"""Makes a tiny policy as a Hugging Face directory: tiny.py OUT [SEED]. A Llama with tied embeddings and random weights in float32 (2 layers, 128
wide, heads of 32, which vLLM's attention on CPUs needs), a byte-level tokenizer and a chat template, both with letters beyond ASCII. Needs
numpy and tokenizers."""
import json
import pathlib
import sys

import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

TEXT = ["Wie groß ist die Fläche π·r² für r = √2?", "What is 17 + 26? Put your final answer within \\boxed{}.", "Здравствуйте, сколько будет 2 + 2?", "数学の問題を解いてください。"]
TEMPLATE = ("{% for m in messages %}<|im_start|>{{ m.role }} – größer als π\n{{ m.content }}<|im_end|>\n{% endfor %}"
            "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}")


def safetensors(tensors):
    """The bytes of a safetensors file."""
    header, at = {"__metadata__": {"format": "pt"}}, 0
    for name, values in tensors.items():
        header[name] = {"dtype": "F32", "shape": list(values.shape), "data_offsets": [at, at + values.nbytes]}
        at += values.nbytes
    text = json.dumps(header).encode()
    text = text.ljust(-(-len(text) // 8) * 8)
    return len(text).to_bytes(8, "little") + text + b"".join(values.tobytes() for values in tensors.values())


def tokenizer():
    out = Tokenizer(models.BPE())
    out.pre_tokenizer, out.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    out.train_from_iterator(TEXT, trainers.BpeTrainer(
        vocab_size=384, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), special_tokens=["<|im_start|>", "<|im_end|>", "<|end|>"], show_progress=False))
    return out


def weights(config, seed):
    wide, inner, heads = config["hidden_size"], config["intermediate_size"], config["head_dim"]
    q, kv = config["num_attention_heads"] * heads, config["num_key_value_heads"] * heads
    shapes = {"model.embed_tokens.weight": (config["vocab_size"], wide)}
    for i in range(config["num_hidden_layers"]):
        at = "model.layers.%d." % i
        shapes.update({at + "self_attn.q_proj.weight": (q, wide), at + "self_attn.k_proj.weight": (kv, wide), at + "self_attn.v_proj.weight": (kv, wide),
                       at + "self_attn.o_proj.weight": (wide, q), at + "mlp.gate_proj.weight": (inner, wide), at + "mlp.up_proj.weight": (inner, wide),
                       at + "mlp.down_proj.weight": (wide, inner), at + "input_layernorm.weight": (wide,), at + "post_attention_layernorm.weight": (wide,)})
    shapes["model.norm.weight"] = (wide,)
    random = np.random.default_rng(seed)
    return {name: (np.ones(shape) if len(shape) == 1 else 0.06 * random.standard_normal(shape)).astype(np.float32) for name, shape in shapes.items()}


def make(directory, seed=0):
    """Writes the directory; gives it."""
    out = pathlib.Path(directory)
    out.mkdir(parents=True, exist_ok=True)
    words = tokenizer()
    config = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": words.get_vocab_size(), "hidden_size": 128, "intermediate_size": 256,
              "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 32, "max_position_embeddings": 512,
              "hidden_act": "silu", "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "tie_word_embeddings": True, "attention_bias": False, "mlp_bias": False,
              "bos_token_id": None, "eos_token_id": 1, "torch_dtype": "float32"}
    (out / "config.json").write_text(json.dumps(config, indent=1), encoding="utf-8")
    (out / "generation_config.json").write_text(json.dumps({"eos_token_id": [1, 2]}), encoding="utf-8")
    (out / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|im_end|>"}), encoding="utf-8")
    (out / "chat_template.jinja").write_text(TEMPLATE, encoding="utf-8")
    words.save(str(out / "tokenizer.json"))
    (out / "seed").write_text(str(seed))  # what `adapt` makes the weights of once more
    (out / "model.safetensors").write_bytes(safetensors(weights(config, seed)))
    return out


def adapt(base, directory, seed, rank=8, alpha=16.0, targets=("q_proj", "v_proj", "down_proj")):
    """Writes random adapters of a tiny policy in PEFT's layout, and DIRECTORY-merged, the policy with them in its weights; gives both."""
    config = json.loads((base / "config.json").read_text(encoding="utf-8"))
    own, random, tensors = weights(config, int((base / "seed").read_text())), np.random.default_rng(seed), {}
    for name in list(own):
        if name.split(".")[-2] in targets:
            out, wide = own[name].shape
            a, b = (0.06 * random.standard_normal((rank, wide))).astype(np.float32), (0.06 * random.standard_normal((out, rank))).astype(np.float32)
            at = "base_model.model." + name.removesuffix("weight")
            tensors[at + "lora_A.weight"], tensors[at + "lora_B.weight"] = a, b
            own[name] = own[name] + np.float32(alpha / rank) * (b @ a)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "adapter_config.json").write_text(json.dumps({
        "peft_type": "LORA", "task_type": "CAUSAL_LM", "base_model_name_or_path": str(base), "r": rank, "lora_alpha": alpha, "lora_dropout": 0.0,
        "bias": "none", "fan_in_fan_out": False, "inference_mode": True, "use_rslora": False, "target_modules": list(targets)}), encoding="utf-8")
    (directory / "adapter_model.safetensors").write_bytes(safetensors(tensors))
    merged = directory.with_name(directory.name + "-merged")
    merged.mkdir(parents=True, exist_ok=True)
    for file in base.iterdir():
        if file.name != "model.safetensors":
            (merged / file.name).write_bytes(file.read_bytes())
    (merged / "model.safetensors").write_bytes(safetensors(own))
    return directory, merged


if __name__ == "__main__":
    make(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0)
