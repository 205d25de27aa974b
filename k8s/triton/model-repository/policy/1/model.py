"""The policy model of Foothold for Triton's python backend: tensor contract version 1.

`execute` parses and queues; one thread answers. An engine draws the tokens: `reference` (numpy, one token of each request in
turn, the contract's noise), `vllm` (AsyncLLM, its own noise), or `uniform` (no model, for load tests). Control operations run
while nothing is drawn. Every path ends a request with one final flag. The model's parameter `engine`, or FOOTHOLD_ENGINE, chooses."""
import hashlib
import hmac
import json
import os
import pathlib
import queue
import threading
import time
import urllib.parse

import numpy as np
import triton_python_backend_utils as pb

from tokens import Refused, safetensors_header

FINAL = pb.TRITONSERVER_RESPONSE_COMPLETE_FINAL
GUARDED = ("abort", "pause", "resume", "update", "reset")
ADMIN = "x-rollout-admin"
CONTROLS = ("tokenize", "vocabulary", "status", "abort", "pause", "resume", "update", "reset")
LOOK_EVERY = 0.05  # seconds between two looks for requests that were given up
ENGINES = ("reference", "vllm", "uniform")


def failed(text, code="INVALID_ARG"):
    return pb.InferenceResponse(error=pb.TritonError(text, getattr(pb.TritonError, code)))


def texts(name, values):
    return pb.Tensor(name, np.array(list(values), dtype=object))


class Gauges:
    """What Prometheus is told, under the names that the policy server uses too."""

    NAMES = (("foothold_policy_version", "GAUGE", "Policy version that samples."),
             ("foothold_policy_pause_seconds", "GAUGE", "How long the last weight change held sampling."),
             ("foothold_requests_running", "GAUGE", "Sequences under way."),
             ("foothold_requests_waiting", "GAUGE", "Requests that nobody has looked at yet."),
             ("foothold_generated_tokens_total", "COUNTER", "Sampled tokens."))

    def __init__(self):
        self.families = [pb.MetricFamily(name=name, description=text, kind=getattr(pb.MetricFamily, kind)) for name, kind, text in self.NAMES]
        self.metrics = [family.Metric(labels={"model": "policy", "version": "1"}) for family in self.families]
        self.told, self.last = 0, None

    def tell(self, model):
        now = (model.version, model.pause_micros / 1e6, len(model.active), model.inbox.qsize())
        if now != self.last or model.tokens != self.told:
            for metric, value in zip(self.metrics, now):
                metric.set(value)
            self.metrics[-1].increment(model.tokens - self.told)
            self.told, self.last = model.tokens, now


class Request:
    """A generation under way."""

    def __init__(self, model, request, sender, inputs):
        one = lambda name, default: inputs[name].reshape(-1)[0].item() if name in inputs else default
        self.id, self.sender, self.aborted = request.request_id(), sender, False
        self.ids = [int(i) for i in inputs.get("input_ids", [])]
        if not self.ids or "max_tokens" not in inputs or "random_seed" not in inputs:
            raise Refused("op 'generate' needs inputs 'input_ids', 'max_tokens' and 'random_seed'")
        self.prompt, self.inputs = one("prompt_length", len(self.ids)), len(self.ids)
        self.most, self.seed = one("max_tokens", 0), one("random_seed", 0)
        files = model.engine.files
        if self.most < 1 or self.inputs + self.most > files.longest:
            raise Refused("max_tokens must be 1..%d, got %d" % (files.longest - self.inputs, self.most))
        if min(self.ids) < 0 or max(self.ids) >= files.vocabulary:
            raise Refused("input_ids must be 0..%d" % (files.vocabulary - 1))
        if not 1 <= self.prompt <= self.inputs:
            raise Refused("prompt_length must be 1..%d, got %d" % (self.inputs, self.prompt))
        if one("min_policy_version", 0) > model.version:
            raise Refused("policy version %d is older than %d" % (model.version, one("min_policy_version", 0)))
        self.temperature, self.top_p, self.top_k = one("temperature", 1.0), one("top_p", 1.0), one("top_k", 0)
        self.stops = [int(i) for i in inputs.get("stop_token_ids", [])]
        self.words = [w for w in inputs.get("stop_strings", np.array([], dtype=object)).reshape(-1)]
        self.ignore_eos, self.interval = one("ignore_eos", False), one("stream_interval", 16)
        self.text, self.tokens, self.log_probs, self.sent, self.version = None, [], [], 0, model.version


class TritonPythonModel:
    def initialize(self, args):
        directory = os.environ.get("FOOTHOLD_POLICY")
        if not directory:
            raise pb.TritonModelException("FOOTHOLD_POLICY must name the Hugging Face directory of the policy")
        parameters = json.loads(args.get("model_config", "{}")).get("parameters", {})
        name = os.environ.get("FOOTHOLD_ENGINE") or parameters.get("engine", {}).get("string_value", "reference")
        if name not in ENGINES:
            raise pb.TritonModelException("engine '%s' is not known (expected one of %s)" % (name, ", ".join(ENGINES)))
        if name == "vllm":
            import vllm_engine
            self.engine = vllm_engine.Engine(directory, self.post)
        elif name == "uniform":
            import uniform
            self.engine = uniform.Engine(directory, self.drawn)
        else:
            import reference
            self.engine = reference.Engine(directory, self.drawn)
        self.digest = hashlib.sha256((pathlib.Path(directory) / "model.safetensors").read_bytes()).hexdigest()
        self.version, self.paused, self.tokens, self.error, self._pieces = 0, False, 0, "", None
        self.pause_micros = 0
        self.secret = os.environ.get("FOOTHOLD_ADMIN_SECRET", "")
        self.inbox, self.active = queue.Queue(), []
        self.gauges = Gauges()
        self.thread = threading.Thread(target=self.loop, name="policy-engine", daemon=True)
        self.thread.start()

    def pieces(self):
        if self._pieces is None:
            self._pieces = self.engine.files.pieces()
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
                r = Request(self, request, sender, inputs)
                self.active.append(r)
                self.engine.start(r)
            elif op in CONTROLS:
                if op in GUARDED:
                    self.authorise(request)
                outputs = getattr(self, op)({k: v.reshape(-1) for k, v in inputs.items()})
                sender.send(pb.InferenceResponse(output_tensors=outputs), flags=FINAL)
            else:
                raise Refused("unknown op '%s' (expected generate or one of %s)" % (op, ", ".join(CONTROLS)))
        except Refused as refusal:
            old = str(refusal).startswith("policy version")
            sender.send(failed(str(refusal), "UNAVAILABLE" if old else "INVALID_ARG"), flags=FINAL)
        except Exception as failure:
            self.error = repr(failure)
            sender.send(failed("internal: " + self.error, "INTERNAL"), flags=FINAL)

    def authorise(self, request):
        given = str(json.loads(request.parameters() or "{}").get(ADMIN, ""))
        if self.secret and not hmac.compare_digest(self.secret.encode(), given.encode()):
            raise Refused("control operations need the admin secret in parameter '%s'" % ADMIN)

    def status(self, inputs=None):
        text = json.dumps({
            "version": self.version, "digest": self.digest, "paused": self.paused, "running": len(self.active),
            "waiting": self.inbox.qsize(), "tokens": self.tokens, "pause_micros": self.pause_micros, "last_error": self.error})
        return [texts("status_json", [text.encode()]), pb.Tensor("policy_version", np.array([self.version], np.int64))]

    def tokenize(self, inputs):
        prompts = [text.decode() for text in inputs["text"]]
        if "chat" in inputs:
            prompts = [self.engine.files.message(text, inputs["chat"][0].decode()) for text in prompts]
        encoded = [self.engine.files.encode(text) for text in prompts]
        return [pb.Tensor("ids", np.array(sum(encoded, []), np.int32)),
                pb.Tensor("lengths", np.array([len(e) for e in encoded], np.int32))]

    def vocabulary(self, inputs):
        return [texts("pieces", self.pieces())]

    def abort(self, inputs):
        targets = {t.decode() for t in inputs["target_id"]}
        for r in self.active:
            r.aborted |= r.id in targets
        self.clear()
        return self.status()

    def pause(self, inputs):
        if not self.paused:
            self.engine.hold()
        self.paused = True
        return self.status()

    def resume(self, inputs):
        if self.paused:
            self.engine.go_on()
        self.paused = False
        return self.status()

    def artefact(self, inputs):
        uri, wanted = inputs["weights_uri"][0].decode(), inputs["weights_digest"][0].decode()
        path = pathlib.Path(urllib.parse.unquote(urllib.parse.urlparse(uri).path))
        data = path.read_bytes()
        found = hashlib.sha256(data).hexdigest()
        if found != wanted:
            raise Refused("artefact %s has digest %s, expected %s" % (uri, found, wanted))
        safetensors_header(data)
        return path, found

    def switch(self, path, version, digest):
        """Changes the weights between two tokens. What was drawn before keeps the version that drew it, and goes out later: a thousand
        responses take longer than the change."""
        began = time.perf_counter()
        if not self.paused:
            self.engine.hold()
        try:
            self.settle()
            self.engine.load(path, version)
            self.version, self.digest = version, digest
        finally:
            if not self.paused:
                self.engine.go_on()
        self.pause_micros = round(1e6 * (time.perf_counter() - began))
        return self.status()

    def update(self, inputs):
        version = int(inputs["policy_version"][0])
        if version == self.version and inputs["weights_digest"][0].decode() == self.digest:
            return self.status()
        if version <= self.version:
            raise Refused("policy_version must grow: %d after %d" % (version, self.version))
        path, digest = self.artefact(inputs)
        return self.switch(path, version, digest)

    def reset(self, inputs):
        if self.active:
            raise Refused("cannot go back while %d sequences are under way" % len(self.active))
        path, digest = self.artefact(inputs)
        return self.switch(path, int(inputs["policy_version"][0]), digest)

    def send(self, r, end):
        if not end and not r.tokens:
            return
        out = [pb.Tensor("output_ids", np.array(r.tokens, np.int32)),
               pb.Tensor("output_log_probs", np.array(r.log_probs, np.float32)),
               pb.Tensor("token_offset", np.array([r.sent], np.int32)),
               pb.Tensor("policy_version", np.array([r.version], np.int64))]
        if end:
            out += [texts("finish_reason", [end[0].encode()]), pb.Tensor("stop_index", np.array([end[1]], np.int32)),
                    pb.Tensor("num_input_tokens", np.array([r.inputs], np.uint32)),
                    pb.Tensor("num_output_tokens", np.array([len(r.ids) - r.inputs], np.uint32))]
        r.sender.send(pb.InferenceResponse(output_tensors=out), flags=FINAL if end else 0)
        r.sent += len(r.tokens)
        r.tokens, r.log_probs = [], []

    def post(self, r, tokens, log_probs, end, failure=None):
        """Takes what another thread's engine drew to this model's thread."""
        self.inbox.put((r, tokens, log_probs, end, failure))

    def drawn(self, r, tokens, log_probs, end, failure=None):
        """New tokens of a request, and its end."""
        if r not in self.active:
            return
        if tokens and r.version != self.version:
            self.send(r, None)
            r.version = self.version
        r.ids += tokens
        r.tokens += tokens
        r.log_probs += log_probs
        self.tokens += len(tokens)
        if end or failure:
            self.active.remove(r)
        if failure:
            self.error = failure
            r.sender.send(failed("internal: " + failure, "INTERNAL"), flags=FINAL)
        elif end or (r.interval and len(r.tokens) >= r.interval):
            self.send(r, end)

    def settle(self):
        """Handles what was drawn and still waits; other work keeps its order."""
        later = []
        while True:
            try:
                item = self.inbox.get_nowait()
            except queue.Empty:
                break
            if item is not None and len(item) == 5:
                self.drawn(*item)
            else:
                later.append(item)
        for item in later:
            self.inbox.put(item)

    def clear(self):
        """Ends what its caller gave up or aborted."""
        for r in list(self.active):
            if r.sender.is_cancelled() or r.aborted:
                self.engine.stop(r)
                self.active.remove(r)
                if r.aborted:
                    self.send(r, ("abort", -1))
                else:
                    r.sender.send(flags=FINAL)

    def loop(self):
        looked = time.monotonic()
        while True:
            draws = self.engine.busy and not self.paused
            item = ()
            try:
                item = self.inbox.get_nowait() if draws else self.inbox.get(timeout=LOOK_EVERY if self.active else 1)
            except queue.Empty:
                pass
            if item is None:
                return
            if len(item) == 5:
                self.drawn(*item)
            elif item:
                self.accept(*item)
            if not item or time.monotonic() - looked > LOOK_EVERY:
                self.clear()
                self.gauges.tell(self)
                looked = time.monotonic()
            if draws and not item:
                self.engine.step()

    def finalize(self):
        self.inbox.put(None)
        self.thread.join(5)
        self.engine.close()
