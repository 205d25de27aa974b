"""The processes of a worker: rank 0 takes calls one after the other and tells the others, so that all of them compute the same call.

A refusal reaches every rank and is answered; the group goes on. Any other error ends the group: the failing rank's own words stand in the
store for rank 0 to answer with, and are the last line of its stderr."""
from __future__ import annotations

import dataclasses
import datetime
import os
import queue
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh

from .engine import Engine, Place, memory
from .errors import NotReady, OutOfMemory, RankFailed, Refused, WorkerError

COLLECTIVE = datetime.timedelta(minutes=30)
"""How long a rank waits for the others inside of a call. A hang is noticed earlier, by progress that stands still."""
IDLE = datetime.timedelta(days=365)
"""How long ranks wait for the next call."""
OTHERS_SECONDS = 5
"""How long a rank that lost another one waits for that one's own words."""


@dataclasses.dataclass(frozen=True)
class Member:
    """What a rank says of itself: process id, host, peak of resident memory and of memory allocated on its device (0 on cpu), bytes."""

    rank: int
    process: int
    host: str
    peak: int
    device_peak: int


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a call came to on one rank."""

    value: Any
    refusal: WorkerError | None
    member: Member


class Group:
    """This process among the ranks. Made on all of them at the same time."""

    def __init__(self, device: torch.device) -> None:
        self.rank, self.size = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
        self.device = device
        backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
        how = {"init_method": "env://"} if "MASTER_ADDR" in os.environ else {"store": dist.HashStore(), "rank": self.rank,
                                                                             "world_size": self.size}
        dist.init_process_group(backend, timeout=COLLECTIVE, device_id=device if device.type == "cuda" else None, **how)
        self.control = dist.new_group(backend="gloo", timeout=IDLE)
        mesh = init_device_mesh(device.type, (self.size,))
        self.engine = Engine(Place(device, mesh, self.control, self._beat))
        self.progress = 0
        self.call = ""
        self.members = self._gather(self._member())
        self._calls: queue.SimpleQueue[tuple[str, tuple[Any, ...], dict[str, Any], Future[Any]]] = queue.SimpleQueue()

    def _beat(self, _: str) -> None:
        self.progress += 1

    def _member(self) -> Member:
        peak = memory(torch.device("cpu"))["peak"]
        return Member(self.rank, os.getpid(), socket.gethostname(), peak, memory(self.device)["peak"] if self.device.type == "cuda" else 0)

    def _gather(self, value: Any) -> list[Any]:
        out: list[Any] = [None] * self.size
        dist.all_gather_object(out, value, group=self.control)
        return out

    def submit(self, name: str, *arguments: Any, **more: Any) -> Future[Any]:
        """Hands a call of the engine to all ranks, behind those that were handed in before. Rank 0's threads call this."""
        future: Future[Any] = Future()
        self._calls.put((name, arguments, more, future))
        return future

    def run(self, failed: Callable[[WorkerError], None]) -> None:
        """Serves calls until one fails for other reasons than a refusal; `failed` is told, after the call was answered, and this returns.
        Called on every rank by the thread that owns the engine."""
        while True:
            name, arguments, more, future = self._calls.get() if self.rank == 0 else ("", (), {}, None)
            try:
                if self.size > 1:
                    sent = [(name, arguments, more)]
                    dist.broadcast_object_list(sent, src=0, group=self.control)
                    name, arguments, more = sent[0]
                self.call = name
                value, refusal = None, None
                try:
                    value = getattr(self.engine, name)(*arguments, **more)
                except (Refused, NotReady) as e:
                    refusal = e
                outcomes = self._gather(Outcome(value if self.rank == 0 else None, refusal, self._member()))
                self.members = [o.member for o in outcomes]
                refusal = next((o.refusal for o in outcomes if o.refusal), None)
                self.call = ""
                if future is not None:
                    if refusal is None:
                        future.set_result(value)
                    else:
                        future.set_exception(refusal)
            except BaseException as e:
                error = self._named(e)
                if future is not None:
                    future.set_exception(error)
                failed(error)
                return

    def _named(self, error: BaseException) -> WorkerError:
        """The error that ended the group: this rank's, or the one that another rank has left in the store."""
        mine = error if isinstance(error, WorkerError) else WorkerError(f"{type(error).__name__}: {error}".replace("\n", " ")[:2000])
        if self.size == 1:
            return mine
        lost = isinstance(error, (dist.DistBackendError, dist.DistNetworkError)) or "onnection" in str(error) or "gloo" in str(error)
        try:
            store = dist.distributed_c10d._get_default_store()
            if not lost:
                store.set("failed", f"{mine.code} rank {self.rank}: {mine}")
                return mine
            deadline = time.monotonic() + OTHERS_SECONDS
            while time.monotonic() < deadline:
                if store.check(["failed"]):
                    code, _, text = store.get("failed").decode().partition(" ")
                    kind = OutOfMemory if code == OutOfMemory.code else RankFailed
                    return kind(text)
                time.sleep(0.05)
        except (RuntimeError, OSError):
            pass  # The store is gone with rank 0: this rank's words are all that there is.
        return RankFailed(f"lost another rank: {mine}")


def watch_parent(inherited: bool) -> None:
    """Ends this process at once when its parent has gone: at the end of stdin, or, where stdin is not the parent's to hold, when the
    process has another parent."""

    def at_end_of_input() -> None:
        while os.read(0, 4096):
            pass
        os._exit(0)

    def at_new_parent() -> None:
        parent = os.getppid()
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(0)

    threading.Thread(target=at_end_of_input if inherited else at_new_parent, name="parent", daemon=True).start()
