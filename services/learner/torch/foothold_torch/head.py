"""Log-probs and entropies from hidden states, in chunks of positions: no tensor of [positions, vocabulary] outlives a chunk.

log p = z_y - logsumexp(z), H = logsumexp(z) - sum p z, z = f(h W^T + b) / T, with f a scale and a soft cap of the logits.
Backwards the chunk's logits are computed again: dz_v = g (1[v = y] - p_v) - e p_v (log p_v + H), with g and e the derivatives by
log p and H."""
from __future__ import annotations

import dataclasses
from typing import Any

import torch

CHUNK_BYTES = 64 << 20
"""Size of a chunk's logits. Its temporaries are about three times as large."""


@dataclasses.dataclass(frozen=True)
class Logits:
    """How a model makes logits of the head's output: times `scale`, then cap * tanh(x / cap) where there is a cap."""

    scale: float = 1.0
    cap: float = 0.0


def _logits(h: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, form: Logits, temperature: float) -> torch.Tensor:
    """z [positions, vocabulary], float32 or wider: a product in bfloat16 would round log-probs to about 0.05 nats."""
    wide = torch.promote_types(h.dtype, torch.float32)
    if h.is_cuda and h.dtype != wide:
        z = torch.mm(h, weight.t(), out_dtype=wide)
    else:
        z = torch.mm(h.to(wide), weight.t().to(wide))
    if bias is not None:
        z += bias
    if form.scale != 1:
        z *= form.scale
    if form.cap:
        z = z.div_(form.cap).tanh_().mul_(form.cap)
    return z if temperature == 1 else z.div_(temperature)


class _LogProbs(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, h: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, label: torch.Tensor, form: Logits,
                temperature: float, chunk: int) -> tuple[torch.Tensor, torch.Tensor]:
        wide = torch.promote_types(h.dtype, torch.float32)
        log_probs, entropies, totals = (torch.empty(len(h), dtype=wide, device=h.device) for _ in range(3))
        for begin in range(0, len(h), chunk):
            part = slice(begin, begin + chunk)
            z = _logits(h[part], weight, bias, form, temperature)
            total = torch.logsumexp(z, 1)
            log_probs[part] = z.gather(1, label[part, None])[:, 0] - total
            totals[part] = total
            p = torch.exp(z - total[:, None])
            entropies[part] = total - (p.mul_(z)).sum(1)
        ctx.save_for_backward(h, weight, bias, label, totals, entropies)
        ctx.form, ctx.temperature, ctx.chunk = form, temperature, chunk
        ctx.set_materialize_grads(False)
        return log_probs, entropies

    @staticmethod
    def backward(ctx: Any, by_log_prob: torch.Tensor | None, by_entropy: torch.Tensor | None) -> tuple[torch.Tensor | None, ...]:
        h, weight, bias, label, totals, entropies = ctx.saved_tensors
        form, temperature = ctx.form, ctx.temperature
        by_h = torch.empty_like(h) if ctx.needs_input_grad[0] else None
        by_weight = torch.zeros_like(weight, dtype=totals.dtype) if ctx.needs_input_grad[1] else None
        by_bias = torch.zeros_like(bias, dtype=totals.dtype) if bias is not None and ctx.needs_input_grad[2] else None
        for begin in range(0, len(h), ctx.chunk):
            part = slice(begin, begin + ctx.chunk)
            z = _logits(h[part], weight, bias, form, temperature)
            bent = 1 - (z * (temperature / form.cap)).square_() if form.cap else None
            z.sub_(totals[part, None])
            p = torch.exp(z)
            g = p.new_zeros(len(p), 1) if by_log_prob is None else by_log_prob[part, None]
            if by_entropy is not None:
                d = z.add_(entropies[part, None]).mul_(by_entropy[part, None]).add_(g).mul_(p).neg_()
            else:
                d = p.mul_(-g)
            d.scatter_add_(1, label[part, None], g)
            d.mul_(form.scale / temperature)
            if bent is not None:
                d.mul_(bent)
            narrow = d.to(h.dtype)
            if by_h is not None:
                torch.mm(narrow, weight.to(h.dtype), out=by_h[part])
            if by_weight is not None:
                if narrow.dtype == by_weight.dtype:
                    by_weight.addmm_(narrow.t(), h[part])
                else:
                    by_weight.add_(torch.mm(narrow.t(), h[part]))
            if by_bias is not None:
                by_bias.add_(d.sum(0))
        return (by_h, None if by_weight is None else by_weight.to(weight.dtype), None if by_bias is None else by_bias.to(bias.dtype),
                None, None, None, None)


def log_probs(h: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, label: torch.Tensor, form: Logits,
              temperature: float, *, chunk: int | None = None) -> tuple[torch.Tensor, torch.Tensor]:
    """Log-probs and entropies [positions], nats, float32 (float64 for float64 states), both with gradients.

    h       [positions, width] states behind the last norm
    weight  [vocabulary, width] of the head
    bias    [vocabulary] or None
    label   int64 [positions]: the token whose log-prob is wanted
    chunk   positions at once; None for as many as fit into CHUNK_BYTES
    """
    if chunk is None:
        chunk = max(1, CHUNK_BYTES // (weight.shape[0] * max(4, h.element_size())))
    return _LogProbs.apply(h, weight, bias, label, form, float(temperature), chunk)
