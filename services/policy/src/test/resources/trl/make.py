"""Makes the fixtures of TrlParityTest: one batch of completions with fixed advantages and behaviour log-probs, trained for ten steps by
TRL's GRPOTrainer (its loss, its clipping, its optimizer; generation replaced by the batch), for every loss that Foothold has too.
Run with load-tests/peers/requirements.txt: python make.py"""
import json
import pathlib
import shutil
import tempfile

import torch
from datasets import Dataset
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM, TrainerCallback
from trl import GRPOConfig, GRPOTrainer

here = pathlib.Path(__file__).parent
SHAPE = dict(vocab_size=31, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=1,
             head_dim=8, max_position_embeddings=64, eos_token_id=1, pad_token_id=0, tie_word_embeddings=True)
STEPS, RATE, CONSTANT, CLIP = 10, 3e-4, 20, (0.02, 0.03)
LOSSES = {
    "grpo": dict(loss_type="grpo"),
    "bnpo": dict(loss_type="bnpo"),
    "dapo": dict(loss_type="dapo"),
    "dr_grpo": dict(loss_type="dr_grpo"),
    "gspo": dict(loss_type="grpo", importance_sampling_level="sequence"),
    # Without the importance weight on the KL that TRL has switched on since DeepSeek-V3.2: ours is the KL of the GRPO paper.
    "grpo_kl": dict(loss_type="grpo", beta=0.3, use_bias_correction_kl=False),
}


def policy():
    torch.manual_seed(3)
    model = Qwen3ForCausalLM(Qwen3Config(**SHAPE))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model


torch.manual_seed(5)
lengths, starts = [3, 7, 12, 5, 9, 1, 16, 4], [4, 4, 4, 4, 6, 6, 6, 6]
prompts = {n: torch.randint(2, 31, (n,)).tolist() for n in set(starts)}
completions = [torch.randint(2, 31, (n,)).tolist() for n in lengths]
advantages = [0.75, -0.25, -0.25, -0.25, 0.5, 0.5, -0.5, -0.5]
width, left = max(lengths), max(starts)
batch = dict(
    prompt_ids=torch.tensor([[0] * (left - n) + prompts[n] for n in starts]),
    prompt_mask=torch.tensor([[0] * (left - n) + [1] * n for n in starts]),
    completion_ids=torch.tensor([c + [0] * (width - len(c)) for c in completions]),
    completion_mask=torch.tensor([[1] * n + [0] * (width - n) for n in lengths]),
    advantages=torch.tensor(advantages),
    num_items_in_batch=torch.tensor(sum(lengths)),
)
first = policy().eval()
with torch.no_grad():
    ids = torch.cat([batch["prompt_ids"], batch["completion_ids"]], 1)
    mask = torch.cat([batch["prompt_mask"], batch["completion_mask"]], 1)
    positions = (mask.cumsum(1) - 1).clamp(min=0)
    logits = first(ids, attention_mask=mask, position_ids=positions).logits[:, left - 1:-1]
    own = torch.log_softmax(logits, -1).gather(2, batch["completion_ids"][:, :, None])[:, :, 0]
    # Behaviour a little off the policy, so that ratios differ from 1 and some are clipped from the first step on.
    batch["old_per_token_logps"] = own + 0.03 * torch.randn_like(own)
    batch["ref_per_token_logps"] = own

shutil.rmtree(here / "first", ignore_errors=True)
first.save_pretrained(here / "first")
words = ["<pad>", "<end>"] + [f"w{i}" for i in range(2, 31)]
plain = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="w2"))
plain.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
tokenizer = PreTrainedTokenizerFast(tokenizer_object=plain, pad_token="<pad>", eos_token="<end>", padding_side="left")
data = Dataset.from_dict({"prompt": ["w2 w3"] * 800})
expected = {}
for name, settings in LOSSES.items():
    losses, after = [], {}

    class Replayed(GRPOTrainer):
        def _generate_and_score_completions(self, inputs):
            return {k: v.clone() for k, v in batch.items()}

        def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
            loss = super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
            losses.append(loss.item())  # noqa: B023 (called before the next turn)
            return loss

    class Snapshots(TrainerCallback):
        def on_step_end(self, args, state, control, model=None, **kwargs):
            if state.global_step in (1, STEPS):
                after[state.global_step] = {k: v.detach().clone() for k, v in model.state_dict().items() if k != "lm_head.weight"}  # noqa: B023

    with tempfile.TemporaryDirectory() as directory:
        config = GRPOConfig(
            output_dir=directory, per_device_train_batch_size=8, num_generations=4, max_completion_length=CONSTANT, learning_rate=RATE,
            lr_scheduler_type="constant", max_steps=STEPS, save_strategy="no", report_to=[], logging_steps=1, use_cpu=True, bf16=False,
            gradient_checkpointing=False, disable_tqdm=True, max_grad_norm=1.0, adam_beta1=0.9, adam_beta2=0.95, adam_epsilon=1e-8,
            weight_decay=0.01, epsilon=CLIP[0], epsilon_high=CLIP[1], temperature=1.0, **{"beta": 0.0, **settings})
        trainer = Replayed(model=Qwen3ForCausalLM.from_pretrained(here / "first", dtype=torch.float32), reward_funcs=lambda completions, **_: [0.0] * len(completions), args=config,
                           train_dataset=data, processing_class=tokenizer, callbacks=[Snapshots()])
        trainer.train()
        norms = [float(row["grad_norm"]) for row in trainer.state.log_history if "grad_norm" in row]
    for step, state in after.items():
        save_file({k: v.contiguous() for k, v in state.items()}, str(here / f"{name}-{step}.safetensors"))
    expected[name] = {"loss": losses, "norm": norms}
    print(name, losses[:2], norms[:2])
keep = batch["completion_mask"].bool()
(here / "batch.json").write_text(json.dumps({
    "prompts": [prompts[n] for n in starts], "completions": completions, "advantages": advantages,
    "behaviour": [row[m].tolist() for row, m in zip(batch["old_per_token_logps"], keep)],
    "constant": CONSTANT, "clip_low": CLIP[0], "clip_high": CLIP[1], "learning_rate": RATE, "steps": STEPS, "expected": expected}) + "\n")
