"""TRL's GRPOTrainer on the shape of the shipped policy: 96 rollouts a step (12 prompts x 8), at most 64 new tokens, one on-policy
step, no KL, a coin as reward. Trained rollouts a second from the median time between steps; the first three steps left out."""
import json
import sys
import tempfile
import time

import torch
from datasets import Dataset
from shape import MOST_NEW, PROMPT, VOCABULARY, model, prompts
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast, TrainerCallback
from trl import GRPOConfig, GRPOTrainer

torch.set_num_threads(int(sys.argv[1]) if len(sys.argv) > 1 else 2)
words = ["<pad>", "<|end|>"] + [f"w{i}" for i in range(2, VOCABULARY)]
plain = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="w2"))
plain.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
tokenizer = PreTrainedTokenizerFast(tokenizer_object=plain, pad_token="<pad>", eos_token="<|end|>", padding_side="left")
data = Dataset.from_dict({"prompt": [" ".join(f"w{i}" for i in row) for row in prompts(1200, PROMPT).tolist()]})
ends, lengths = [], []


class Clock(TrainerCallback):
    def on_step_end(self, *args, **kwargs):
        ends.append(time.perf_counter())


def coin(completions, completion_ids, **_):
    lengths.extend(len(ids) for ids in completion_ids)
    return [float(hash(text) % 2) for text in completions]


with tempfile.TemporaryDirectory() as directory:
    config = GRPOConfig(
        output_dir=directory, per_device_train_batch_size=96, num_generations=8, max_completion_length=MOST_NEW, temperature=1.0,
        beta=0.0, learning_rate=1e-6, max_steps=14, save_strategy="no", report_to=[], logging_steps=1000, use_cpu=True, bf16=False,
        gradient_checkpointing=False, scale_rewards="none", disable_tqdm=True, num_iterations=1)
    GRPOTrainer(model=model(), reward_funcs=coin, args=config, train_dataset=data, processing_class=tokenizer,
                callbacks=[Clock()]).train()
gaps = sorted(b - a for a, b in zip(ends[3:], ends[4:]))
print(json.dumps({"peer": "trl grpo", "threads": torch.get_num_threads(), "mean_length": round(sum(lengths) / len(lengths), 1),
                  "trained_rollouts_per_s": round(96 / gaps[len(gaps) // 2], 1)}))
