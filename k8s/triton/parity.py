"""Compares the reference engine with Hugging Face transformers on tiny random checkpoints of the three families, llama3 scaling included: logits of a
whole prompt, and of the same tokens fed one by one. Needs torch, transformers and numpy (load-tests/peers/requirements.txt)."""
import pathlib
import sys
import tempfile

import numpy as np
import torch
from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM, Qwen3Config, Qwen3ForCausalLM

sys.path.insert(0, str(pathlib.Path(__file__).parent / "model-repository/policy/1"))
import reference

SHAPE = dict(vocab_size=97, hidden_size=64, intermediate_size=160, num_hidden_layers=3, num_attention_heads=4,
             num_key_value_heads=2, max_position_embeddings=128, rms_norm_eps=1e-5, eos_token_id=[1, 5], pad_token_id=0)
BOUND = 2e-5  # transformers computes in float32, the reference in float64
FAMILIES = [
    ("qwen3, tied, head_dim 24", Qwen3ForCausalLM, Qwen3Config, dict(head_dim=24, tie_word_embeddings=True)),
    ("qwen2, q/k/v bias", Qwen2ForCausalLM, Qwen2Config, dict(tie_word_embeddings=False)),
    ("llama, untied", LlamaForCausalLM, LlamaConfig, dict(tie_word_embeddings=False)),
    ("llama, llama3 scaling", LlamaForCausalLM, LlamaConfig, dict(rope_parameters=dict(
        rope_type="llama3", rope_theta=1e4, factor=4.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=32))),
]
failed = 0
for name, model, config, more in FAMILIES:
    torch.manual_seed(7)
    policy = model(config(**SHAPE, **more)).eval()
    with torch.no_grad():
        for parameter in policy.parameters():  # norms and biases too: fresh ones would hide a mistake
            parameter.add_(0.1 * torch.randn_like(parameter))
    ids = torch.randint(2, 97, (1, 40))
    with torch.no_grad():
        expected = policy(ids).logits[0].double().numpy()
    with tempfile.TemporaryDirectory() as directory:
        policy.save_pretrained(directory)
        ours = reference.Policy(directory)
        whole = ours.feed(reference.Sequence(3), ids[0].tolist())
        one, worst = reference.Sequence(3), 0.0
        for position, token in enumerate(ids[0].tolist()):
            worst = max(worst, np.abs(ours.feed(one, [token]) - expected[position]).max())
    worst = max(worst, np.abs(whole - expected[-1]).max())
    good = worst <= BOUND * max(1, np.abs(expected).max()) and ours.ends == {1, 5}
    failed += not good
    print("%-26s largest difference of a logit %.1e of %.1f: %s" % (name, worst, np.abs(expected).max(), "ok" if good else "FAILED"))
print("%d passed, %d failed" % (len(FAMILIES) - failed, failed))
sys.exit(failed > 0)
