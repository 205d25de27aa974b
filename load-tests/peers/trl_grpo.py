"""TRL's GRPOTrainer: one on-policy step, no KL, a coin as reward. Trained rollouts a second from the median time between steps, and by
the time of all threads. On the shape of the shipped policy 96 rollouts a step (12 prompts x 8), at most 64 new tokens, three steps
left out; on a model of real size 64 rollouts a step (8 prompts x 8, eight at a time), at most 20 new tokens, one step left out, with
adapters of rank 16, or with all weights when a third argument says `full`."""
import itertools
import json
import random
import sys
import tempfile
import time

import torch
from datasets import Dataset
from shape import MODEL, MOST_NEW, PROMPT, THREADS, VOCABULARY, model, prompts
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoTokenizer, PreTrainedTokenizerFast, TrainerCallback
from trl import GRPOConfig, GRPOTrainer

torch.set_num_threads(THREADS or 2)
FULL = "full" in sys.argv[3:]
ends, lengths = [], []


class Clock(TrainerCallback):
    def on_step_end(self, *args, **kwargs):
        ends.append((time.perf_counter(), time.process_time()))


def coin(completions, completion_ids, **_):
    lengths.extend(len(ids) for ids in completion_ids)
    return [float(hash(str(text)) % 2) for text in completions]


def words():
    plain = Tokenizer(models.WordLevel({word: i for i, word in enumerate(
        ["<pad>", "<|end|>"] + [f"w{i}" for i in range(2, VOCABULARY)])}, unk_token="w2"))
    plain.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=plain, pad_token="<pad>", eos_token="<|end|>", padding_side="left")


def sums():
    """What `foothold bench --only run` asks a real model: three summands, with an example as an earlier turn."""
    numbers = random.Random(0)
    return [[{"role": "user", "content": "Add 3, 6, 2."}, {"role": "assistant", "content": "3 + 6 = 9\n9 + 2 = 11"},
             {"role": "user", "content": "Add " + ", ".join(str(numbers.randint(1, 9)) for _ in range(3)) + "."}] for _ in range(64)]


if MODEL:
    tokenizer = AutoTokenizer.from_pretrained(MODEL, local_files_only=True)
    data = Dataset.from_dict({"prompt": sums()})
    rollouts, skipped, peft = 64, 1, None
    if not FULL:
        from peft import LoraConfig
        peft = LoraConfig(r=16, lora_alpha=32, lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM")
    own = dict(per_device_train_batch_size=8, gradient_accumulation_steps=8, max_completion_length=20, max_steps=3, loss_type="dr_grpo")
else:
    tokenizer = words()
    data = Dataset.from_dict({"prompt": [" ".join(f"w{i}" for i in row) for row in prompts(1200, PROMPT).tolist()]})
    rollouts, skipped, peft = 96, 3, None
    own = dict(per_device_train_batch_size=96, max_completion_length=MOST_NEW, max_steps=14)
with tempfile.TemporaryDirectory() as directory:
    config = GRPOConfig(
        output_dir=directory, num_generations=8, temperature=1.0, beta=0.0, learning_rate=1e-6, save_strategy="no", report_to=[],
        logging_steps=1000, use_cpu=True, bf16=False, gradient_checkpointing=False, scale_rewards="none", disable_tqdm=True,
        num_iterations=1, **own)
    GRPOTrainer(model=model(), reward_funcs=coin, args=config, train_dataset=data, processing_class=tokenizer,
                callbacks=[Clock()], peft_config=peft).train()
counted = ends[skipped - 1:] if MODEL else ends[skipped:]
gaps = sorted(b[0] - a[0] for a, b in itertools.pairwise(counted))
cpu = (counted[-1][1] - counted[0][1]) / (len(counted) - 1)
print(json.dumps({"peer": "trl grpo", "threads": torch.get_num_threads(), "mean_length": round(sum(lengths) / len(lengths), 1),
                  "trained_rollouts_per_s": round(rollouts / gaps[len(gaps) // 2], 3),
                  "trained_rollouts_per_cpu_s": round(rollouts / cpu, 3)}))
