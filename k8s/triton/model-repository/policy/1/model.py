"""The policy model of Foothold for Triton's python backend: tensor contract version 1, reference engine.

`execute` parses and queues; one thread samples a token of each request under way in turn, so that many requests of a stream
share the model. Control operations run between two tokens. Every path ends a request with one final flag."""
import collections
import hashlib
import json
import os
import pathlib
import queue
import threading
import time
import urllib.parse

import numpy as np
import triton_python_backend_utils as pb

import reference

FINAL = pb.TRITONSERVER_RESPONSE_COMPLETE_FINAL
CONTROLS = ("tokenize", "vocabulary", "status", "abort", "pause", "resume", "update", "reset")


def failed(text, code="INVALID_ARG"):
    return pb.InferenceResponse(error=pb.TritonError(text, getattr(pb.TritonError, code)))


def texts(name, values):
    return pb.Tensor(name, np.array(list(values), dtype=object))


class Request:
    """A generation under way."""

    def __init__(self, model, request, sender, inputs):
        one = lambda name, default: inputs[name].reshape(-1)[0].item() if name in inputs else default
        self.id, self.sender, self.aborted = request.request_id(), sender, False
        self.ids = [int(i) for i in inputs.get("input_ids", [])]
        if not self.ids or "max_tokens" not in inputs or "random_seed" not in inputs:
            raise reference.Refused("op 'generate' needs inputs 'input_ids', 'max_tokens' and 'random_seed'")
        self.prompt, self.inputs = one("prompt_length", len(self.ids)), len(self.ids)
        self.most, self.seed = one("max_tokens", 0), one("random_seed", 0)
        policy = model.policy
        if self.most < 1 or self.inputs + self.most > policy.longest:
            raise reference.Refused("max_tokens must be 1..%d, got %d" % (policy.longest - self.inputs, self.most))
        if min(self.ids) < 0 or max(self.ids) >= policy.vocabulary:
            raise reference.Refused("input_ids must be 0..%d" % (policy.vocabulary - 1))
        if not 1 <= self.prompt <= self.inputs:
            raise reference.Refused("prompt_length must be 1..%d, got %d" % (self.inputs, self.prompt))
        if one("min_policy_version", 0) > model.version:
            raise reference.Refused("policy version %d is older than %d" % (model.version, one("min_policy_version", 0)))
        self.temperature, self.top_p, self.top_k = one("temperature", 1.0), one("top_p", 1.0), one("top_k", 0)
        self.stops = [int(i) for i in inputs.get("stop_token_ids", [])]
        self.words = [w for w in inputs.get("stop_strings", np.array([], dtype=object)).reshape(-1)]
        self.ends = set() if one("ignore_eos", False) else policy.ends
        self.interval = one("stream_interval", 16)
        self.sequence, self.text = reference.Sequence(policy.config["num_hidden_layers"]), b""
        if self.words:
            self.text = b"".join(model.pieces()[i] for i in self.ids[self.prompt:])
        self.tokens, self.log_probs, self.sent = [], [], 0

    def end(self, token, pieces):
        if token in self.ends:
            return "stop", -1
        if token in self.stops:
            return "stop_token", self.stops.index(token)
        if self.words:
            before, self.text = len(self.text), self.text + pieces[token]
            for i, word in enumerate(self.words):
                if self.text.find(word, max(0, before - len(word) + 1)) >= 0:
                    return "stop_string", i
        return ("length", -1) if len(self.ids) - self.inputs >= self.most else None


class TritonPythonModel:
    def initialize(self, args):
        directory = os.environ.get("FOOTHOLD_POLICY")
        if not directory:
            raise pb.TritonModelException("FOOTHOLD_POLICY must name the Hugging Face directory of the policy")
        self.policy = reference.Policy(directory)
        self.digest = hashlib.sha256((pathlib.Path(directory) / "model.safetensors").read_bytes()).hexdigest()
        self.version, self.paused, self.tokens, self.error, self._pieces = 0, False, 0, "", None
        self.pause_micros = 0
        self.inbox, self.active = queue.Queue(), collections.deque()
        self.thread = threading.Thread(target=self.loop, name="policy-engine", daemon=True)
        self.thread.start()

    def pieces(self):
        if self._pieces is None:
            self._pieces = self.policy.pieces()
        return self._pieces

    def execute(self, requests):
        for request in requests:
            inputs = {t.name(): t.as_numpy() for t in request.inputs()}
            self.inbox.put((request, request.get_response_sender(), inputs))
        return None

    def accept(self, request, sender, inputs):
        try:
            op = inputs["op"].reshape(-1)[0].decode() if "op" in inputs else "generate"
            if op == "generate":
                self.active.append(Request(self, request, sender, inputs))
            elif op in CONTROLS:
                outputs = getattr(self, op)({k: v.reshape(-1) for k, v in inputs.items()})
                sender.send(pb.InferenceResponse(output_tensors=outputs), flags=FINAL)
            else:
                raise reference.Refused("unknown op '%s' (expected generate or one of %s)" % (op, ", ".join(CONTROLS)))
        except reference.Refused as refusal:
            old = str(refusal).startswith("policy version")
            sender.send(failed(str(refusal), "UNAVAILABLE" if old else "INVALID_ARG"), flags=FINAL)
        except Exception as failure:
            self.error = repr(failure)
            sender.send(failed("internal: " + self.error, "INTERNAL"), flags=FINAL)

    def status(self, inputs=None):
        text = json.dumps({
            "version": self.version, "digest": self.digest, "paused": self.paused, "running": len(self.active),
            "waiting": self.inbox.qsize(), "tokens": self.tokens, "pause_micros": self.pause_micros, "last_error": self.error})
        return [texts("status_json", [text.encode()]), pb.Tensor("policy_version", np.array([self.version], np.int64))]

    def tokenize(self, inputs):
        prompts = [text.decode() for text in inputs["text"]]
        if "chat" in inputs:
            prompts = [self.policy.message(text, inputs["chat"][0].decode()) for text in prompts]
        encoded = [self.policy.encode(text) for text in prompts]
        return [pb.Tensor("ids", np.array(sum(encoded, []), np.int32)),
                pb.Tensor("lengths", np.array([len(e) for e in encoded], np.int32))]

    def vocabulary(self, inputs):
        return [texts("pieces", self.pieces())]

    def abort(self, inputs):
        targets = {t.decode() for t in inputs["target_id"]}
        for r in self.active:
            r.aborted |= r.id in targets
        return self.status()

    def pause(self, inputs):
        self.paused = True
        return self.status()

    def resume(self, inputs):
        self.paused = False
        return self.status()

    def artefact(self, inputs):
        uri, wanted = inputs["weights_uri"][0].decode(), inputs["weights_digest"][0].decode()
        data = pathlib.Path(urllib.parse.unquote(urllib.parse.urlparse(uri).path)).read_bytes()
        found = hashlib.sha256(data).hexdigest()
        if found != wanted:
            raise reference.Refused("artefact %s has digest %s, expected %s" % (uri, found, wanted))
        return data, found

    def update(self, inputs):
        version = int(inputs["policy_version"][0])
        if version == self.version and inputs["weights_digest"][0].decode() == self.digest:
            return self.status()
        if version <= self.version:
            raise reference.Refused("policy_version must grow: %d after %d" % (version, self.version))
        began = time.perf_counter()  # control operations run between two tokens: nothing is sampled until this one is over
        data, digest = self.artefact(inputs)
        for r in self.active:
            self.send(r, None)
        self.policy.load(data)
        self.version, self.digest = version, digest
        self.pause_micros = round(1e6 * (time.perf_counter() - began))
        return self.status()

    def reset(self, inputs):
        if self.active:
            raise reference.Refused("cannot go back while %d sequences are under way" % len(self.active))
        data, digest = self.artefact(inputs)
        self.policy.load(data)
        self.version, self.digest = int(inputs["policy_version"][0]), digest
        return self.status()

    def send(self, r, end):
        if not end and not r.tokens:
            return
        out = [pb.Tensor("output_ids", np.array(r.tokens, np.int32)),
               pb.Tensor("output_log_probs", np.array(r.log_probs, np.float32)),
               pb.Tensor("token_offset", np.array([r.sent], np.int32)),
               pb.Tensor("policy_version", np.array([self.version], np.int64))]
        if end:
            out += [texts("finish_reason", [end[0].encode()]), pb.Tensor("stop_index", np.array([end[1]], np.int32)),
                    pb.Tensor("num_input_tokens", np.array([r.inputs], np.uint32)),
                    pb.Tensor("num_output_tokens", np.array([len(r.ids) - r.inputs], np.uint32))]
        r.sender.send(pb.InferenceResponse(output_tensors=out), flags=FINAL if end else 0)
        r.sent += len(r.tokens)
        r.tokens, r.log_probs = [], []

    def turn(self, r):
        """One token of one request; true when it is over."""
        if r.sender.is_cancelled():
            r.sender.send(flags=FINAL)
            return True
        if r.aborted:
            self.send(r, ("abort", -1))
            return True
        logits = self.policy.feed(r.sequence, r.ids[r.sequence.length:])
        noise = reference.uniform(r.seed, len(r.ids) - r.prompt)
        token, log_prob = self.policy.draw(logits, r.temperature, r.top_p, r.top_k, noise)
        r.ids.append(token)
        r.tokens.append(token)
        r.log_probs.append(log_prob)
        self.tokens += 1
        end = r.end(token, self.pieces() if r.words else None)
        if end or (r.interval and len(r.tokens) >= r.interval):
            self.send(r, end)
        return end is not None

    def loop(self):
        while True:
            busy = self.active and not self.paused
            try:
                item = self.inbox.get_nowait() if busy else self.inbox.get(timeout=1)
                if item is None:
                    return
                self.accept(*item)
                continue
            except queue.Empty:
                pass
            for _ in range(0 if self.paused else len(self.active)):
                r = self.active.popleft()
                try:
                    over = self.turn(r)
                except Exception as failure:
                    over, self.error = True, repr(failure)
                    r.sender.send(failed("internal: " + self.error, "INTERNAL"), flags=FINAL)
                if not over:
                    self.active.append(r)

    def finalize(self):
        self.inbox.put(None)
        self.thread.join(5)
