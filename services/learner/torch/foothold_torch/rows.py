"""What callers hand to the engine: rows of tokens with credit, and the rule of the loss. No tensors, no transport.

The words are those of the design's glossary; the equations are in `loss.py`."""
from __future__ import annotations

import dataclasses
import enum
import math
from collections.abc import Sequence

from .errors import Refused


class Ratio(enum.Enum):
    """Which importance ratio the objective has."""

    NONE = "none"
    TOKEN = "token"
    SEQUENCE = "sequence"


@dataclasses.dataclass(frozen=True)
class Rule:
    """How credit becomes a loss; the aggregation is in the credit already. Symbols as in `loss.py`.

    Raises Refused for bounds that are no bounds."""

    ratio: Ratio = Ratio.NONE
    clip_low: float = 0.0
    clip_high: float = 0.0
    dual_clip: float = 0.0
    kl_coefficient: float = 0.0
    entropy_coefficient: float = 0.0
    shaping: float = 0.0

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(value, float) and not (math.isfinite(value) and value >= 0):
                raise Refused(f"loss rule: {field.name} is {value} (expected a number of 0 or more)")
        if self.dual_clip != 0 and self.dual_clip <= 1:
            raise Refused(f"loss rule: dual_clip is {self.dual_clip} (expected a number above 1, or 0 for off)")

    @property
    def regularised(self) -> bool:
        """Whether rows without credit have a gradient too."""
        return self.kl_coefficient > 0 or self.entropy_coefficient > 0


@dataclasses.dataclass(frozen=True)
class Row:
    """One rollout, or one sequence to be scored.

    tokens     all token ids: prompt, given response tokens, sampled tokens
    targets    places in `tokens` whose log-probs are wanted, ascending, each 1 or more (the place of the predicted token)
    labels     predicted token at each target; empty when it is `tokens[target]` itself
    behaviour  log-prob of each target when it was drawn, nats; empty for rows that are only scored
    credit     weight times advantage of each target; empty for rows that are only scored
    weight     aggregation weight of each target, for KL and entropy terms; empty like credit
    off_policy whether it was sampled under another prompt: behaviour says nothing then, shaping takes the ratio's place
    """

    tokens: Sequence[int]
    targets: Sequence[int]
    labels: Sequence[int] = ()
    behaviour: Sequence[float] = ()
    credit: Sequence[float] = ()
    weight: Sequence[float] = ()
    off_policy: bool = False

    def check(self, number: int, vocabulary: int, longest: int, *, trained: bool) -> None:
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
        wanted = {"labels": (0, count)} | dict.fromkeys(("behaviour", "credit", "weight"), (count,) if trained else (0, count))
        for name, lengths in wanted.items():
            values = getattr(self, name)
            if len(values) not in lengths:
                raise Refused(f"row {number}: {len(values)} values of {name} for {count} targets")
            if name != "labels" and not all(math.isfinite(v) for v in values):
                raise Refused(f"row {number}: {name} holds a value that is not finite")

    @property
    def inputs(self) -> Sequence[int]:
        """Tokens that go through the model: those behind the last target predict nothing that is asked for."""
        return self.tokens[: self.targets[-1]] if len(self.targets) else self.tokens[:0]

    @property
    def predicted(self) -> Sequence[int]:
        """The token whose log-prob is wanted at each target."""
        return self.labels if len(self.labels) else [self.tokens[t] for t in self.targets]

    @property
    def has_credit(self) -> bool:
        """Whether it can have a gradient without a regulariser."""
        return any(c != 0 for c in self.credit)


@dataclasses.dataclass(frozen=True)
class Score:
    """Log-probs and entropies of a row's targets, nats, one a target."""

    log_probs: list[float]
    entropies: list[float]


@dataclasses.dataclass(frozen=True)
class Accumulated:
    """What accumulation saw: the loss summed over rows, and one score a row."""

    loss: float
    scores: list[Score]


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
