import os
import pathlib

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["HF_HUB_OFFLINE"] = "1"

import pytest
import torch
import transformers

torch.set_num_threads(1)
transformers.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()

ROOT = pathlib.Path(__file__).resolve().parents[4]
SHAPE = {"vocab_size": 61, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4,
         "num_key_value_heads": 2, "max_position_embeddings": 256, "eos_token_id": 1, "bos_token_id": 2, "pad_token_id": 0}
FAMILIES = {
    "llama": (transformers.LlamaConfig, {"tie_word_embeddings": True, "head_dim": 16}),
    "qwen2": (transformers.Qwen2Config, {"tie_word_embeddings": False}),
    "qwen3": (transformers.Qwen3Config, {"head_dim": 32, "tie_word_embeddings": True}),
    # Outside of Java's classes: soft caps and windows, no replaceable attention, a state space, experts.
    "gemma2": (transformers.Gemma2Config, {"head_dim": 16, "sliding_window": 8, "query_pre_attn_scalar": 16}),
    "gemma3": (transformers.Gemma3TextConfig, {"head_dim": 16, "sliding_window": 8}),
    "olmo2": (transformers.Olmo2Config, {}),
    "mistral": (transformers.MistralConfig, {"head_dim": 16, "sliding_window": 12}),
    "gpt_neox": (transformers.GPTNeoXConfig, {}),
    "gpt2": (transformers.GPT2Config, {"n_embd": 64, "n_layer": 2, "n_head": 4}),
    "mpt": (transformers.MptConfig, {"d_model": 64, "n_layers": 2, "n_heads": 4}),
    "granite": (transformers.GraniteConfig, {"logits_scaling": 3.0}),
    "bloom": (transformers.BloomConfig, {"n_layer": 2, "n_head": 4}),
    "mamba": (transformers.MambaConfig, {"state_size": 4}),
    "mixtral": (transformers.MixtralConfig, {"num_local_experts": 3, "num_experts_per_tok": 2}),
}


def make_model(directory, family, **more):
    """Writes a random tiny model and gives its directory."""
    kind, settings = FAMILIES[family]
    torch.manual_seed(7)
    config = kind(**{**SHAPE, **settings, **more})
    model = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    model.save_pretrained(directory)
    return pathlib.Path(directory)


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    """Directories of tiny models by family, each made once."""
    made = {}

    def get(family):
        if family not in made:
            made[family] = make_model(tmp_path_factory.mktemp("model") / family, family)
        return made[family]

    return get


def example_rows(vocabulary=61, seed=3, groups=3, members=4, prompt=20):
    """Groups that share their prompt and a beginning of all prompts, rows of several lengths, some without credit, one off-policy, given
    tokens and labels among them."""
    from twin import Credited

    generator = torch.Generator().manual_seed(seed)

    def draw(n):
        return torch.randint(3, vocabulary, (n,), generator=generator).tolist()

    start, rows = draw(prompt - 3), []
    for group in range(groups):
        context = start + draw(3 + group)
        for member in range(members):
            given, sampled = draw(member), draw(3 + (5 * member + group) % 11)
            tokens = context + given + sampled
            targets = list(range(len(tokens) - len(sampled), len(tokens)))
            labels = draw(len(sampled)) if (group, member) == (1, 1) else ()
            n = len(targets)
            credit = 0.0 if (group, member) == (0, 2) else (member - 1.3) / 40
            rows.append(Credited(tokens, targets, labels, [(-4.0 + 0.1 * i) for i in range(n)], [credit] * n, [1 / 40] * n,
                            off_policy=(group, member) == (2, 3)))
    return rows
