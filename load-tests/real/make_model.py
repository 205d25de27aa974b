"""GGUF file of a Llama model and its tokenizer -> a Hugging Face directory in float32; needs gguf, numpy, safetensors, tokenizers.

  python make_model.py FILE.gguf OUT
"""

import json
import os
import sys

import numpy as np
from gguf import GGUFReader, dequantize
from safetensors.numpy import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

PARTS = {
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
WHOLE = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}
CONTROL = 3  # GGUF's type of a token that is no text


def halves(weight, heads):
    """GGUF keeps the rows of a head that rotate together side by side; Hugging Face keeps them a half apart."""
    return weight.reshape(heads, weight.shape[0] // heads // 2, 2, weight.shape[1]).swapaxes(1, 2).reshape(weight.shape)


def weights(reader, heads, key_heads):
    out = {}
    for tensor in reader.tensors:
        weight = np.ascontiguousarray(dequantize(tensor.data, tensor.tensor_type).astype(np.float32))
        path = tensor.name.split(".")
        if path[0] == "blk":
            if path[2] in ("attn_q", "attn_k"):
                weight = halves(weight, heads if path[2] == "attn_q" else key_heads)
            name = f"model.layers.{path[1]}.{PARTS[path[2]]}.weight"
        else:
            name = WHOLE[path[0]] + ".weight"
        out[name] = np.ascontiguousarray(weight)
    return out


def tokenizer(fields):
    tokens, merges, types = (fields["tokenizer.ggml." + key] for key in ("tokens", "merges", "token_type"))
    out = Tokenizer(
        models.BPE(
            vocab={token: i for i, token in enumerate(tokens)},
            merges=[tuple(merge.split(" ")) for merge in merges],
            fuse_unk=False,
            unk_token=None,
        )
    )
    out.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)]
    )
    out.decoder = decoders.ByteLevel()
    special = [token for token, kind in zip(tokens, types, strict=True) if kind == CONTROL]
    out.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special])
    return out, tokens


def main(source, out):
    os.makedirs(out, exist_ok=True)
    reader = GGUFReader(source)
    fields = {key: field.contents() for key, field in reader.fields.items()}
    heads, key_heads = fields["llama.attention.head_count"], fields["llama.attention.head_count_kv"]
    tensors = weights(reader, heads, key_heads)
    save_file(tensors, out + "/model.safetensors", {"format": "pt"})
    words, tokens = tokenizer(fields)
    words.save(out + "/tokenizer.json")
    begin, end = fields["tokenizer.ggml.bos_token_id"], fields["tokenizer.ggml.eos_token_id"]
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": len(tokens),
        "hidden_size": fields["llama.embedding_length"],
        "intermediate_size": fields["llama.feed_forward_length"],
        "num_hidden_layers": fields["llama.block_count"],
        "num_attention_heads": heads,
        "num_key_value_heads": key_heads,
        "max_position_embeddings": fields["llama.context_length"],
        "hidden_act": "silu",
        "rms_norm_eps": float(f"{fields['llama.attention.layer_norm_rms_epsilon']:.6g}"),
        "rope_theta": fields["llama.rope.freq_base"],
        "rope_scaling": None,
        "tie_word_embeddings": "lm_head.weight" not in tensors,
        "attention_bias": False,
        "mlp_bias": False,
        "bos_token_id": begin,
        "eos_token_id": end,
        "torch_dtype": "float32",
    }
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": tokens[begin],
        "eos_token": tokens[end],
        "pad_token": tokens[end],
        "chat_template": fields["tokenizer.chat_template"],
    }
    for name, value in (("config", config), ("tokenizer_config", settings)):
        with open(f"{out}/{name}.json", "w", encoding="utf-8") as file:
            json.dump(value, file, indent=2)


if __name__ == "__main__":
    main(*sys.argv[1:3])
