"""Safetensors in and out without a second copy of the model, and the checks of a model's directory that need no tensor.

Format: 8 bytes little-endian length, JSON header {name: {dtype, shape, data_offsets}}, tensors one after the other."""
from __future__ import annotations

import json
import math
import os
import pathlib
import struct
from collections.abc import Callable, Iterable

import torch
from safetensors import SafetensorError, safe_open

from .errors import Refused

NAMES = {torch.float64: "F64", torch.float32: "F32", torch.bfloat16: "BF16", torch.float16: "F16", torch.int64: "I64", torch.int32: "I32",
         torch.uint8: "U8", torch.bool: "BOOL"}
INDEX = "model.safetensors.index.json"
WITHOUT_WEIGHTS = ("rotary_emb.inv_freq", "masked_bias", "attn.bias")
"""Ends of names of tensors that old checkpoints hold and that carry no weights."""


def read_json(path: pathlib.Path) -> dict:
    """The object in a JSON file; Refused, naming the file, where there is none."""
    try:
        value = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise Refused(f"{path} is missing") from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as e:
        raise Refused(f"{path} cannot be read: {e}") from None
    if not isinstance(value, dict):
        raise Refused(f"{path} holds no JSON object")
    return value


def weight_files(directory: pathlib.Path) -> list[pathlib.Path]:
    """The safetensors files of a Hugging Face directory, those of the index where there is one beside no single file.

    Raises Refused, naming the file, where one is absent or shorter or longer than its header says."""
    single, index = directory / "model.safetensors", directory / INDEX
    if single.exists():
        files = [single]
    elif index.exists():
        names = read_json(index).get("weight_map", {})
        files = [directory / name for name in sorted(set(names.values()))]
        if not files:
            raise Refused(f"{index} names no shard")
    else:
        raise Refused(f"{directory} holds neither model.safetensors nor {INDEX}")
    for file in files:
        check(file)
    return files


def check(file: pathlib.Path) -> dict[str, dict]:
    """The header of a safetensors file, tensors by name. Raises Refused where it is absent, damaged or not as long as it says."""
    try:
        size = file.stat().st_size
        with file.open("rb") as stream:
            length = struct.unpack("<Q", stream.read(8))[0]
            if length > size - 8:
                raise Refused(f"{file} is truncated: its header should have {length} bytes, the file has {size}")
            header = json.loads(stream.read(length))
    except FileNotFoundError:
        raise Refused(f"{file} is missing") from None
    except (OSError, ValueError, struct.error) as e:
        raise Refused(f"{file} is no safetensors file: {e}") from None
    header.pop("__metadata__", None)
    end = 8 + length + max((entry["data_offsets"][1] for entry in header.values()), default=0)
    if size != end:
        raise Refused(f"{file} {'is truncated' if size < end else 'has more bytes than its header says'}: {size} bytes (expected {end})")
    return header


class Tensors:
    """The tensors of several safetensors files by name, mapped from disk."""

    def __init__(self, files: Iterable[pathlib.Path]) -> None:
        self.places: dict[str, pathlib.Path] = {}
        self.shapes: dict[str, tuple[int, ...]] = {}
        self._open: dict[pathlib.Path, safe_open] = {}
        for file in files:
            header = check(file)
            self.places |= dict.fromkeys(header, file)
            self.shapes |= {name: tuple(entry["shape"]) for name, entry in header.items()}

    def get(self, name: str, begin: int | None = None, end: int | None = None) -> torch.Tensor:
        """A tensor, or its entries begin..end of the first dimension; on the CPU."""
        file = self.places[name]
        if file not in self._open:
            try:
                self._open[file] = safe_open(str(file), framework="pt")
            except SafetensorError as e:
                raise Refused(f"{file}: {e}") from None
        return self._open[file].get_tensor(name) if begin is None else self._open[file].get_slice(name)[begin:end]


def write(path: pathlib.Path | None, tensors: list[tuple[str, tuple[int, ...]]], dtype: torch.dtype,
          value: Callable[[str], torch.Tensor]) -> int:
    """Writes one safetensors file tensor by tensor and durably, beside its place first; gives its size in bytes.

    path    the file; None on ranks that only take part in gathering tensors
    tensors names and shapes in the order in which `value` is asked for each, on every rank
    value   the whole tensor of a name, on any device, in any floating dtype
    """
    header: dict[str, dict] = {"__metadata__": {"format": "pt"}}
    offset = 0
    for name, shape in tensors:
        size = math.prod(shape) * dtype.itemsize
        header[name] = {"dtype": NAMES[dtype], "shape": list(shape), "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    if path is None:
        for name, _ in tensors:
            value(name)
        return 8 + len(text) + offset
    beside = path.with_name(path.name + ".part")
    try:
        with beside.open("wb") as stream:
            stream.write(struct.pack("<Q", len(text)) + text)
            for name, shape in tensors:
                tensor = value(name).detach().to(device="cpu", dtype=dtype).contiguous()
                if tuple(tensor.shape) != tuple(shape):
                    raise RuntimeError(f"tensor '{name}' has shape {tuple(tensor.shape)}, announced as {shape}")
                stream.write(tensor.view(torch.uint8).numpy().data if tensor.ndim else tensor[None].view(torch.uint8).numpy().data)
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    sync(path.parent)
    return 8 + len(text) + offset


def write_text(path: pathlib.Path, text: str) -> None:
    """Writes a file durably."""
    with path.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    sync(path.parent)


def sync(directory: pathlib.Path) -> None:
    """Makes the names in a directory durable."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
