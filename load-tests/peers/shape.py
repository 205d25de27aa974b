"""What is measured: by default the shape of the shipped policy with random weights (308,592 parameters, 38 tokens); with the path of a
Hugging Face directory that model, with pieces as `foothold bench --model` has them. Usage of each script: SCRIPT [THREADS] [MODEL]."""
import dataclasses
import sys

import torch
from transformers import AutoModelForCausalLM, Qwen3Config, Qwen3ForCausalLM

END, PROMPT, MOST_NEW, VOCABULARY = 1, 20, 64, 38
THREADS = int(sys.argv[1]) if len(sys.argv) > 1 else 0
MODEL = sys.argv[2] if len(sys.argv) > 2 else ""


@dataclasses.dataclass(frozen=True)
class Sizes:
    """Lengths in tokens and counts of sequences; `steps` count after `warm_up` others."""

    prompt: int
    most_new: int
    batches: tuple
    rows: int
    rows_per_prompt: int
    response: int
    steps: int
    warm_up: int
    repetitions: int


SIZES = Sizes(77, 20, (1, 16, 64), 16, 8, 20, 3, 1, 2) if MODEL else Sizes(PROMPT, MOST_NEW, (1, 16, 64, 256), 96, 8, 51, 10, 2, 4)


def model(seed=0):
    if MODEL:
        return AutoModelForCausalLM.from_pretrained(MODEL, dtype=torch.float32, local_files_only=True)
    torch.manual_seed(seed)
    config = Qwen3Config(
        vocab_size=VOCABULARY, hidden_size=96, intermediate_size=256, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=2, head_dim=24, max_position_embeddings=256, rms_norm_eps=1e-6, tie_word_embeddings=True,
        attention_bias=False, bos_token_id=2, eos_token_id=END, pad_token_id=0,
        rope_parameters={"rope_type": "default", "rope_theta": 1e4})
    made = Qwen3ForCausalLM(config).float()
    assert sum(p.numel() for p in made.parameters()) == 308_592
    return made


def prompts(rows, length=None, seed=1, vocabulary=VOCABULARY):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(2, vocabulary, (rows, length or SIZES.prompt), generator=generator)


def adapted(policy):
    """The policy with adapters of rank 16 on every matrix of its layers, the only thing that is trained."""
    from peft import LoraConfig, get_peft_model
    return get_peft_model(policy, LoraConfig(r=16, lora_alpha=32, lora_dropout=0.0, target_modules="all-linear"))
