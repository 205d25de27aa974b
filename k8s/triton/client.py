"""Drives a server of the policy model with NVIDIA's own client: metadata, a synchronous stream, the empty final response, many requests
on a stream, errors, cancellation, and the asyncio client. Usage: client.py HOST:PORT"""
import asyncio
import json
import queue
import sys
import time

import numpy as np
import tritonclient.grpc as grpc
import tritonclient.grpc.aio as aio
from tritonclient.utils import InferenceServerException

target = sys.argv[1]


def tensor(module, name, values, dtype):
    array = np.array(values, dtype={"INT32": np.int32, "UINT64": np.uint64, "BOOL": bool, "BYTES": object}[dtype])
    out = module.InferInput(name, list(array.shape), dtype)
    out.set_data_from_numpy(array)
    return out


def generate(module, tokens, interval=4):
    return [tensor(module, "input_ids", [3, 4, 5], "INT32"), tensor(module, "max_tokens", [tokens], "INT32"),
            tensor(module, "random_seed", [7], "UINT64"), tensor(module, "ignore_eos", [True], "BOOL"),
            tensor(module, "stream_interval", [interval], "INT32")]


def running(client):
    got = queue.Queue()
    client.start_stream(lambda result, error: got.put((result, error)))
    client.async_stream_infer("policy", [tensor(grpc, "op", ["status"], "BYTES")])
    result, error = got.get(timeout=20)
    client.stop_stream()
    assert error is None, error
    return result.as_numpy("status_json")[0].decode()


def final(result):
    return result.get_response().parameters["triton_final_response"].bool_param


def drain(got, requests, empty):
    """Responses of so many requests; ends with their final flags."""
    out, finals = [], 0
    while finals < requests:
        result, error = got.get(timeout=20)
        assert error is None, error
        out.append(result)
        finals += final(result)
    assert got.empty() or not empty
    return out


def synchronous():
    client = grpc.InferenceServerClient(target)
    assert client.is_server_live() and client.is_server_ready() and client.is_model_ready("policy")
    assert client.get_model_metadata("policy").name == "policy"
    assert client.get_model_config("policy").config.model_transaction_policy.decoupled
    assert client.get_model_repository_index().models[0].state == "READY"
    try:
        client.infer("policy", generate(grpc, 4))
        raise AssertionError("infer of a decoupled model succeeded")
    except InferenceServerException as e:
        assert "decoupled" in str(e), e
    whole = None
    for empty in (False, True):
        got = queue.Queue()
        client.start_stream(lambda result, error, got=got: got.put((result, error)))
        client.async_stream_infer("policy", generate(grpc, 12), request_id="one", enable_empty_final_response=empty)
        ids = np.concatenate([r.as_numpy("output_ids") for r in drain(got, 1, True)])
        assert len(ids) == 12 and (whole is None or (ids == whole).all())
        whole = ids
        for i in range(40):
            client.async_stream_infer("policy", generate(grpc, 8), request_id=str(i))
        many = drain(got, 40, True)
        for i in range(40):
            mine = [r.as_numpy("output_ids") for r in many if r.get_response().id == str(i)]
            assert (np.concatenate(mine) == whole[:8]).all()
        client.async_stream_infer("policy", generate(grpc, 0), request_id="wrong")
        _, error = got.get(timeout=20)
        assert error is not None and "max_tokens" in str(error), error
        client.stop_stream()
    got = queue.Queue()
    client.start_stream(lambda result, error: got.put((result, error)))
    client.async_stream_infer("policy", generate(grpc, 60, 1), request_id="long")
    got.get(timeout=20)
    client.stop_stream(cancel_requests=True)
    for _ in range(40):
        state = running(client)
        if json.loads(state)["running"] == 0:
            break
        time.sleep(0.05)
    assert json.loads(state)["running"] == 0, state
    client.close()
    return whole


async def asynchronous(whole):
    client = aio.InferenceServerClient(target)
    assert await client.is_server_ready()

    async def requests():
        for i in range(5):
            yield {"model_name": "policy", "inputs": generate(aio, 12), "request_id": str(i)}

    ids = {}
    async for result, error in client.stream_infer(requests()):
        assert error is None, error
        ids.setdefault(result.get_response().id, []).extend(result.as_numpy("output_ids").tolist())
    assert len(ids) == 5 and all(v == whole.tolist() for v in ids.values()), ids
    await client.close()


asyncio.run(asynchronous(synchronous()))
print("tritonclient: synchronous, asynchronous, empty final, errors and cancellation as they should be")
