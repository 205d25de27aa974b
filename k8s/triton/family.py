"""Makes a tiny policy of a family that the embedded transformer does not know, as a Hugging Face directory: family.py OUT [MODEL_TYPE [SEED]].
Random weights in float32, tokenizer and chat template of tiny.py, and more rows than the tokenizer has tokens, as many real models have. Needs
the environment of the learner's torch backend."""
import json
import os
import pathlib
import sys

os.environ["HF_HUB_OFFLINE"] = "1"

import torch
import transformers

import tiny

ROWS = 48  # beyond the tokenizer's tokens
SHAPE = dict(hidden_size=128, intermediate_size=256, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, head_dim=32,
             max_position_embeddings=512, bos_token_id=None, eos_token_id=1, pad_token_id=None)


def make(directory, kind="gpt_neox", seed=0):
    """Writes the directory; gives the number of its parameters and of the tokenizer's tokens."""
    out, words = pathlib.Path(directory), tiny.tokenizer()
    tokens = words.get_vocab_size()
    torch.manual_seed(seed)
    # What a family does not know its classes pass over, and other engines may not: GPT-NeoX has no groups of keys.
    known = transformers.AutoConfig.for_model(kind)
    shape = {name: value for name, value in SHAPE.items() if hasattr(known, name)}
    config = transformers.AutoConfig.for_model(kind, vocab_size=tokens + ROWS, **shape)
    model = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    model.generation_config = transformers.GenerationConfig(eos_token_id=[1, 2])
    model.save_pretrained(out)
    (out / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|im_end|>"}), encoding="utf-8")
    (out / "chat_template.jinja").write_text(tiny.TEMPLATE, encoding="utf-8")
    words.save(str(out / "tokenizer.json"))
    return sum(p.numel() for p in model.parameters()), tokens


if __name__ == "__main__":
    made = make(sys.argv[1], *sys.argv[2:3], *map(int, sys.argv[3:4]))
    print("%d parameters, %d rows, %d tokens" % (made[0], made[1] + ROWS, made[1]))
