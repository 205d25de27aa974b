"""Several processes: the same updates as one, checkpoints on another count, and what becomes of the group when a rank fails."""
import functools
import multiprocessing
import os
import select
import socket
import time
import traceback

import pytest
import torch
import torch.distributed as dist

from conftest import example_rows
from foothold_torch.engine import Opening
from foothold_torch.errors import OutOfMemory, RankFailed, Refused
from foothold_torch.group import Group, watch_parent
from foothold_torch.rows import AdamW, Lora
from twin import Ratio, Rule, accumulate

LORA = Lora(4, 8.0, ("q_proj", "up_proj"), seed=5)
RULE = Rule(Ratio.TOKEN, 0.2, 0.3, 0.0, 0.05, 0.001, 0.1)
SETTINGS = AdamW(1e-3, epsilon=1e-6, weight_decay=0.1, clip_norm=1.0)
"""Keys' biases have no gradient but rounding (softmax forgets them); with a smaller epsilon Adam would make whole steps of it."""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def together(size, work, *, leaves=None, seconds=60):
    """Runs work(group) in forked ranks; gives what each returns, or raises what one raised. Nobody ends before all are done, but the rank
    that leaves."""
    context = multiprocessing.get_context("fork")
    port = free_port()

    def child(rank, pipe):
        os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(size), MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
        torch.set_num_threads(1)
        try:
            pipe.send((work(Group(torch.device("cpu"))), None))
        except BaseException as e:
            pipe.send((None, f"{type(e).__name__}: {e}\n{traceback.format_exc()}"))
        if rank != leaves:
            pipe.recv()
        os._exit(0)

    pipes, processes = [], []
    for rank in range(size):
        here, there = context.Pipe()
        processes.append(context.Process(target=child, args=(rank, there)))
        pipes.append(here)
        processes[-1].start()
    try:
        results = [p.recv() if p.poll(seconds) else (None, "no answer in time") for p in pipes]
        for rank, p in enumerate(pipes):
            if rank != leaves:
                p.send(None)
    finally:
        for p in processes:
            p.join(2)
            p.kill()
    assert not [e for _, e in results if e], "\n".join(e for _, e in results if e)
    return [r for r, _ in results]


def updates(group, opening, count, begin=None, save=None):
    """Parameters after some updates, whole, and the last answer."""
    rows = example_rows()
    group.engine.open(Opening(**{**vars(opening), "checkpoint": begin}))
    for _ in range(count):
        answer = accumulate(group.engine, rows[:7], RULE, 1.0)
        more = accumulate(group.engine, rows[7:], RULE, 1.0)
        stepped = group.engine.step(SETTINGS)
    if save is not None:
        save.mkdir(exist_ok=True)
        group.engine.save(save)
    policy = group.engine.policy
    return {n: policy.full(p.detach()).clone().numpy() for n, p in policy.trained().items()}, answer, more, stepped


@pytest.mark.parametrize(("family", "more"), [
    ("llama", {}), ("qwen3", {"lora": LORA}), ("gemma2", {"checkpointing": True}), ("bloom", {"tokens": 60})])
def test_two_processes_do_what_one_does(models, family, more):
    opening = Opening(models(family), **{"keep_base": True, "tokens": 100, **more})
    one = together(1, functools.partial(updates, opening=opening, count=10))[0]
    two = together(2, functools.partial(updates, opening=opening, count=10))
    for name, value in one[0].items():
        for rank in two:
            assert abs(rank[0][name] - value).max() <= 1e-5, name
    for mine, theirs in zip(one[1:3], two[0][1:3], strict=True):
        assert theirs.loss == pytest.approx(mine.loss, rel=1e-4)
        for a, b in zip(mine.scores, theirs.scores, strict=True):
            assert b.log_probs == pytest.approx(a.log_probs, abs=1e-4)
    assert two[0][3].norm == pytest.approx(one[3].norm, rel=1e-3)


@pytest.mark.parametrize("lora", [None, LORA])
def test_a_checkpoint_resumes_on_another_count_of_processes(models, tmp_path, lora):
    opening = Opening(models("qwen2"), lora, keep_base=True, tokens=100)
    whole = together(1, functools.partial(updates, opening=opening, count=6))[0]
    together(2, functools.partial(updates, opening=opening, count=2, save=tmp_path / "a"))
    together(1, functools.partial(updates, opening=opening, count=2, begin=tmp_path / "a", save=tmp_path / "b"))
    back = together(2, functools.partial(updates, opening=opening, count=2, begin=tmp_path / "b"))[0]
    assert back[3].steps == 6
    for name, value in whole[0].items():
        assert abs(back[0][name] - value).max() <= 1e-5, name


def test_every_rank_writes_and_reads_files_together(models, tmp_path):
    def work(group):
        group.engine.open(Opening(models("llama"), LORA, tokens=100))
        size = group.engine.export(tmp_path / f"w{group.size}", "float32")
        directory = tmp_path / f"a{group.size}"
        directory.mkdir(exist_ok=True)
        size += group.engine.export_adapter(directory)
        refusals = []
        for call in (lambda: group.engine.export(tmp_path / f"w{group.size}"), lambda: group.engine.export_adapter(directory)):
            try:
                call()
            except Refused as e:
                refusals.append(str(e))
        return size, refusals

    two, one = together(2, work), together(1, work)
    assert (tmp_path / "w1").read_bytes() == (tmp_path / "w2").read_bytes()
    for name in ("adapter_model.safetensors", "adapter_config.json"):
        assert (tmp_path / "a1" / name).read_bytes() == (tmp_path / "a2" / name).read_bytes()
    assert two[0][0] == one[0][0]
    # A refusal that only rank 0 can know of is every rank's.
    assert two[0][1] == two[1][1] == [f"{tmp_path / 'w2'} is there already", f"{tmp_path / 'a2'} is not empty"]


def calls(group, names, failing_rank=None, error=None):
    """Submits calls on rank 0 and gives their outcomes; one of them fails on one rank."""
    failure = []

    def fail():
        if group.rank == failing_rank:
            raise error
        if failing_rank is not None:
            dist.barrier(group=group.control)

    group.engine.fail = fail
    futures = [group.submit(name) for name in names] if group.rank == 0 else []
    group.run(failure.append)
    out = []
    for future in futures:
        e = future.exception(0)
        out.append(future.result() if e is None else (type(e), str(e)))
    return out, [(type(e), str(e)) for e in failure]


def test_a_refusal_leaves_the_group_at_work():
    def work(group):
        def refuse():
            raise Refused(f"rank {group.rank} says no")

        group.engine.refuse = refuse
        group.engine.answer = lambda: 42
        return calls(group, ["refuse", "answer", "nothing"])

    found = together(2, work)
    assert found[0][0][:2] == [(Refused, "rank 0 says no"), 42]
    assert "no attribute 'nothing'" in found[0][0][2][1]


@pytest.mark.parametrize("error", [ValueError("its own words"), OutOfMemory("4096 MiB of its own")])
def test_the_words_of_a_failing_rank_are_the_answer(error):
    found = together(2, lambda group: calls(group, ["fail"], failing_rank=1, error=error), leaves=1)
    kind, text = found[0][0][0]
    assert kind is (OutOfMemory if isinstance(error, OutOfMemory) else RankFailed)
    assert text.startswith("rank 1: ")
    assert "its own" in text


def test_out_of_memory_has_figures(models, monkeypatch):
    from foothold_torch.engine import Engine, Place

    engine = Engine(Place())
    engine.open(Opening(models("llama"), tokens=777))

    def no_memory(*_, **__):
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 8")

    monkeypatch.setattr(engine.policy, "forward", no_memory)
    with pytest.raises(OutOfMemory, match=r"rank 0 is out of memory on cpu in accumulate of a micro-batch of \d+ tokens "
                                          r"\(777 at most, with shared prefixes counted once\): peak \d+ MiB; .*you tried to allocate 8"):
        accumulate(engine, example_rows(), Rule(shaping=0.1), 1.0)


@pytest.mark.parametrize("inherited", [True, False])
def test_a_process_ends_with_its_parent(inherited):
    """Between this process and the watched one stands a parent that leaves; what is left of them holds the end of a pipe."""
    held, holding = os.pipe()
    stdin, feeding = os.pipe()
    parent = os.fork()
    if parent == 0:
        if os.fork() == 0:
            os.close(feeding)
            os.dup2(stdin, 0)
            watch_parent(inherited)
            time.sleep(60)
        time.sleep(0.3)
        os._exit(0)
    os.close(holding)
    os.close(stdin)
    os.waitpid(parent, 0)
    if inherited:
        os.close(feeding)
    ready, _, _ = select.select([held], [], [], 20)
    assert ready
    assert os.read(held, 1) == b""
