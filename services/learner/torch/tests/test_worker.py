"""The worker as Java starts it: a process a rank, torchrun's environment, stdin held, the contract over gRPC."""
import importlib.metadata
import os
import pathlib
import subprocess
import sys
import time

import grpc
import pytest
from safetensors.torch import load_file

from conftest import example_rows
from foothold_torch import worker
from foothold_torch.engine import Engine, Opening, Place
from foothold_torch.protos import messages as pb
from foothold_torch.protos import services
from foothold_torch.rows import AdamW, Forwarded, Lora, Row, Score
from test_group import free_port
from twin import Ratio, Rule, accumulate, slopes_of

PACKAGE = pathlib.Path(worker.__file__).resolve().parent.parent


class Worker:
    """Processes of one worker."""

    def __init__(self, directory, size=1, *arguments):
        self.ready = directory / "ready"
        self.processes = []
        port = free_port()
        for rank in range(size):
            environment = {**os.environ, "PYTHONPATH": str(PACKAGE), "PYTHONDONTWRITEBYTECODE": "1", "RANK": str(rank),
                           "LOCAL_RANK": str(rank), "WORLD_SIZE": str(size), "LOCAL_WORLD_SIZE": str(size),
                           "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
            self.processes.append(subprocess.Popen(
                [sys.executable, "-m", "foothold_torch.worker", "--listen", "127.0.0.1:0", "--ready-file", self.ready, "--device", "cpu",
                 "--threads", "1", *arguments], env=environment, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True))

    def stub(self):
        while not self.ready.exists():
            assert all(p.poll() is None for p in self.processes), [p.stderr.read() for p in self.processes if p.poll() is not None]
            time.sleep(0.05)
        limit = [("grpc.max_receive_message_length", 64 << 20)]
        return services.TensorBackendServiceStub(grpc.insecure_channel(self.ready.read_text().strip(), options=limit))

    def ended(self, rank=0):
        """Exit code and last line of stderr."""
        lines = self.processes[rank].stderr.read().strip().splitlines()
        return self.processes[rank].wait(60), lines[-1] if lines else ""

    def kill(self):
        for p in self.processes:
            p.kill()
            p.wait()
            p.stdin.close()
            p.stderr.close()


@pytest.fixture
def start(tmp_path):
    made = []

    def run(size=1, *arguments):
        made.append(Worker(tmp_path, size, *arguments))
        return made[-1]

    yield run
    for w in made:
        w.kill()


def message(row):
    begin = row.targets[0]
    return pb.TensorSequence(prompt_token_ids=row.tokens[: begin - 2], given_token_ids=row.tokens[begin - 2 : begin],
                             sampled_token_ids=row.tokens[begin:], labels=row.labels)


def refused(call, request):
    with pytest.raises(grpc.RpcError) as caught:
        call(request)
    return caught.value.code(), caught.value.details()


def test_two_ranks_serve_the_contract(start, models, tmp_path):
    w = start(2)
    stub = w.stub()
    status = stub.GetBackendStatus(pb.GetBackendStatusRequest())
    assert [(r.rank, r.process_id) for r in status.ranks] == [(i, p.pid) for i, p in enumerate(w.processes)]
    assert (status.protocol, status.world_size, status.device, status.call) == (2, 2, "cpu", "")
    assert status.torch_version.startswith(importlib.metadata.version("torch").partition("+")[0])
    assert refused(stub.Step, pb.StepRequest(learning_rate=1)) == (grpc.StatusCode.FAILED_PRECONDITION, "no policy is open")

    rows, directory = example_rows(), models("llama")
    request = pb.OpenBackendRequest(base_directory=str(directory), compute_dtype="float32", attention="auto", micro_batch_tokens=100,
                                    seed=5, keep_base=True)
    request.adapters.MergeFrom(pb.AdapterSettings(rank=4, alpha=8, targets=["q_proj", "down_proj"]))
    code, text = refused(stub.OpenBackend, pb.OpenBackendRequest(base_directory=str(tmp_path / "none"), compute_dtype="float32",
                                                                 attention="auto", micro_batch_tokens=1))
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert "none is no directory" in text
    opened = stub.OpenBackend(request)
    assert (opened.steps, opened.vocabulary, opened.max_positions) == (0, 61, 256)
    assert opened.trained_parameters < opened.parameters
    assert refused(stub.OpenBackend, request)[0] is grpc.StatusCode.FAILED_PRECONDITION

    alone = Engine(Place())
    alone.open(Opening(directory, Lora(4, 8.0, ("q_proj", "down_proj"), seed=5), keep_base=True))
    rule = Rule(Ratio.TOKEN, 0.2, 0.3, 0.0, 0.05, 0.01, 0.1)
    for step in range(3):
        before, seen, total = alone.score(rows, 0.9), set(), 0.0
        answer = stub.Accumulate(pb.AccumulateRequest(sequences=map(message, rows), temperature=0.9, base=True))
        while answer.rows:
            slopes = []
            for given in answer.rows:
                score = Score(list(given.score.log_probs), list(given.score.entropies))
                assert score.log_probs == pytest.approx(before[given.index].log_probs, abs=1e-4)
                assert score.entropies == pytest.approx(before[given.index].entropies, abs=1e-4)
                value, found = slopes_of(rule, rows[given.index], Forwarded(score, list(given.base_log_probs)))
                total += value
                slopes.append(pb.TensorLoss(index=given.index, by_log_prob=found.by_log_prob, by_entropy=found.by_entropy))
                seen.add(given.index)
            answer = stub.Backward(pb.BackwardRequest(rows=slopes))
        assert seen == set(range(len(rows)))
        assert total == pytest.approx(accumulate(alone, rows, rule, 0.9).loss, rel=1e-4)
        stepped = stub.Step(pb.StepRequest(learning_rate=1e-2, beta1=0.9, beta2=0.99, epsilon=1e-8, weight_decay=0.1, clip_norm=1))
        theirs = alone.step(AdamW(1e-2, 0.9, 0.99, 1e-8, 0.1, 1.0))
        assert stepped.gradient_norm == pytest.approx(theirs.norm, rel=1e-3)
        assert (stepped.steps, stepped.skipped) == (step + 1, False)
    for base in (False, True):
        scores = stub.Score(pb.ScoreRequest(sequences=[message(r) for r in rows], temperature=0.9, base=base)).scores
        for a, b in zip(scores, alone.score(rows, 0.9, base=base), strict=True):
            assert list(a.log_probs) == pytest.approx(b.log_probs, abs=1e-4)

    (tmp_path / "adapter").mkdir()
    export = pb.ExportRequest(weights_file=str(tmp_path / "w.safetensors"), dtype="bfloat16", adapter_directory=str(tmp_path / "adapter"))
    size = stub.Export(export).bytes
    assert size == sum(f.stat().st_size for f in (tmp_path / "w.safetensors", *(tmp_path / "adapter").iterdir()))
    assert set(load_file(tmp_path / "w.safetensors")) == set(load_file(directory / "model.safetensors"))
    assert refused(stub.Export, export)[0] is grpc.StatusCode.INVALID_ARGUMENT
    (tmp_path / "saved").mkdir()
    assert stub.SaveBackend(pb.SaveBackendRequest(directory=str(tmp_path / "saved"))).steps == 3
    after = stub.GetBackendStatus(pb.GetBackendStatusRequest())
    assert after.progress > status.progress + 10
    assert all(r.peak_memory_bytes > 100 << 20 for r in after.ranks)
    bad = message(rows[0])
    bad.sampled_token_ids[0] = 61
    code, text = refused(stub.Accumulate, pb.AccumulateRequest(sequences=[bad], temperature=1))
    assert (code, "token id 61 is outside" in text) == (grpc.StatusCode.INVALID_ARGUMENT, True)

    # A rank that waits for the next call ends when it is told to, and that call says that it is gone; nobody waits for it.
    w.processes[1].terminate()
    assert w.ended(1)[0] == 0
    code, text = refused(stub.Step, pb.StepRequest(learning_rate=1))
    assert code is grpc.StatusCode.INTERNAL
    assert text.startswith("lost another rank")
    code, text = w.ended(0)
    assert code == 1
    assert text.startswith("rank 0: lost another rank")


def test_a_backward_without_its_rows_is_answered_and_the_worker_goes_on(start, models):
    w = start()
    stub = w.stub()
    stub.OpenBackend(pb.OpenBackendRequest(base_directory=str(models("qwen2")), compute_dtype="float32", attention="auto",
                                           micro_batch_tokens=99))
    code, text = refused(stub.Backward, pb.BackwardRequest())
    assert (code, text) == (grpc.StatusCode.FAILED_PRECONDITION, "no rows wait for slopes (expected Accumulate first)")
    given = pb.TensorSequence(prompt_token_ids=[3], sampled_token_ids=[4, 5])
    assert [s.index for s in stub.Accumulate(pb.AccumulateRequest(sequences=[given], temperature=1)).rows] == [0]
    twice = [pb.TensorLoss(index=0, by_log_prob=[1])] * 2
    code, text = refused(stub.Backward, pb.BackwardRequest(rows=twice))
    assert (code, "slopes twice" in text) == (grpc.StatusCode.INVALID_ARGUMENT, True)
    assert not stub.Backward(pb.BackwardRequest(rows=twice[:1])).rows
    assert stub.Step(pb.StepRequest(learning_rate=1e-3, beta1=0.9, beta2=0.9)).gradient_norm > 0


def test_bad_arguments_end_with_2(capsys):
    for given in (["--threads", "0"], ["--listen", "nowhere"], ["--device", "tpu"]):
        with pytest.raises(SystemExit) as ended:
            worker.arguments(given)
        assert ended.value.code == 2
        assert "expected" in capsys.readouterr().err or given == ["--device", "tpu"]


@pytest.mark.parametrize(("error", "code"), [
    (MemoryError("no more"), 4), (RuntimeError("Address already in use (EADDRINUSE)"), 6), (ValueError("what it was"), 1)])
def test_errors_have_codes(monkeypatch, capsys, error, code):
    ended = []
    monkeypatch.setattr(os, "_exit", ended.append)
    worker.failed(error)
    assert ended[0] == code
    assert f"rank 0: {type(error).__name__}: {error}" in capsys.readouterr().err


def test_another_environment_is_named(tmp_path):
    file = tmp_path / "requirements.txt"
    version = importlib.metadata.version("torch").partition("+")[0]
    file.write_text(f"# pins\ntorch=={version}\n")
    assert worker.differences(file) == []
    file.write_text("torch==1.0\nno-such-package==3\n")
    assert worker.differences(file) == [
        f"torch is {importlib.metadata.version('torch')} (expected 1.0)", "no-such-package is absent (expected 3)"]


def test_this_environment_is_the_pinned_one():
    assert worker.differences(worker.REQUIREMENTS) == []


def test_adapters_without_targets_are_asked_for():
    request = pb.OpenBackendRequest(base_directory="/m", compute_dtype="float32", attention="auto", micro_batch_tokens=1, seed=3)
    request.adapters.MergeFrom(pb.AdapterSettings(rank=4, alpha=8))
    from foothold_torch import service

    assert service.opening(request).lora == Lora(4, 8.0, (), seed=3)


def test_targets_are_where_there_is_a_label():
    from foothold_torch import service
    from foothold_torch.errors import Refused

    tokens = pb.TensorSequence(prompt_token_ids=[3], given_token_ids=[4], sampled_token_ids=[5, 6, 7], labels=[5, -1, 9])
    assert service.sequence(1, tokens) == Row([3, 4, 5, 6, 7], [2, 4], [5, 9])
    tokens.labels.append(1)
    with pytest.raises(Refused, match="row 1: 4 labels for 3 sampled tokens"):
        service.sequence(1, tokens)
