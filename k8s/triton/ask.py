"""A small client of the policy model on NVIDIA's own, for the scripts beside it: one stream, requests by id."""
import json
import queue
import time

import numpy as np
import tritonclient.grpc as grpc

TYPES = {name: (wire, kind) for wire, kind, names in (
    ("INT32", np.int32, "input_ids prompt_length max_tokens top_k stop_token_ids stream_interval canary_ids canary_lengths"),
    ("FP32", np.float32, "temperature top_p canary_log_probs"), ("UINT64", np.uint64, "random_seed"), ("BOOL", bool, "ignore_eos"),
    ("INT64", np.int64, "policy_version min_policy_version"),
    ("BYTES", object, "op stop_strings text chat target_id weights_uri weights_digest policy_digest")) for name in names.split()}


class Refused(Exception):
    """The server's answer to a request that it refused."""


class Server:
    """A server. Waits end after `patience` seconds with queue.Empty."""

    def __init__(self, target, secret="", patience=60):
        self.client, self.secret, self.patience, self.waiting, self.count = grpc.InferenceServerClient(target), secret, patience, {}, 0
        self.client.start_stream(self.take)

    def take(self, result, error):
        if error is None:
            self.waiting[result.get_response().id].put(result)
            return
        for one in self.waiting.values():  # an error does not say whose it is: there is one request under way where errors are expected
            one.put(error)

    def send(self, **inputs):
        self.count += 1
        name = "r%d" % self.count
        self.waiting[name] = queue.Queue()
        tensors = []
        for key, value in inputs.items():
            wire, kind = TYPES[key]
            values = [v.encode("utf-8") if isinstance(v, str) else v for v in (value if isinstance(value, list) else [value])]
            tensor = grpc.InferInput(key, [len(values)], wire)
            tensor.set_data_from_numpy(np.array(values, dtype=kind))
            tensors.append(tensor)
        self.client.async_stream_infer("policy", tensors, request_id=name, parameters={"x-rollout-admin": self.secret} if self.secret else {})
        return name

    def wait(self, name):
        """Every response of a request."""
        out, end = [], time.monotonic() + self.patience
        while True:
            got = self.waiting[name].get(timeout=max(0.01, end - time.monotonic()))
            if isinstance(got, Exception):
                del self.waiting[name]
                raise Refused(str(got))
            out.append(got)
            if got.get_response().parameters["triton_final_response"].bool_param:
                del self.waiting[name]
                return out

    def ask(self, **inputs):
        return self.wait(self.send(**inputs))[0]

    def status(self):
        return json.loads(self.ask(op="status").as_numpy("status_json")[0])

    def tokens(self, name):
        """Ids, log-probs and versions of a generation."""
        ids, log_probs, versions = [], [], []
        for r in self.wait(name):
            if r.as_numpy("output_ids") is not None:
                ids += r.as_numpy("output_ids").tolist()
                log_probs += r.as_numpy("output_log_probs").tolist()
                versions += [int(r.as_numpy("policy_version")[0])] * (len(ids) - len(versions))
        return ids, log_probs, versions

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        self.client.stop_stream(cancel_requests=True)
        self.client.close()
