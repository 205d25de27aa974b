"""Streams, blocks and micro-batches, against what they stand for: each row alone."""
import pytest
import torch

from conftest import example_rows
from foothold_torch import attention
from foothold_torch.packing import MIN_SHARED, micro_batches, pack, pad
from foothold_torch.rows import Row


def seen(packed, place):
    """Ids at the places that a place of the stream attends to, in order, by the blocks' masks."""
    at = packed.back[place].item()
    for block in packed.blocks:
        if at < len(block.query):
            segment, query = divmod(at, block.queries)
            keys = block.key.view(block.segments, -1)[segment][block.allowed(None)[segment, 0, query]]
            return packed.ids[0, keys].tolist()
        at -= len(block.query)
    raise AssertionError("no block")


@pytest.mark.parametrize("share", [True, False])
def test_every_target_sees_its_row_and_nothing_else(share):
    rows = example_rows()
    packed = pack(rows, share=share)
    for i, row in enumerate(rows):
        for at, target in zip(range(packed.starts[i], packed.starts[i + 1]), row.targets, strict=True):
            place = packed.source[at].item()
            assert seen(packed, place) == list(row.tokens[:target])
            assert packed.positions[0, place] == target - 1
            assert packed.row[at] == i
    assert packed.label.tolist() == [p for row in rows for p in row.predicted]


def test_shared_prefixes_appear_once():
    rows = example_rows(groups=2, members=8, prompt=40)
    assert pack(rows, share=False).ids.shape[1] == sum(len(r.inputs) for r in rows)
    shared = pack(rows).ids.shape[1]
    alone = sum(len(r.inputs) - 40 for r in rows)
    # The beginning of all prompts is long enough to be computed once; the three tokens behind it are not.
    assert shared <= 37 + alone + 16 * 5


def test_prefixes_nest():
    prompt, given = list(range(3, 30)), list(range(30, 60))
    rows = [Row(prompt + given + [3, 4, i + 5], [len(prompt + given), len(prompt + given) + 2]) for i in range(3)]
    rows += [Row([*prompt, 40 + i, 3, 4], [len(prompt) + 1, len(prompt) + 2]) for i in range(3)]
    packed = pack(rows)
    for i, row in enumerate(rows):
        for at, target in zip(range(packed.starts[i], packed.starts[i + 1]), row.targets, strict=True):
            assert seen(packed, packed.source[at].item()) == list(row.tokens[:target])


def test_a_block_without_its_padding_is_what_the_mask_allows():
    packed = pack(example_rows())
    for block in packed.blocks:
        queries, keys, starts, key_starts = attention.ends(block)
        mask = block.allowed(None)[:, 0]
        for s in range(block.segments):
            own, theirs = queries[starts[s] : starts[s + 1]], keys[key_starts[s] : key_starts[s + 1]]
            for n, query in enumerate(own.tolist()):
                by_mask = block.key.view(block.segments, -1)[s][mask[s, query - s * block.queries]]
                # Causal from the end: the last query sees all keys.
                assert by_mask.tolist() == theirs[: len(theirs) - (len(own) - 1 - n)].tolist()


@pytest.mark.parametrize("share", [True, False])
@pytest.mark.parametrize("tokens", [1, 60, 100_000])
def test_micro_batches_hold_every_row_once_and_keep_their_size(share, tokens):
    rows = example_rows()
    use = [i for i in range(len(rows)) if i != 4]
    parts = micro_batches(rows, use, tokens, share=share)
    assert sorted(i for part in parts for i in part) == use
    assert parts == micro_batches(rows, use, tokens, share=share)
    for part in parts:
        made = (pack if share else pad)([rows[i] for i in part])
        assert len(part) == 1 or made.ids.numel() <= tokens
    if tokens == 100_000:
        assert len(parts) == 1


def test_short_prefixes_are_not_shared():
    rows = [Row([*range(3, 3 + MIN_SHARED - 1), 50 + i, 3], [MIN_SHARED]) for i in range(3)]
    assert len(pack(rows).blocks) == 1
    assert pack(rows).ids.shape[1] == 3 * MIN_SHARED


def test_padding_stands_at_the_end():
    rows = example_rows()
    made = pad(rows)
    longest = max(len(r.inputs) for r in rows)
    assert made.ids.shape == (len(rows), longest)
    for at in range(len(made.source)):
        row = rows[made.row[at]]
        place = made.source[at].item() - made.row[at].item() * longest
        assert made.ids[made.row[at], : place + 1].tolist() == list(row.tokens[: place + 1])
        assert place < len(row.inputs)
    assert torch.equal(made.label, torch.tensor([p for row in rows for p in row.predicted]))
