"""The TensorBackend service: proto in, rows out, nothing else."""
from __future__ import annotations

import pathlib
from typing import Any

import grpc
import torch
import transformers

from .engine import DTYPES, Opening
from .errors import NotReady, Refused, WorkerError
from .group import Group
from .protos import messages as pb
from .protos import services
from .rows import AdamW, Forwarded, Lora, Row, Score, Slopes

PROTOCOL = 2
LIMIT = 64 << 20
"""Largest message in both directions, bytes."""
CALLS = {"open": "OpenBackend", "score": "Score", "accumulate": "Accumulate", "backward": "Backward",
         "step": "Step", "export_all": "Export", "save": "SaveBackend"}


def opening(request: Any) -> Opening:
    """What is asked for in OpenBackendRequest; Refused, naming the field, where it is not right."""
    if request.compute_dtype not in ("float32", "bfloat16"):
        raise Refused(f"compute_dtype is '{request.compute_dtype}' (expected float32 or bfloat16)")
    lora = None
    if request.HasField("adapters"):
        a = request.adapters
        lora = Lora(a.rank, a.alpha, tuple(a.targets), a.rank_stabilised, request.seed)
    return Opening(
        _path("base_directory", request.base_directory), lora, _optional("adapter_directory", request.adapter_directory),
        _optional("checkpoint_directory", request.checkpoint_directory), request.keep_base, request.compute_dtype,
        request.activation_checkpointing, request.attention, request.compile, request.micro_batch_tokens)


def _path(name: str, value: str) -> pathlib.Path:
    if not value.startswith("/"):
        raise Refused(f"{name} is '{value}' (expected an absolute path)")
    return pathlib.Path(value)


def _optional(name: str, value: str) -> pathlib.Path | None:
    return _path(name, value) if value else None


def sequence(number: int, given: Any) -> Row:
    """A TensorSequence as a row without credit."""
    prompt, prefix, sampled, labels = (list(f) for f in (
        given.prompt_token_ids, given.given_token_ids, given.sampled_token_ids, given.labels))
    if not prompt:
        raise Refused(f"row {number} has no prompt (expected at least one token)")
    if labels and len(labels) != len(sampled):
        raise Refused(f"row {number}: {len(labels)} labels for {len(sampled)} sampled tokens")
    begin = len(prompt) + len(prefix)
    targets = [begin + i for i in range(len(sampled)) if not labels or labels[i] >= 0]
    return Row(prompt + prefix + sampled, targets, [label for label in labels if label >= 0])


def score(found: Score) -> Any:
    """A SequenceScore."""
    return pb.SequenceScore(log_probs=found.log_probs, entropies=found.entropies)


def forwarded(found: dict[int, Forwarded]) -> list[Any]:
    """TensorRows, in order."""
    return [pb.TensorRow(index=i, score=score(row.score), base_log_probs=row.base) for i, row in sorted(found.items())]


class Service(services.TensorBackendServiceServicer):
    """Answers on rank 0. A call that computes waits for those before it; status does not."""

    def __init__(self, group: Group) -> None:
        self.group = group
        self.opened = False

    def _do(self, context: grpc.ServicerContext, name: str, *arguments: Any, **more: Any) -> Any:
        return self.group.submit(name, *arguments, **more).result()

    def OpenBackend(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: D102
        wanted = opening(request)
        if self.opened:
            raise NotReady("a policy is open already (expected one OpenBackend in a worker's life)")
        status = self._do(context, "open", wanted)
        self.opened = True
        return pb.OpenBackendResponse(
            steps=status["steps"], parameters=status["parameters"], trained_parameters=status["trained_parameters"],
            vocabulary=status["vocabulary"], max_positions=status["longest"])

    def Score(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: D102
        rows = [sequence(i + 1, s) for i, s in enumerate(request.sequences)]
        scores = self._do(context, "score", rows, request.temperature, base=request.base)
        return pb.ScoreResponse(scores=map(score, scores))

    def Accumulate(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: D102
        rows = [sequence(i + 1, s) for i, s in enumerate(request.sequences)]
        answer = self._do(context, "accumulate", rows, request.temperature, base=request.base)
        return pb.AccumulateResponse(rows=forwarded(answer))

    def Backward(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: D102
        slopes = {s.index: Slopes(list(s.by_log_prob), list(s.by_entropy)) for s in request.rows}
        if len(slopes) != len(request.rows):
            raise Refused("a row has slopes twice (expected one TensorLoss a row)")
        return pb.BackwardResponse(rows=forwarded(self._do(context, "backward", slopes)))

    def Step(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: D102
        settings = AdamW(*(getattr(request, f.name) for f in request.DESCRIPTOR.fields))
        answer = self._do(context, "step", settings)
        return pb.StepResponse(gradient_norm=answer.norm, skipped=answer.skipped, steps=answer.steps)

    def Export(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: D102
        weights, adapter = _optional("weights_file", request.weights_file), _optional("adapter_directory", request.adapter_directory)
        if weights is not None and request.dtype not in DTYPES:
            raise Refused(f"dtype is '{request.dtype}' (expected float32 or bfloat16)")
        return pb.ExportResponse(bytes=self._do(context, "export_all", weights, request.dtype, adapter))

    def SaveBackend(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: D102
        return pb.SaveBackendResponse(steps=self._do(context, "save", _path("directory", request.directory)))

    def GetBackendStatus(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: D102
        g = self.group
        ranks = [
            pb.RankStatus(rank=m.rank, process_id=m.process, host=m.host, peak_memory_bytes=m.peak, peak_device_memory_bytes=m.device_peak)
            for m in g.members
        ]
        return pb.GetBackendStatusResponse(
            protocol=PROTOCOL, torch_version=torch.__version__, transformers_version=transformers.__version__, world_size=g.size,
            device=str(g.device), call=CALLS.get(g.call, g.call), progress=g.progress, ranks=ranks)


class Errors(grpc.ServerInterceptor):
    """Puts a WorkerError's code and words into the status; others are INTERNAL with their kind."""

    def intercept_service(self, continuation: Any, details: grpc.HandlerCallDetails) -> Any:
        """Wraps unary handlers; there are no others."""
        handler = continuation(details)
        if handler is None:
            return None

        def answer(request: Any, context: grpc.ServicerContext) -> Any:
            try:
                return handler.unary_unary(request, context)
            except WorkerError as e:
                code, text = e.code, str(e)
            except Exception as e:
                code, text = "INTERNAL", f"{type(e).__name__}: {e}"
            context.abort(getattr(grpc.StatusCode, code), text)

        return grpc.unary_unary_rpc_method_handler(answer, handler.request_deserializer, handler.response_serializer)


def server(group: Group, threads: Any) -> grpc.Server:
    """A server of the group that listens nowhere yet."""
    made = grpc.server(threads, interceptors=[Errors()], options=[
        ("grpc.max_receive_message_length", LIMIT), ("grpc.max_send_message_length", LIMIT), ("grpc.so_reuseport", 0)])
    services.add_TensorBackendServiceServicer_to_server(Service(group), made)
    return made
