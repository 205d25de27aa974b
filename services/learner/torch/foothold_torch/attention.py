"""Attention over packed rows, put into transformers' models as an attention implementation of its own.

The layout of the micro-batch under way is set around forward and backward (activation checkpointing computes attention again there, on
whichever thread autograd runs). One micro-batch is under way in a process at a time."""
from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch.nn.attention.varlen import varlen_attn
from transformers import AttentionInterface, AttentionMaskInterface

from .errors import Refused
from .packing import Block, Packed

NAME = "foothold_packed"
KNOWN = {"position_ids", "position_embeddings", "cache", "past_key_values", "use_cache", "cache_position", "output_attentions", "is_causal",
         "attention_mask", "dropout", "output_router_logits", "output_hidden_states", "return_dict", "layer_idx"}
"""Arguments of attention that change nothing here: packed rows have no cache, and their positions are in queries and keys already."""

_current: Packed | None = None


@contextlib.contextmanager
def layout(packed: Packed) -> Iterator[None]:
    """Sets the layout of all attention until the end."""
    global _current
    before, _current = _current, packed
    try:
        yield
    finally:
        _current = before


@torch.compiler.disable
def attention(module: torch.nn.Module, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, attention_mask: Any = None,
              scaling: float | None = None, sliding_window: int | None = None, softcap: float | None = None,
              **more: Any) -> tuple[torch.Tensor, None]:
    """transformers' attention interface: query [1, heads, tokens, d], key and value [1, kv heads, tokens, d]; gives [1, tokens, heads, d].

    Raises Refused for an argument whose meaning it does not know."""
    unknown = sorted(k for k, v in more.items() if k not in KNOWN and v is not None)
    if unknown:
        raise Refused(f"{type(module).__name__} asks attention for {', '.join(unknown)}, which packed attention does not know")
    packed = _current
    if packed is None:
        raise RuntimeError("attention was called outside of a layout")
    q, k, v = (t[0].transpose(0, 1) for t in (query, key, value))
    outs = []
    for block in packed.blocks:
        if packed.varlen and not softcap:
            outs.append(_varlen(block, q, k, v, scaling, sliding_window))
        else:
            outs.append(_dense(block, q, k, v, scaling, sliding_window, softcap))
    if len(outs) == 1 and packed.blocks[0].whole:
        return outs[0][None], None
    return torch.cat(outs).index_select(0, packed.back)[None], None


def _gather(block: Block, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Padded queries [segments, queries, heads, d], keys and values [segments, keys, kv heads, d]."""
    if not block.whole:
        q, k, v = q.index_select(0, block.query), k.index_select(0, block.key), v.index_select(0, block.key)
    n = block.segments
    return q.reshape(n, block.queries, *q.shape[1:]), k.reshape(n, block.keys, *k.shape[1:]), v.reshape(n, block.keys, *v.shape[1:])


def _dense(block: Block, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, scaling: float | None, window: int | None,
           softcap: float | None) -> torch.Tensor:
    """One block through SDPA with its mask; gives [segments * queries, heads, d]."""
    q, k, v = (t.transpose(1, 2) for t in _gather(block, q, k, v))
    cut = window is not None and block.keys > window
    mask = None if block.causal and not cut and not softcap else block.allowed(window if cut else None)
    if softcap:
        groups = q.shape[1] // k.shape[1]
        scale = q.shape[-1] ** -0.5 if scaling is None else scaling
        scores = (q @ k.repeat_interleave(groups, 1).transpose(2, 3)) * scale
        scores = scores.to(torch.promote_types(scores.dtype, torch.float32))
        scores = torch.where(mask, softcap * torch.tanh(scores / softcap), -torch.inf)
        out = torch.softmax(scores, -1).to(v.dtype) @ v.repeat_interleave(groups, 1)
    else:
        out = F.scaled_dot_product_attention(
            q, k, v, attn_mask=mask, is_causal=mask is None, scale=scaling, enable_gqa=q.shape[1] != k.shape[1])
    return out.transpose(1, 2).reshape(-1, out.shape[1], out.shape[3])


def ends(block: Block) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """The block without its padding: places of queries and keys in the stream, and cumulative lengths [segments + 1] int32 of both. A
    kernel whose causal mask is aligned at the end of the keys then sees what `Block.allowed` allows. Written down once a block."""
    if block.unpadded is None:
        lengths = block.lengths
        total = lengths + block.depth
        here = lengths.device
        queries = (torch.arange(block.queries, device=here)[None] < lengths[:, None]).view(-1).nonzero()[:, 0]
        keys = (torch.arange(block.keys, device=here)[None] < total[:, None]).view(-1).nonzero()[:, 0]
        block.unpadded = (queries, block.key[keys], *(F.pad(n.cumsum(0), (1, 0)).to(torch.int32) for n in (lengths, total)))
    return block.unpadded


def _varlen(block: Block, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, scaling: float | None, window: int | None) -> torch.Tensor:
    """One block through the variable-length kernel; gives [segments * queries, heads, d] with nothing of use in the padding."""
    queries, keys, starts, key_starts = ends(block)
    drawn = block.query[queries]
    out = varlen_attn(
        q.index_select(0, drawn), k.index_select(0, keys), v.index_select(0, keys), starts, key_starts, block.queries, block.keys,
        scale=scaling, window_size=((-1 if window is None else window - 1), 0), enable_gqa=q.shape[1] != k.shape[1])
    padded = out.new_zeros(len(block.query), *out.shape[1:])
    return padded.index_copy(0, queries, out)


def _no_mask(*_: Any, **__: Any) -> None:
    """The layout says who sees whom; transformers need make no mask."""


AttentionInterface.register(NAME, attention)
AttentionMaskInterface.register(NAME, _no_mask)
