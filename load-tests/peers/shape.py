"""The shape of the shipped policy with random weights: 308,592 parameters, 38 tokens."""
import torch
from transformers import Qwen3Config, Qwen3ForCausalLM

END, PROMPT, MOST_NEW, VOCABULARY = 1, 20, 64, 38


def model(seed=0):
    torch.manual_seed(seed)
    config = Qwen3Config(
        vocab_size=VOCABULARY, hidden_size=96, intermediate_size=256, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=2, head_dim=24, max_position_embeddings=256, rms_norm_eps=1e-6, tie_word_embeddings=True,
        attention_bias=False, bos_token_id=2, eos_token_id=END, pad_token_id=0,
        rope_parameters={"rope_type": "default", "rope_theta": 1e4})
    made = Qwen3ForCausalLM(config).float()
    assert sum(p.numel() for p in made.parameters()) == 308_592
    return made


def prompts(rows, length=PROMPT, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(2, VOCABULARY, (rows, length), generator=generator)
