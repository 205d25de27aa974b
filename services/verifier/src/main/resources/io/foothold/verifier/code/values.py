"""Plain data as JSON, without loss; anything else is refused. Shared by both sides of a conversation."""
import json


def pack(v):
    if v is None or v is True or v is False:
        return v
    if isinstance(v, str):
        return str.__str__(v)
    if isinstance(v, int):
        return int.__add__(v, 0)
    if isinstance(v, float):
        return {"float": float.__repr__(v)}
    if isinstance(v, complex):
        return {"complex": [repr(v.real), repr(v.imag)]}
    if isinstance(v, (bytes, bytearray)):
        return {"bytes": bytes(v).hex()}
    if isinstance(v, list):
        return [pack(x) for x in list.__iter__(v)]
    for kind in (tuple, set, frozenset):
        if isinstance(v, kind):
            return {kind.__name__: [pack(x) for x in kind.__iter__(v)]}
    if isinstance(v, dict):
        return {"dict": [[pack(k), pack(x)] for k, x in dict.items(v)]}
    raise TypeError("not plain data: " + type(v).__name__)


def unpack(v):
    if isinstance(v, list):
        return [unpack(x) for x in v]
    if not isinstance(v, dict):
        return v
    (kind, x), = v.items()
    if kind == "float":
        return float(x)
    if kind == "complex":
        return complex(float(x[0]), float(x[1]))
    if kind == "bytes":
        return bytes.fromhex(x)
    if kind == "dict":
        return {unpack(k): unpack(y) for k, y in x}
    return {"tuple": tuple, "set": set, "frozenset": frozenset}[kind](unpack(y) for y in x)


def say(out, message):
    out.write(json.dumps(message) + "\n")
    out.flush()
