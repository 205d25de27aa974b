"""Messages and stubs of the TensorBackend contract, made from the one proto file when this module is imported: the packaged copy, or the
contracts of the checkout that this package lies in."""
from __future__ import annotations

import pathlib
import sys

import grpc

NAME = "foothold/v1/tensor_backend.proto"
_ROOTS = (pathlib.Path(__file__).parent / "proto", *(p / "contracts/src/main/proto" for p in pathlib.Path(__file__).resolve().parents))


def _root() -> pathlib.Path:
    for root in _ROOTS:
        if (root / NAME).is_file():
            return root
    raise ImportError(f"{NAME} is not beside this package (expected in {_ROOTS[0]}, or contracts/src/main/proto of a checkout)")


sys.path.insert(0, str(_root()))
try:
    messages, services = grpc.protos_and_services(NAME)
finally:
    sys.path.pop(0)
