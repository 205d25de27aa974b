"""What callers hand to the engine and get back: rows of tokens, scores, slopes of a loss. No tensors, no transport."""
from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

from .errors import Refused


@dataclasses.dataclass(frozen=True)
class Row:
    """One rollout, or one sequence to be scored.

    tokens     all token ids: prompt, given response tokens, sampled tokens
    targets    places in `tokens` whose log-probs are wanted, ascending, each 1 or more (the place of the predicted token)
    labels     predicted token at each target; empty when it is `tokens[target]` itself
    """

    tokens: Sequence[int]
    targets: Sequence[int]
    labels: Sequence[int] = ()

    def check(self, number: int, vocabulary: int, longest: int) -> None:
        """Raises Refused, naming row and value, unless the row can be computed."""
        size, count = len(self.tokens), len(self.targets)
        if size == 0:
            raise Refused(f"row {number} is empty (expected at least one token)")
        if size > longest:
            raise Refused(f"row {number} has {size} tokens (the model takes at most {longest})")
        for token in (*self.tokens, *self.labels):
            if not 0 <= token < vocabulary:
                raise Refused(f"row {number}: token id {token} is outside of the vocabulary (0..{vocabulary - 1})")
        last = 0
        for target in self.targets:
            if not last < target < size:
                raise Refused(f"row {number}: target {target} of {size} tokens (expected ascending places from 1 to {size - 1})")
            last = target
        if len(self.labels) not in (0, count):
            raise Refused(f"row {number}: {len(self.labels)} values of labels for {count} targets")

    @property
    def inputs(self) -> Sequence[int]:
        """Tokens that go through the model: those behind the last target predict nothing that is asked for."""
        return self.tokens[: self.targets[-1]] if len(self.targets) else self.tokens[:0]

    @property
    def predicted(self) -> Sequence[int]:
        """The token whose log-prob is wanted at each target."""
        return self.labels if len(self.labels) else [self.tokens[t] for t in self.targets]


@dataclasses.dataclass(frozen=True)
class Score:
    """Log-probs and entropies of a row's targets, nats, one a target."""

    log_probs: list[float]
    entropies: list[float]


@dataclasses.dataclass(frozen=True)
class Forwarded:
    """A row that was passed forward and waits for its slopes; `base`: log-probs of the base, nats, empty unless asked for."""

    score: Score
    base: list[float]


@dataclasses.dataclass(frozen=True)
class Slopes:
    """How fast a loss changes with a row's log-probs, and with its entropies (empty where it does not). One number stands for all
    targets. Plain derivatives: they hold every normaliser."""

    by_log_prob: Sequence[float]
    by_entropy: Sequence[float] = ()

    def check(self, number: int, targets: int) -> None:
        """Raises Refused, naming row and value, unless they are those of a row with so many targets."""
        if len(self.by_log_prob) not in (1, targets) or len(self.by_entropy) not in (0, 1, targets):
            raise Refused(f"row {number}: {len(self.by_log_prob)} and {len(self.by_entropy)} slopes for {targets} targets")
        for value in (*self.by_log_prob, *self.by_entropy):
            if not math.isfinite(value):
                raise Refused(f"row {number}: a slope is {value} (expected a finite number)")


@dataclasses.dataclass(frozen=True)
class AdamW:
    """One step of AdamW (Loshchilov and Hutter, arXiv 1711.05101) with a bound on the global gradient norm.

    Decay is decoupled and of matrices only: norms and biases are left. clip_norm 0 is off."""

    learning_rate: float
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    weight_decay: float = 0.0
    clip_norm: float = 0.0

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if not (math.isfinite(value) and value >= 0):
                raise Refused(f"optimizer: {field.name} is {value} (expected a number of 0 or more)")
        for name in ("beta1", "beta2"):
            if getattr(self, name) >= 1:
                raise Refused(f"optimizer: {name} is {getattr(self, name)} (expected a number below 1)")


@dataclasses.dataclass(frozen=True)
class Stepped:
    """A step: the gradient norm before clipping, steps taken so far, whether this one was skipped because the norm is not finite."""

    norm: float
    steps: int
    skipped: bool


@dataclasses.dataclass(frozen=True)
class Lora:
    """Low-rank adapters (Hu et al., arXiv 2106.09685): W + scale B A with A [rank, in], B [out, rank]; scale = alpha / rank, or
    alpha / sqrt(rank) when rank-stabilised (Kalajdzievski, arXiv 2312.03732). Targets are names of linear layers, or all of them when
    empty. Fresh adapters have A uniform in +-1/sqrt(in) and B zero."""

    rank: int
    alpha: float
    targets: tuple[str, ...] = ()
    rank_stabilised: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        if self.rank < 1 or not self.alpha > 0:
            raise Refused(f"LoRA needs a rank of 1 or more and an alpha above 0: rank {self.rank}, alpha {self.alpha}")
