"""The engine room: what a group of processes does with one open policy. Every rank calls the same method with the same arguments;
results are whole on rank 0. Blind to methods: whoever asks computes the loss from log-probs, and hands its slopes back.

    engine = Engine(Place(device))
    engine.open(Opening(directory, ...))
    given = engine.accumulate(rows, 1.0)
    while given:
        given = engine.backward({number: slopes_of(row.score) for number, row in given.items()})
    engine.step(AdamW(1e-5)); engine.export(path, torch.float32)
"""
from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import pathlib
import platform
import resource
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
from torch.distributed.device_mesh import DeviceMesh

from . import attention, files
from .errors import NotReady, OutOfMemory, Refused
from .packing import Packed, micro_batches
from .policy import Form, Policy, blocks
from .rows import AdamW, Forwarded, Lora, Row, Score, Slopes, Stepped

STATE = "state.json"
FORMAT = 1
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float64": torch.float64}


@dataclasses.dataclass(frozen=True)
class Place:
    """Where an engine runs: its device, and the mesh of all ranks (None for one process alone); `control` is a group for objects, `beat` is
    called with a few words whenever a rank moves on."""

    device: torch.device = torch.device("cpu")
    mesh: DeviceMesh | None = None
    control: Any = None
    beat: Callable[[str], None] = lambda _: None

    @property
    def size(self) -> int:
        """Number of ranks."""
        return 1 if self.mesh is None else self.mesh.size()

    @property
    def rank(self) -> int:
        """This rank."""
        return 0 if self.mesh is None else self.mesh.get_rank()


@dataclasses.dataclass(frozen=True)
class Opening:
    """What is opened.

    directory     Hugging Face directory of the base
    lora          adapters to train on frozen weights; None trains all weights
    adapter       PEFT directory that adapters begin with, or, without lora, that is merged into the base
    checkpoint    directory of `Engine.save` to go on from
    keep_base     whether a frozen copy of the base (with `adapter`) is kept, which KL terms refer to
    dtype         of computation: float32 or bfloat16; master weights are float32 (float64 for both in tests)
    checkpointing whether activations of a layer are computed again backwards
    attention     auto, sdpa, flash or eager
    compiled      whether layers are compiled
    tokens        most tokens of a micro-batch on a rank
    """

    directory: pathlib.Path
    lora: Lora | None = None
    adapter: pathlib.Path | None = None
    checkpoint: pathlib.Path | None = None
    keep_base: bool = False
    dtype: str = "float32"
    checkpointing: bool = False
    attention: str = "auto"
    compiled: bool = False
    tokens: int = 8192


@dataclasses.dataclass
class _Forward:
    """This rank's micro-batch with its autograd graph."""

    part: list[int]
    batch: Packed
    log_probs: torch.Tensor
    entropies: torch.Tensor


@dataclasses.dataclass
class _Pass:
    """Rows on their way forward and back. `waiting`: those of all ranks that were passed forward last."""

    rows: Sequence[Row]
    temperature: float
    base: bool
    rounds: Iterator[list[list[int]]]
    waiting: set[int] = dataclasses.field(default_factory=set)
    forward: _Forward | None = None

    def check(self, slopes: Mapping[int, Slopes]) -> None:
        """Raises Refused, on all ranks alike, for slopes that are not those of what waits."""
        if set(slopes) != self.waiting:
            raise Refused(f"slopes of rows {sorted(slopes)} (expected those that were answered last: {sorted(self.waiting)})")
        for i, given in slopes.items():
            given.check(i, len(self.rows[i].targets))


class Engine:
    """One policy with its gradients and moments. Not safe for use by several threads at a time."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.opening: Opening | None = None
        self._policy: Policy | None = None
        self._base: Policy | None = None
        self._optimizer: torch.optim.AdamW | None = None
        self._pass: _Pass | None = None
        self.steps = 0

    # --- life

    def open(self, opening: Opening) -> dict[str, Any]:
        """Opens a policy and gives its status; one that is open is closed first. Raises Refused before any work on weights."""
        if opening.dtype not in DTYPES:
            raise Refused(f"dtype is '{opening.dtype}' (expected float32 or bfloat16)")
        if opening.tokens < 1:
            raise Refused(f"micro-batch of {opening.tokens} tokens (expected 1 or more)")
        if not opening.directory.is_dir():
            raise Refused(f"{opening.directory} is no directory (expected a model in Hugging Face's layout)")
        self.close()
        compute = DTYPES[opening.dtype]
        form = Form(self.place.device, torch.promote_types(compute, torch.float32), compute, opening.checkpointing, opening.attention)
        with self._memory("open", 0):
            policy = Policy(opening.directory, form, self.place.mesh, opening.lora, opening.adapter, beat=self.place.beat)
            # The base of fresh adapters is the policy without them.
            if opening.keep_base and (opening.lora is None or opening.adapter is not None):
                frozen = dataclasses.replace(form, checkpointing=False)
                self._base = Policy(opening.directory, frozen, self.place.mesh, None, opening.adapter, trained=False, beat=self.place.beat)
            if opening.compiled:
                for block in blocks(policy.causal):
                    block.compile(dynamic=True)
        self.opening, self._policy = opening, policy
        parameters = list(policy.trained().values())
        groups = [{"params": [p for p in parameters if (p.ndim > 1) == decays], "decays": decays} for decays in (True, False)]
        self._optimizer = torch.optim.AdamW([g for g in groups if g["params"]], fused=True)
        self._forget_moments()
        if opening.checkpoint is not None:
            try:
                self.load(opening.checkpoint)
            except BaseException:
                self.close()
                raise
        return self.status()

    def close(self) -> None:
        """Gives all memory back. Nothing happens where nothing is open."""
        self.opening = self._policy = self._base = self._optimizer = self._pass = None
        self.steps = 0
        if self.place.device.type == "cuda":
            torch.cuda.empty_cache()

    @property
    def policy(self) -> Policy:
        """What is open; raises NotReady where nothing is."""
        if self._policy is None:
            raise NotReady("no policy is open")
        return self._policy

    def status(self) -> dict[str, Any]:
        """What is open and what it costs: counts of parameters, steps, peak memory of this rank in bytes, versions."""
        cuda = self.place.device.type == "cuda"
        out = {"open": self._policy is not None, "steps": self.steps, "processes": self.place.size, "device": str(self.place.device),
               "device_name": torch.cuda.get_device_name(self.place.device) if cuda else platform.processor() or platform.machine(),
               "peak_memory": memory(self.place.device)["peak"], "torch": torch.__version__}
        if self._policy is not None:
            out |= {"parameters": sum(p.numel() for n, p in self._policy.causal.named_parameters() if ".lora_" not in n),
                    "trained_parameters": sum(p.numel() for p in self._policy.trained().values()),
                    "vocabulary": self._policy.vocabulary, "longest": self._policy.longest,
                    "attention": "packed" if self._policy.packed else "rows", "architecture": type(self._policy.causal).__name__,
                    "lora_targets": list(self._policy.lora.targets) if self._policy.lora else []}
        return out

    # --- forward and backward

    def score(self, rows: Sequence[Row], temperature: float, *, base: bool = False) -> list[Score]:
        """Log-probs and entropies of every row's targets under the policy, or under its base; no gradient. Whole on rank 0."""
        self._idle("score")
        self._check(rows, temperature)
        if base:
            self._needs_base("scores of the base")
        return self._gathered(self._found([i for i, row in enumerate(rows) if len(row.targets)], rows, temperature, base=base), len(rows))

    def _found(self, use: Sequence[int], rows: Sequence[Row], temperature: float, *, base: bool = False) -> dict[int, Score]:
        """This rank's scores of some rows, by their number."""
        policy = self.policy
        found: dict[int, Score] = {}
        for number, part in enumerate(self._shares(rows, use)):
            self.place.beat(f"score, micro-batch {number + 1}")
            members = [rows[i] for i in part] or [_dummy(rows[use[0]])]
            with self._memory("score", sum(len(r.inputs) for r in members)):
                batch = policy.pack(members)
                log_probs, entropies = (self._base_scores if base else self._scores)(batch, temperature)
            found |= _split(part, batch, log_probs, entropies)
        return found

    def accumulate(self, rows: Sequence[Row], temperature: float, *, base: bool = False) -> dict[int, Forwarded]:
        """Begins to add the gradient of a loss of these rows to the gradient sums: passes some of them forward, and gives what the policy
        says of each, by its number, on rank 0. Whoever holds that knows the slopes of the loss, which `backward` is asked with next. No row
        has a target: nothing is given, and nothing is to follow.

        base: whether log-probs of the base are wanted too

        Raises Refused, before any work, for rows that are not right. After any other error, here and in `backward`, the gradient sums are
        cleared, but another rank's part may be missing in what was answered before: begin the step anew."""
        self._idle("accumulate")
        self._check(rows, temperature)
        if base:
            self._needs_base("log-probs of the base")
        use = [i for i, row in enumerate(rows) if len(row.targets)]
        self._pass = _Pass(rows, temperature, base, self._rounds(rows, use))
        with self._clearing():
            return self._forward()

    def backward(self, slopes: Mapping[int, Slopes]) -> dict[int, Forwarded]:
        """Carries slopes of the rows that were given last back into the gradient sums, and passes the next rows forward: what `accumulate`
        gives, and nothing when all rows are through.

        Raises Refused, before any work, unless there are slopes of exactly the rows that were given last."""
        waits = self._pass
        if waits is None or waits.forward is None:
            raise NotReady("no rows wait for slopes (expected Accumulate first)")
        waits.check(slopes)
        policy, forward = self.policy, waits.forward
        self.place.beat("backward")
        with self._clearing():
            with self._memory("backward", sum(len(waits.rows[i].inputs) for i in forward.part)), attention.layout(forward.batch):
                outputs, gradients = [forward.log_probs], [torch.zeros_like(forward.log_probs)]
                by_entropy = torch.zeros_like(forward.entropies)
                for place, i in enumerate(forward.part):
                    part = slice(forward.batch.starts[place], forward.batch.starts[place + 1])
                    gradients[0][part] = torch.tensor(slopes[i].by_log_prob, dtype=by_entropy.dtype)
                    if len(slopes[i].by_entropy):
                        by_entropy[part] = torch.tensor(slopes[i].by_entropy, dtype=by_entropy.dtype)
                # The same on every rank: all have been told all slopes.
                if any(len(s.by_entropy) for s in slopes.values()):
                    outputs.append(forward.entropies)
                    gradients.append(by_entropy)
                # Gradients are averaged over ranks; the caller's slopes are for their sum.
                torch.autograd.backward(outputs, [g * self.place.size for g in gradients])
            waits.forward = None
            del forward, outputs, gradients
            assert policy is self.policy
            return self._forward()

    def _forward(self) -> dict[int, Forwarded]:
        """Passes the next micro-batch of every rank forward; gives all of them on rank 0."""
        waits, policy = self._pass, self.policy
        assert waits is not None
        part_of_each = next(waits.rounds, None)
        if part_of_each is None:
            self._pass = None
            return {}
        self.place.beat("accumulate, micro-batch")
        part = part_of_each[self.place.rank] if self.place.rank < len(part_of_each) else []
        members = [waits.rows[i] for i in part] or [_dummy(waits.rows[part_of_each[0][0]])]
        with self._memory("accumulate", sum(len(r.inputs) for r in members)):
            batch = policy.pack(members)
            base = self._base_scores(batch, waits.temperature)[0] if waits.base else None
            with attention.layout(batch):
                log_probs, entropies = policy(batch, waits.temperature)
        waits.waiting = {i for own in part_of_each for i in own}
        waits.forward = _Forward(part, batch, log_probs, entropies)
        found = {}
        for i, score in _split(part, batch, log_probs.detach(), entropies.detach()).items():
            begin = batch.starts[part.index(i)]
            found[i] = Forwarded(score, [] if base is None else base[begin : begin + len(score.log_probs)].tolist())
        whole: dict[int, Forwarded] = {}
        for own in self._gather(found):
            whole |= own
        return whole

    @contextlib.contextmanager
    def _clearing(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self._clear_gradients()
            raise

    def _idle(self, what: str) -> None:
        if self._pass is not None:
            raise NotReady(f"rows wait for their slopes (expected Backward before {what})")

    def _needs_base(self, what: str) -> None:
        if self.opening is None or not self.opening.keep_base:
            raise NotReady(f"{what} needs a base policy (expected keep_base when the policy is opened)")

    def _scores(self, batch: Packed, temperature: float) -> tuple[torch.Tensor, torch.Tensor]:
        with torch.no_grad(), attention.layout(batch):
            out = self.policy(batch, temperature)
        self.policy.settle()
        return out

    def _base_scores(self, batch: Packed, temperature: float) -> tuple[torch.Tensor, torch.Tensor]:
        if self._base is not None:
            if self._base.packed != self.policy.packed:
                raise Refused("the base policy computes rows in another way than the policy (expected attention eager)")
            with torch.no_grad(), attention.layout(batch):
                out = self._base(batch, temperature)
            self._base.settle()
            return out
        self.policy.adapters(False)
        try:
            return self._scores(batch, temperature)
        finally:
            self.policy.adapters(True)

    def _check(self, rows: Sequence[Row], temperature: float) -> None:
        if not temperature > 0:
            raise Refused(f"temperature is {temperature} (expected a number above 0)")
        for i, row in enumerate(rows):
            row.check(i + 1, self.policy.vocabulary, self.policy.longest)

    def _shares(self, rows: Sequence[Row], use: Sequence[int]) -> Iterator[list[int]]:
        """This rank's micro-batches. Every rank has as many, so that all take part in gathering shards: some may be empty."""
        rank = self.place.rank
        return (each[rank] if rank < len(each) else [] for each in self._rounds(rows, use))

    def _rounds(self, rows: Sequence[Row], use: Sequence[int]) -> Iterator[list[list[int]]]:
        """What the ranks compute side by side: a micro-batch for each, for fewer at the end."""
        assert self.opening is not None
        every = micro_batches(rows, use, self.opening.tokens, share=self.policy.packed)
        size = self.place.size
        if size > 1 and 0 < len(every) < size:
            # Fewer micro-batches than ranks: finer ones keep all ranks at work.
            cost = sum(sum(len(rows[i].inputs) for i in part) for part in every)
            every = micro_batches(rows, use, max(1, min(self.opening.tokens, cost // size)), share=self.policy.packed)
        for begin in range(0, len(every), size):
            yield every[begin : begin + size]

    def _gather(self, value: Any) -> list[Any]:
        """The ranks' values in order, on rank 0; [] elsewhere."""
        if self.place.size == 1:
            return [value]
        out: list[Any] | None = [None] * self.place.size if self.place.rank == 0 else None
        dist.gather_object(value, out, dst=0, group=self.place.control)
        return out or []

    def _gathered(self, found: dict[int, Score], count: int) -> list[Score]:
        """One score a row, on rank 0; empty ones for rows without targets."""
        whole: dict[int, Score] = {}
        for part in self._gather(found):
            whole |= part
        return [whole.get(i, Score([], [])) for i in range(count)]

    # --- optimizer

    def step(self, settings: AdamW) -> Stepped:
        """One step of AdamW with the gradient sums, which are cleared. Where their norm is not finite nothing else changes, and the answer
        says so."""
        policy, optimizer = self.policy, self._optimizer
        assert optimizer is not None
        self._idle("step")
        self.place.beat("step")
        parameters = list(policy.trained().values())
        with self._memory("step", 0):
            for p in parameters:
                if p.grad is None:
                    p.grad = torch.zeros_like(p)
            norm = policy.full(torch.nn.utils.get_total_norm([p.grad for p in parameters])).item()
            finite = norm < float("inf")
            if finite:
                if settings.clip_norm > 0:
                    torch._foreach_mul_([p.grad for p in parameters], min(1.0, settings.clip_norm / (norm + 1e-6)))
                for group in optimizer.param_groups:
                    group.update(lr=settings.learning_rate, betas=(settings.beta1, settings.beta2), eps=settings.epsilon,
                                 weight_decay=settings.weight_decay if group["decays"] else 0.0)
                optimizer.step()
                self.steps += 1
            self._clear_gradients()
        return Stepped(norm, self.steps, not finite)

    def clear(self) -> None:
        """Forgets the gradient sums."""
        self.policy  # noqa: B018 - says that nothing is open
        self._clear_gradients()

    def _clear_gradients(self) -> None:
        self._pass = None
        if self._optimizer is not None:
            self._optimizer.zero_grad(set_to_none=True)

    def _forget_moments(self) -> None:
        assert self._optimizer is not None
        for p in self.policy.trained().values():
            self._optimizer.state[p] = {"step": torch.zeros((), dtype=torch.float32, device=p.device),
                                        "exp_avg": torch.zeros_like(p), "exp_avg_sq": torch.zeros_like(p)}

    # --- files

    def export(self, path: pathlib.Path, dtype: str = "float32") -> int:
        """Writes the weights, adapters merged in, as one safetensors file; gives its size in bytes on rank 0."""
        if dtype not in DTYPES:
            raise Refused(f"dtype is '{dtype}' (expected float32 or bfloat16)")


        def check() -> None:
            if not path.parent.is_dir():
                raise Refused(f"{path.parent} is no directory (expected the one that the file is written to)")
            if path.exists():
                raise Refused(f"{path} is there already")

        self._decided(check)
        self.place.beat("export")
        return self.policy.export(path, DTYPES[dtype])

    def export_adapter(self, directory: pathlib.Path) -> int:
        """Writes the adapters as PEFT's files into a directory; gives their size in bytes on rank 0."""
        if self.policy.lora is None:
            raise NotReady("the policy has no adapters: all weights are trained")
        self._empty(directory)
        self.place.beat("export")
        return self.policy.export_adapter(directory)

    def export_all(self, weights: pathlib.Path | None, dtype: str, adapter: pathlib.Path | None) -> int:
        """Both exports where both are asked for; gives the bytes written on rank 0."""
        size = 0 if weights is None else self.export(weights, dtype)
        return size if adapter is None else size + self.export_adapter(adapter)

    def _empty(self, directory: pathlib.Path) -> None:
        def check() -> None:
            if not directory.is_dir():
                raise Refused(f"{directory} is no directory (expected an empty one)")
            if any(directory.iterdir()):
                raise Refused(f"{directory} is not empty")

        self._decided(check)

    def _decided(self, check: Callable[[], None]) -> None:
        """Rank 0 looks at files for all ranks, so that a refusal is everybody's."""
        refusal: list[Refused | None] = [None]
        if self.place.rank == 0:
            try:
                check()
            except Refused as e:
                refusal[0] = e
        if self.place.size > 1:
            dist.broadcast_object_list(refusal, src=0, group=self.place.control)
        if refusal[0] is not None:
            raise refusal[0]

    def _state(self) -> dict[str, torch.Tensor]:
        """What a checkpoint holds, in place: trained parameters and their moments, shards on every rank."""
        out = {}
        assert self._optimizer is not None
        for name, p in self.policy.trained().items():
            state = self._optimizer.state[p]
            out |= {"p." + name: p.detach(), "m." + name: state["exp_avg"], "v." + name: state["exp_avg_sq"]}
        return out

    def save(self, directory: pathlib.Path) -> int:
        """Writes trained parameters, moments and the count of steps as a distributed checkpoint into an empty directory, every rank its
        shards; state.json, which names all files, is written last. All ranks must see one file system. Gives the count of steps."""
        state = self._state()
        self._empty(directory)
        self.place.beat("save")
        dcp.save(state, checkpoint_id=directory, no_dist=self.place.size == 1)
        self._wait()
        if self.place.rank == 0:
            entries = {}
            for file in sorted(directory.iterdir()):
                with file.open("rb") as stream:
                    os.fsync(stream.fileno())
                entries[file.name] = {"bytes": file.stat().st_size, "sha256": sha256(file)}
                self.place.beat("save, digests")
            files.write_text(directory / STATE, json.dumps({
                "format": FORMAT, "steps": self.steps, "processes": self.place.size, "files": entries,
                "tensors": {n: list(t.shape) for n, t in state.items()}}, indent=1))
        self._wait()
        return self.steps

    def load(self, directory: pathlib.Path) -> int:
        """Takes up a checkpoint of `save`, made by any number of processes; gives its count of steps. Gradient sums are cleared.

        Raises Refused, naming file and value, before anything changes: absent, truncated or changed files, other tensors."""
        state = self._state()
        self.place.beat("load")
        shapes = {n: list(t.shape) for n, t in state.items()}

        def check() -> None:
            found = files.read_json(directory / STATE)
            if found.get("format") != FORMAT:
                raise Refused(f"{directory / STATE}: format {found.get('format')} (expected {FORMAT})")
            other = sorted(set(shapes) ^ set(found["tensors"])) or sorted(n for n in shapes if shapes[n] != found["tensors"][n])
            if other:
                there, wanted = (of.get(other[0], "none") for of in (found["tensors"], shapes))
                raise Refused(f"{directory}: the checkpoint is of another policy: '{other[0]}' has shape {there} (expected {wanted})")
            for name, entry in found["files"].items():
                file = directory / name
                if not file.is_file():
                    raise Refused(f"{file} is missing")
                size = file.stat().st_size
                if size != entry["bytes"]:
                    fault = "is truncated" if size < entry["bytes"] else "is too long"
                    raise Refused(f"{file} {fault}: {size} bytes (expected {entry['bytes']})")
                if sha256(file) != entry["sha256"]:
                    raise Refused(f"{file} has another digest than when it was written")
                self.place.beat("load, digests")

        self._decided(check)
        found = files.read_json(directory / STATE)
        dcp.load(state, checkpoint_id=directory, no_dist=self.place.size == 1)
        self.steps = int(found["steps"])
        assert self._optimizer is not None
        for p in self.policy.trained().values():
            self._optimizer.state[p]["step"].fill_(self.steps)
        self._clear_gradients()
        return self.steps

    def _wait(self) -> None:
        if self.place.size > 1:
            dist.barrier(group=self.place.control)

    @contextlib.contextmanager
    def _memory(self, what: str, tokens: int) -> Iterator[None]:
        """Names what ran out of memory, with figures."""
        try:
            yield
        except (torch.OutOfMemoryError, MemoryError) as e:
            raise self._out_of_memory(what, tokens, e) from e
        except RuntimeError as e:
            if "can't allocate memory" not in str(e):
                raise
            raise self._out_of_memory(what, tokens, e) from e

    def _out_of_memory(self, what: str, tokens: int, error: BaseException) -> OutOfMemory:
        sizes = ", ".join(f"{name} {value / 2**20:.0f} MiB" for name, value in memory(self.place.device).items())
        size = ""
        if tokens and self.opening:
            size = f" of a micro-batch of {tokens} tokens ({self.opening.tokens} at most, with shared prefixes counted once)"
        return OutOfMemory(f"rank {self.place.rank} is out of memory on {self.place.device} in {what}{size}: {sizes}; "
                           f"smaller micro-batches, checkpointing or more processes need less. {str(error).splitlines()[0][:300]}")


def memory(device: torch.device) -> dict[str, int]:
    """Memory of this process in bytes: peak, and on a GPU what is allocated, reserved and there in all."""
    if device.type == "cuda":
        return {"allocated": torch.cuda.memory_allocated(device), "reserved": torch.cuda.memory_reserved(device),
                "peak": torch.cuda.max_memory_allocated(device), "total": torch.cuda.get_device_properties(device).total_memory}
    return {"peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}


def sha256(file: pathlib.Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _dummy(row: Row) -> Row:
    """The cheapest row: for a rank that has none, and must take part."""
    return Row(row.tokens[:2], [1])


def _split(part: list[int], batch: Packed, log_probs: torch.Tensor, entropies: torch.Tensor) -> dict[int, Score]:
    lp, en = log_probs.tolist(), entropies.tolist()
    return {i: Score(lp[a:b], en[a:b]) for i, a, b in zip(part, batch.starts, batch.starts[1:], strict=False)}
