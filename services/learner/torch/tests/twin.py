"""The twin of core's losses, by autograd: what the Java side sends as slopes, for tests of the worker alone.

With t over the targets of row i, c_it = w_it A_i its credit, rho = exp(log p - behaviour):

    loss = - sum_it objective_it  +  beta sum_it w_it k3_it  -  c_H sum_it w_it H_it
    objective: none      c_it log p
               token     min(rho_it c_it, clip(rho_it, 1 - low, 1 + high) c_it), and for c_it < 0 at least dual c_it
               sequence  the same with rho_i = exp(mean_t log rho_it)                   (GSPO, arXiv 2507.18071)
               whatever the form, of off-policy rows  c_it p / (p + gamma)              (LUFFY, arXiv 2504.14945)
    k3 = exp(base - log p) - (base - log p) - 1                                         (Schulman, "Approximating KL divergence")

There is no further normaliser: the caller's weights sum over all micro-batches and ranks of a step."""
from __future__ import annotations

import dataclasses
import enum
from collections.abc import Sequence

import torch
import torch.distributed as dist

from foothold_torch.engine import Engine
from foothold_torch.rows import Forwarded, Row, Score, Slopes


class Ratio(enum.Enum):
    """Which importance ratio the objective has."""

    NONE = "none"
    TOKEN = "token"
    SEQUENCE = "sequence"


@dataclasses.dataclass(frozen=True)
class Rule:
    """How credit becomes a loss."""

    ratio: Ratio = Ratio.NONE
    clip_low: float = 0.0
    clip_high: float = 0.0
    dual_clip: float = 0.0
    kl_coefficient: float = 0.0
    entropy_coefficient: float = 0.0
    shaping: float = 0.0


@dataclasses.dataclass(frozen=True)
class Credited(Row):
    """A row with what a loss knows of its targets: behaviour log-probs, weight times advantage, weight, and whether it was sampled under
    another prompt."""

    behaviour: Sequence[float] = ()
    credit: Sequence[float] = ()
    weight: Sequence[float] = ()
    off_policy: bool = False


@dataclasses.dataclass(frozen=True)
class Accumulated:
    """The loss, and one score a row."""

    loss: float
    scores: list[Score]


def slopes_of(rule: Rule, row: Credited, given: Forwarded) -> tuple[float, Slopes]:
    """The loss of a row that was passed forward, and its slopes."""
    lp, entropy = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (given.score.log_probs, given.score.entropies))
    credits = Credits.of([row], torch.zeros(len(lp), dtype=torch.int64), torch.float64)
    credits.base = torch.tensor(given.base, dtype=torch.float64) if given.base else None
    value = loss(rule, lp, entropy, credits)
    value.backward()
    return value.item(), Slopes(lp.grad.tolist(), [] if entropy.grad is None else entropy.grad.tolist())


def accumulate(engine: Engine, rows: Sequence[Credited], rule: Rule, temperature: float) -> Accumulated:
    """What the learner does: passes rows forward, takes the slopes of the loss, passes them back. On every rank; whole on rank 0."""
    regularised = rule.kl_coefficient > 0 or rule.entropy_coefficient > 0
    use = [i for i, row in enumerate(rows) if len(row.targets) and (regularised or any(c != 0 for c in row.credit))]
    given = engine.accumulate([rows[i] for i in use], temperature, base=rule.kl_coefficient > 0)
    total, scores = 0.0, [Score([], [])] * len(rows)
    while True:
        slopes: dict[int, Slopes] = {}
        for i, one in given.items():
            value, slopes[i] = slopes_of(rule, rows[use[i]], one)
            total += value
            scores[use[i]] = one.score
        if engine.place.size > 1:
            told = [slopes]
            dist.broadcast_object_list(told, src=0, group=engine.place.control)
            slopes = told[0]
        if not slopes:
            break
        given = engine.backward(slopes)
    rest = [i for i, row in enumerate(rows) if len(row.targets) and i not in use]
    for i, score in zip(rest, engine.score([rows[i] for i in rest], temperature), strict=False):
        scores[i] = score
    return Accumulated(total, scores)


@dataclasses.dataclass
class Credits:
    """What the loss knows of the targets of a micro-batch, each [targets]: credit, weight, behaviour and base in the dtype of the
    log-probs (base None until somebody sets it), row int64, off_policy bool or None where no row is."""

    credit: torch.Tensor
    weight: torch.Tensor
    behaviour: torch.Tensor
    base: torch.Tensor | None
    row: torch.Tensor
    count: torch.Tensor
    """Targets of each row [rows], for means over a row."""
    off_policy: torch.Tensor | None

    @classmethod
    def of(cls, rows: list[Credited], row: torch.Tensor, dtype: torch.dtype) -> Credits:
        """Flattens rows in order; `row` is int64 [targets] on the device wanted."""

        def flat(name: str) -> torch.Tensor:
            return torch.tensor([v for r in rows for v in getattr(r, name)], dtype=dtype).to(row.device)

        off = torch.tensor([r.off_policy for r in rows for _ in r.targets]).to(row.device) if any(r.off_policy for r in rows) else None
        count = torch.tensor([max(1, len(r.targets)) for r in rows], dtype=dtype).to(row.device)
        return cls(flat("credit"), flat("weight"), flat("behaviour"), None, row, count, off)


def loss(rule: Rule, log_probs: torch.Tensor, entropies: torch.Tensor | None, credits: Credits) -> torch.Tensor:
    """The loss, a scalar of the log-probs' dtype with gradients by log_probs [targets] and, with an entropy bonus, entropies [targets].

    Raises ValueError where the rule has a KL term and there are no base log-probs."""
    credit = credits.credit
    if rule.ratio is Ratio.NONE:
        objective = credit * log_probs
    else:
        behaviour = credits.behaviour
        if credits.off_policy is not None:
            behaviour = torch.where(credits.off_policy, log_probs.detach(), behaviour)
        log_ratio = log_probs - behaviour
        if rule.ratio is Ratio.SEQUENCE:
            mean = torch.zeros_like(credits.count).index_add(0, credits.row, log_ratio) / credits.count
            log_ratio = mean.index_select(0, credits.row)
        ratio = torch.exp(log_ratio)
        most = torch.finfo(ratio.dtype).max  # A bound beyond it is none.
        objective = torch.minimum(ratio * credit, torch.clamp(ratio, max(-most, 1 - rule.clip_low), min(most, 1 + rule.clip_high)) * credit)
        if rule.dual_clip > 0:
            objective = torch.where(credit < 0, torch.maximum(objective, credit * rule.dual_clip), objective)
    if credits.off_policy is not None:
        p = torch.exp(log_probs)
        objective = torch.where(credits.off_policy, credit * p / (p + rule.shaping), objective)
    total = -objective.sum()
    if rule.kl_coefficient > 0:
        if credits.base is None:
            raise ValueError("a KL term needs base log-probs")
        d = credits.base - log_probs
        total = total + rule.kl_coefficient * (credits.weight * (torch.exp(d) - d - 1)).sum()
    if rule.entropy_coefficient > 0:
        total = total - rule.entropy_coefficient * (credits.weight * entropies).sum()
    return total
