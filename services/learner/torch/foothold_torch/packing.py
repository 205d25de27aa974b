"""Rows of different lengths as one stream of tokens: nothing is padded in matrix products, and a prefix that several rows share
appears once.

A stream is made of *segments*: a prefix that rows share, or the rest of a row. A segment attends to itself causally and to all
of the segments in front of it in its row (its ancestors in a prefix tree). Segments of similar length are computed together in a *block*,
padded to the longest there; only attention sees that padding."""
from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import torch

from .rows import Row

MIN_SHARED = 16
"""Fewest tokens that are worth a segment of their own; shorter common prefixes are computed once a row."""
SIMILAR = 0.75
"""A block ends before a segment whose queries or keys are fewer than this share of the block's most, once it has some segments."""
FEWEST = 8


@dataclasses.dataclass(frozen=True)
class Segment:
    """Tokens `start`..`start + length` of the stream, behind the segments `before`, which hold `depth` tokens."""

    start: int
    length: int
    before: tuple[Segment, ...]
    depth: int


@dataclasses.dataclass
class Block:
    """Segments that attend together.

    query  places in the stream, int64 [segments * queries], padded with 0
    key    places in the stream, int64 [segments * keys], padded with 0: ancestors' tokens, then the segment's own
    depth  keys in front of the first query, int64 [segments]
    lengths queries that are no padding, int64 [segments]
    """

    segments: int
    queries: int
    keys: int
    query: torch.Tensor
    key: torch.Tensor
    depth: torch.Tensor
    lengths: torch.Tensor
    causal: bool
    """Whether no segment has ancestors, so that attention is plainly causal."""
    whole: bool = False
    """Whether the block is the whole stream in order, so that nothing must be gathered."""
    unpadded: tuple[torch.Tensor, ...] | None = None
    """The block for kernels without padding; see `attention.ends`."""

    def allowed(self, window: int | None) -> torch.Tensor:
        """Which key a query may see, bool [segments, 1, queries, keys]; `window` is how many positions back, itself included."""
        device = self.depth.device
        position = self.depth[:, None, None, None] + torch.arange(self.queries, device=device)[None, None, :, None]
        distance = position - torch.arange(self.keys, device=device)[None, None, None, :]
        seen = distance >= 0
        return seen if window is None else seen & (distance < window)


@dataclasses.dataclass
class Packed:
    """A micro-batch: the stream, its attention blocks, and the targets of all rows.

    ids, positions  int64 [1, tokens]
    back            int64 [tokens]: where each token's output lies among the blocks' padded outputs
    source          int64 [targets]: place in the stream whose state predicts the target
    label           int64 [targets]
    row             int64 [targets]: number of the row inside the micro-batch
    starts          first target of each row, and the end
    """

    ids: torch.Tensor
    positions: torch.Tensor
    blocks: list[Block]
    back: torch.Tensor
    source: torch.Tensor
    label: torch.Tensor
    row: torch.Tensor
    starts: list[int]
    varlen: bool = False
    """Whether blocks go through the kernel for variable lengths instead of SDPA with masks."""

    def to(self, device: torch.device) -> Packed:
        """The same on a device."""
        if device.type == "cpu":
            return self
        blocks = [
            dataclasses.replace(b, **{n: getattr(b, n).to(device, non_blocking=True) for n in ("query", "key", "depth", "lengths")})
            for b in self.blocks
        ]
        moved = {n: getattr(self, n).to(device, non_blocking=True) for n in ("ids", "positions", "back", "source", "label", "row")}
        return dataclasses.replace(self, blocks=blocks, **moved)


def common(a: Sequence[int], b: Sequence[int], begin: int = 0) -> int:
    """Length of the common prefix, at least `begin` (which is known to be common)."""
    end = min(len(a), len(b))
    at = begin
    while at < end and a[at] == b[at]:
        at += 1
    return at


def pack(rows: Sequence[Row], *, share: bool = True) -> Packed:
    """Packs rows that each have a target. With `share` common prefixes appear once, whether they are prompts or given tokens."""
    inputs = [list(row.inputs) for row in rows]
    ids: list[int] = []
    positions: list[int] = []
    segments: list[Segment] = []
    places: list[list[tuple[int, Segment]]] = [[] for _ in rows]  # a row's segments with the position they begin at

    def add(members: list[int], begin: int, end: int, before: tuple[Segment, ...]) -> tuple[Segment, ...]:
        if end == begin:
            return before
        segment = Segment(len(ids), end - begin, before, begin)
        ids.extend(inputs[members[0]][begin:end])
        positions.extend(range(begin, end))
        segments.append(segment)
        for member in members:
            places[member].append((begin, segment))
        return (*before, segment)

    # An explicit stack: prefixes may nest deeper than Python recurses.
    todo: list[tuple[list[int], int, tuple[Segment, ...]]] = [(list(range(len(rows))), 0, ())]
    while todo:
        members, begin, before = todo.pop()
        if len(members) == 1 or not share:
            for member in members:
                add([member], begin, len(inputs[member]), before)
            continue
        end = min(common(inputs[members[0]], inputs[m], begin) for m in members[1:])
        if begin < end < begin + MIN_SHARED:
            for member in members:
                add([member], begin, len(inputs[member]), before)
            continue
        before = add(members, begin, end, before)
        branches: dict[int, list[int]] = {}
        for member in members:
            if len(inputs[member]) > end:
                branches.setdefault(inputs[member][end], []).append(member)
        # The first branch is computed first.
        todo.extend((branch, end, before) for branch in reversed(list(branches.values())))
    blocks, back = _blocks(segments, len(ids))
    source, label, row, starts = [], [], [], [0]
    for number, given in enumerate(rows):
        parts = iter(places[number])
        begin, segment = next(parts)
        for target, predicted in zip(given.targets, given.predicted, strict=True):
            while target - 1 >= begin + segment.length:
                begin, segment = next(parts)
            source.append(segment.start + target - 1 - begin)
            label.append(predicted)
            row.append(number)
        starts.append(len(source))
    return Packed(_longs(ids)[None], _longs(positions)[None], blocks, back, _longs(source), _longs(label), _longs(row), starts)


def _longs(values: Sequence[int]) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.int64)


def _blocks(segments: list[Segment], size: int) -> tuple[list[Block], torch.Tensor]:
    """Longest segments first; those without ancestors and those with some apart."""
    ordered = sorted(segments, key=lambda s: (bool(s.before), -s.length, -s.depth, s.start))
    back = torch.zeros(size, dtype=torch.int64)
    blocks, offset, begin = [], 0, 0
    while begin < len(ordered):
        first, end = ordered[begin], begin + 1
        keys = first.depth + first.length
        while end < len(ordered) and bool(ordered[end].before) == bool(first.before):
            other = ordered[end]
            similar = other.length >= SIMILAR * first.length and SIMILAR * keys <= other.depth + other.length <= keys / SIMILAR
            if end - begin >= FEWEST and not similar:
                break
            end += 1
        members = ordered[begin:end]
        block = _block(members, back, offset)
        block.whole = end - begin == len(ordered) and len(block.query) == size and bool((block.query == torch.arange(size)).all())
        blocks.append(block)
        offset += len(block.query)
        begin = end
    return blocks, back


def _block(members: list[Segment], back: torch.Tensor, offset: int) -> Block:
    queries = max(s.length for s in members)
    keys = max(s.depth + s.length for s in members)
    query = torch.zeros(len(members), queries, dtype=torch.int64)
    key = torch.zeros(len(members), keys, dtype=torch.int64)
    for i, segment in enumerate(members):
        own = torch.arange(segment.start, segment.start + segment.length)
        query[i, : segment.length] = own
        at = 0
        for part in (*segment.before, segment):
            key[i, at : at + part.length] = torch.arange(part.start, part.start + part.length)
            at += part.length
        back[own] = torch.arange(offset + i * queries, offset + i * queries + segment.length)
    depth = _longs([s.depth for s in members])
    lengths = _longs([s.length for s in members])
    return Block(len(members), queries, keys, query.view(-1), key.view(-1), depth, lengths, causal=not members[0].before)


def pad(rows: Sequence[Row]) -> Packed:
    """Rows beside each other, padded at the end to the longest: for models whose attention cannot be replaced. A causal model computes
    nothing in front of the padding from it. ids, positions are int64 [rows, longest]; there are no blocks."""
    inputs = [list(row.inputs) for row in rows]
    longest = max(map(len, inputs))
    ids = _longs([tokens + [tokens[-1]] * (longest - len(tokens)) for tokens in inputs])
    positions = torch.arange(longest).expand(len(rows), longest)
    source, label, row, starts = [], [], [], [0]
    for number, given in enumerate(rows):
        source.extend(number * longest + target - 1 for target in given.targets)
        label.extend(given.predicted)
        row.extend([number] * len(given.targets))
        starts.append(len(source))
    return Packed(ids, positions, [], _longs([]), _longs(source), _longs(label), _longs(row), starts)


def micro_batches(rows: Sequence[Row], use: Sequence[int], tokens: int, *, share: bool = True) -> list[list[int]]:
    """Cuts rows into micro-batches of at most `tokens` tokens (one row at least), the same on every rank: rows with a common prefix meet.

    Without `share` a micro-batch is a rectangle: its tokens are rows times the longest, and rows of similar length meet."""
    out: list[list[int]] = []
    current: list[int] = []
    filled = 0
    if share:
        previous: list[int] = []
        for number, inputs in sorted(((n, list(rows[n].inputs)) for n in use), key=lambda pair: (pair[1], pair[0])):
            shared = common(previous, inputs) if current else 0
            cost = len(inputs) - (shared if shared >= MIN_SHARED else 0)
            if current and filled + cost > tokens:
                out.append(current)
                current, filled, cost = [], 0, len(inputs)
            current.append(number)
            filled += cost
            previous = inputs
    else:
        for number in sorted(use, key=lambda n: (-len(rows[n].inputs), n)):
            if current and (len(current) + 1) * filled > tokens:
                out.append(current)
                current = []
            if not current:
                filled = len(rows[number].inputs)
            current.append(number)
    if current:
        out.append(current)
    return out
