"""Measures the worker's engine against a training step by hand in eager PyTorch (that of load-tests/peers, on a real model): trained
rollouts a CPU second, by turns in one sitting, median of the rounds. python measure.py MODEL [ROUNDS] [ROWS]; prints one line a case.

Rows of 77 prompt and 20 sampled tokens; groups of 8 that share their prompt, or every prompt its own; LoRA of rank 16 on all linear
layers, or all weights; float32, one thread, one AdamW step an update. CPU seconds are the process's: on a shared machine wall seconds
say little."""
import json
import pathlib
import statistics
import sys
import time

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

from foothold_torch.engine import Engine, Opening, Place
from foothold_torch.rows import AdamW, Lora, Row, Slopes

MODEL, ROUNDS, ROWS = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 3, int(sys.argv[3]) if len(sys.argv) > 3 else 16
PROMPT, SAMPLED, GROUP, RATE = 77, 20, 8, 1e-6
LINEAR = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
torch.set_num_threads(1)


def rows(shared: bool, vocabulary: int) -> list[list[int]]:
    """Random token ids of ROWS rows."""
    generator = torch.Generator().manual_seed(1)

    def draw(n: int) -> list[int]:
        return torch.randint(2, vocabulary, (n,), generator=generator).tolist()

    prompts = [draw(PROMPT) for _ in range(ROWS // GROUP if shared else ROWS)]
    return [prompts[i // GROUP if shared else i] + draw(SAMPLED) for i in range(ROWS)]


class Eager:
    """The peer: rows as one rectangle, all logits, clip, fused AdamW; micro-batches of a group, as memory asks for."""

    def __init__(self, lora: bool) -> None:
        model = AutoModelForCausalLM.from_pretrained(MODEL, dtype=torch.float32)
        self.vocabulary = model.config.vocab_size
        if lora:
            model = get_peft_model(model, LoraConfig(r=16, lora_alpha=32, target_modules=LINEAR, lora_dropout=0.0))
        self.model = model.train()
        self.trained = [p for p in model.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(self.trained, lr=RATE, betas=(0.9, 0.95), weight_decay=0.01, fused=True)

    def update(self, tokens: list[list[int]], advantage: torch.Tensor) -> None:
        """One optimizer step."""
        for begin in range(0, len(tokens), GROUP):
            ids = torch.tensor(tokens[begin : begin + GROUP])
            log_probs = torch.log_softmax(self.model(input_ids=ids, use_cache=False).logits[:, PROMPT - 1 : -1].float(), -1)
            chosen = log_probs.gather(2, ids[:, PROMPT:, None])[..., 0]
            (-(advantage[begin : begin + GROUP, None] * chosen).sum() / (len(tokens) * SAMPLED)).backward()
        torch.nn.utils.clip_grad_norm_(self.trained, 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)


class Ours:
    """The worker's engine without the transport, micro-batches of as many tokens as the peer's."""

    def __init__(self, lora: bool) -> None:
        self.engine = Engine(Place())
        self.engine.open(Opening(pathlib.Path(MODEL), Lora(16, 32.0, tuple(LINEAR)) if lora else None, tokens=GROUP * (PROMPT + SAMPLED)))

    def update(self, tokens: list[list[int]], advantage: torch.Tensor) -> None:
        """One optimizer step."""
        weight = 1 / (len(tokens) * SAMPLED)
        given = self.engine.accumulate([Row(t, range(PROMPT, PROMPT + SAMPLED)) for t in tokens], 1.0)
        while given:
            given = self.engine.backward({i: Slopes([-weight * advantage[i].item()]) for i in given})
        self.engine.step(AdamW(RATE, 0.9, 0.95, 1e-8, 0.01, 1.0))


for lora in (True, False):
    sides = {"eager": Eager(lora), "foothold": Ours(lora)}
    vocabulary = sides["eager"].vocabulary
    for shared in (False, True):
        tokens, advantage = rows(shared, vocabulary), torch.randn(ROWS, generator=torch.Generator().manual_seed(2))
        found: dict[str, list[float]] = {name: [] for name in sides}
        for turn in range(ROUNDS + 1):
            for name, side in sides.items():
                start = time.process_time()
                side.update(tokens, advantage)
                if turn:  # The first is for warming up.
                    found[name].append(ROWS / (time.process_time() - start))
        medians = {name: round(statistics.median(values), 3) for name, values in found.items()}
        ratios = sorted(a / b for a, b in zip(found["foothold"], found["eager"], strict=True))
        print(json.dumps({"trains": "lora 16" if lora else "all weights", "prompts": "groups of 8" if shared else "each its own",
                          "rollouts_per_cpu_s": medians, "ratio": round(statistics.median(ratios), 2),
                          "ratios": [round(r, 2) for r in ratios]}), flush=True)
    del sides
