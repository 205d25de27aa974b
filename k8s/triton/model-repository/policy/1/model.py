"""The policy model of Foothold for Triton's python backend: tensor contract version 1.

`execute` parses and queues; one thread answers. An engine draws the tokens: `reference` (numpy, one token of each request in
turn, the contract's noise), `vllm` (AsyncLLM, its own noise), or `uniform` (no model, for load tests). Control operations run
while nothing is drawn. Every path ends a request with one final flag. The model's parameter `engine`, or FOOTHOLD_ENGINE, chooses."""
import locale
# Triton's interpreter runs in the C locale whatever the environment says: text files would be read as ASCII, by vLLM's packages too.
locale.setlocale(locale.LC_CTYPE, "C.UTF-8")  # before any other import
import hashlib
import hmac
import json
import os
import pathlib
import queue
import sys
import threading
import time
import traceback
import urllib.parse

import numpy as np
import triton_python_backend_utils as pb

import canary
from generation import Generation
from tokens import Refused, safetensors_header, text_of

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


def flat(inputs, *names):
    """The flat values of inputs that an operation cannot do without."""
    missing = [name for name in names if name not in inputs or not len(inputs[name])]
    if missing:
        raise Refused("the operation needs input%s %s" % ("s" if len(missing) > 1 else "", ", ".join("'%s'" % name for name in missing)))
    return [inputs[name] for name in names]


def end_process():
    """Ends the model's process at once: a server without its model's process answers every request with an error."""
    os._exit(70)


class TritonPythonModel:
    def initialize(self, args):
        directory = os.environ.get("FOOTHOLD_POLICY")
        if not directory:
            raise pb.TritonModelException("FOOTHOLD_POLICY must name the Hugging Face directory of the policy")
        parameters = json.loads(args.get("model_config", "{}")).get("parameters", {})
        name = os.environ.get("FOOTHOLD_ENGINE") or parameters.get("engine", {}).get("string_value", "reference")
        if name not in ENGINES:
            raise pb.TritonModelException("engine '%s' is not known (expected one of %s)" % (name, ", ".join(ENGINES)))
        bound = os.environ.get("FOOTHOLD_CANARY_BOUND", "")
        canary.bound(bound, "float32")  # a wrong one is told before the engine is loaded, which may take minutes
        if name == "vllm":
            import vllm_engine
            self.engine = vllm_engine.Engine(directory, self.post)
        elif name == "uniform":
            import uniform
            self.engine = uniform.Engine(directory, self.drawn)
        else:
            import reference
            self.engine = reference.Engine(directory, self.drawn)
        self.digest = self.engine.files.digest()
        self.version, self.paused, self.tokens, self.error, self._pieces = 0, False, 0, "", None
        self.pause_micros, self.unproved, self.proof, self.name = 0, None, None, name
        self.bound = canary.bound(bound, self.engine.precision)
        self.secret = os.environ.get("FOOTHOLD_ADMIN_SECRET", "")
        self.roots = [os.path.realpath(root) for root in os.environ.get("FOOTHOLD_FILES_ROOTS", "").split(os.pathsep) if root]
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
            op = text_of("op", inputs["op"].reshape(-1)[0]) if "op" in inputs else "generate"
            if op == "generate":
                r = Generation(self, request, sender, inputs)
                self.engine.prepare(r)
                self.engine.start(r)
                self.active.append(r)
            elif op in CONTROLS:
                if op in GUARDED:
                    self.authorise(request)
                outputs = getattr(self, op)({k: v.reshape(-1) for k, v in inputs.items()})
                sender.send(pb.InferenceResponse(output_tensors=outputs), flags=FINAL)
            else:
                raise Refused("unknown op '%s' (expected generate or one of %s)" % (op, ", ".join(CONTROLS)))
        except Exception as failure:
            self.fail(sender, failure)

    def fail(self, sender, failure):
        """Ends a request with an error. Only what is the server's own fault becomes its last error."""
        if isinstance(failure, Refused):
            sender.send(failed(str(failure), failure.code), flags=FINAL)
            return
        self.error = str(failure) if isinstance(failure, canary.Disproved) else "internal: %r" % failure
        sender.send(failed(self.error, "INTERNAL"), flags=FINAL)

    def authorise(self, request):
        given = str(json.loads(request.parameters() or "{}").get(ADMIN, ""))
        if self.secret and not hmac.compare_digest(self.secret.encode("utf-8"), given.encode("utf-8")):
            raise Refused("control operations need the admin secret in parameter '%s'" % ADMIN)

    def demand_policy(self, r, oldest):
        """Refuses a request that this policy must not answer."""
        if self.unproved:
            raise Refused("no proved policy: " + self.unproved, "UNAVAILABLE")
        if oldest > self.version:
            raise Refused("policy version %d is older than %d" % (self.version, oldest), "UNAVAILABLE")
        if r.policy_version not in (None, self.version) or r.policy_digest not in (None, self.digest):
            raise Refused("policy version %d with digest %s is not the policy asked for (%s)" % (self.version, self.digest, ", ".join(
                "%s %s" % (name, value) for name, value in (("version", r.policy_version), ("digest", r.policy_digest)) if value is not None)), "UNAVAILABLE")

    def end_where_refused(self):
        """Ends what is under way and must not go on with this policy."""
        for r in list(self.active):
            try:
                self.demand_policy(r, 0)
            except Refused as refusal:
                self.active.remove(r)
                self.fail(r.sender, refusal)
                self.engine.stop(r)

    def status(self, inputs=None):
        values = {
            "version": self.version, "digest": self.digest, "paused": self.paused, "running": len(self.active),
            "waiting": self.inbox.qsize(), "tokens": self.tokens, "pause_micros": self.pause_micros, "last_error": self.error,
            "proved": self.unproved is None, "engine": self.name, "precision": self.engine.precision, "max_length": self.engine.files.longest}
        if self.proof:
            values["canary"] = self.proof
        return [texts("status_json", [json.dumps(values).encode("utf-8")]), pb.Tensor("policy_version", np.array([self.version], np.int64))]

    def tokenize(self, inputs):
        prompts = [text_of("text", text) for text in flat(inputs, "text")[0]]
        if "chat" in inputs:
            settings = text_of("chat", inputs["chat"][0])
            prompts = [self.engine.files.message(text, settings) for text in prompts]
        encoded = [self.engine.files.encode(text) for text in prompts]
        return [pb.Tensor("ids", np.array(sum(encoded, []), np.int32)),
                pb.Tensor("lengths", np.array([len(e) for e in encoded], np.int32))]

    def vocabulary(self, inputs):
        return [texts("pieces", self.pieces())]

    def abort(self, inputs):
        targets = {text_of("target_id", t) for t in flat(inputs, "target_id")[0]}
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

    def artefact(self, uri, wanted):
        parsed = urllib.parse.urlparse(uri)
        if parsed.scheme != "file":
            raise Refused("weights_uri '%s' has scheme '%s' (expected file)" % (uri, parsed.scheme))
        try:
            # Where links lead is what counts; a refusal tells nothing of what lies there.
            path = pathlib.Path(os.path.realpath(os.fsdecode(urllib.parse.unquote_to_bytes(parsed.path))))
            if self.roots and not any(path.is_relative_to(root) for root in self.roots):
                raise OSError("it is not below FOOTHOLD_FILES_ROOTS")
            if path.exists() and not path.is_file():
                raise OSError("it is no regular file")
            data = path.read_bytes()
        except (OSError, ValueError) as failure:
            raise Refused("artefact %s cannot be read: %s" % (uri, failure))
        if hashlib.sha256(data).hexdigest() != wanted:
            raise Refused("artefact %s does not have the digest %s" % (uri, wanted))
        safetensors_header(data)
        return path

    def switch(self, path, version, digest, proof_wanted):
        """Changes the weights between two tokens. What was drawn before keeps the version that drew it, and goes out later: a thousand
        responses take longer than the change. The version counts when the canary has proved it. If it does not, or the load fails, the
        old weights go on where the engine still has them; else nothing is sampled until a publish is proved."""
        if proof_wanted and not self.paused:
            self.engine.touch(proof_wanted.sequences)
        began = time.perf_counter()
        if not self.paused:
            self.engine.hold()
        held = True
        try:
            self.settle()
            self.engine.load(path, version)
            if proof_wanted and not self.engine.scores_held:
                self.engine.go_on()
                held, self.pause_micros = False, round(1e6 * (time.perf_counter() - began))
            proof = proof_wanted.prove(self.engine, version, self.bound) if proof_wanted else None
            self.engine.keep()
            self.version, self.digest, self.unproved, self.proof = version, digest, None, proof
        except Exception as failure:
            if not self.engine.undo():
                self.unproved, self.digest, self.proof = "the publish of version %d failed: %s" % (version, failure), "", None
            raise
        finally:
            self.end_where_refused()
            if held and not self.paused:
                self.engine.go_on()
                self.pause_micros = round(1e6 * (time.perf_counter() - began))
            elif self.paused and not held:
                self.engine.hold()
        return self.status()

    def publication(self, inputs):
        uri, digest, version = flat(inputs, "weights_uri", "weights_digest", "policy_version")
        wanted = canary.canary_of(inputs, self.engine.files)
        return text_of("weights_uri", uri[0]), int(version[0]), text_of("weights_digest", digest[0]), wanted

    def update(self, inputs):
        uri, version, digest, wanted = self.publication(inputs)
        same = version == self.version and digest == self.digest
        if same and (not wanted or self.proof):
            return self.status()
        if version < self.version or (version == self.version and not same and not self.unproved):
            raise Refused("policy_version must grow: %d after %d" % (version, self.version))
        return self.switch(self.artefact(uri, digest), version, digest, wanted)

    def reset(self, inputs):
        if self.active:
            raise Refused("cannot go back while %d sequences are under way" % len(self.active))
        uri, version, digest, wanted = self.publication(inputs)
        return self.switch(self.artefact(uri, digest), version, digest, wanted)

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
            self.fail(r.sender, failure)
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
        try:
            self.answer()
        except Exception:
            traceback.print_exc()
            self.die("the model's thread failed; the server's log says where")

    def answer(self):
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
                if self.engine.dead:
                    self.die(self.engine.dead)
                    return
                self.clear()
                self.gauges.tell(self)
                looked = time.monotonic()
            if draws and not item:
                self.engine.step()

    def die(self, why):
        """Answers what is under way and ends the process: a dead engine must not look like a server that is ready."""
        print("policy model: " + why + "; the model's process ends", file=sys.stderr, flush=True)
        senders = [r.sender for r in self.active]
        self.active.clear()
        while True:
            try:
                item = self.inbox.get_nowait()
            except queue.Empty:
                break
            if item is not None and len(item) == 3:
                senders.append(item[1])
        for sender in senders:
            try:
                self.fail(sender, RuntimeError(why))
            except Exception:
                traceback.print_exc()
        end_process()

    def finalize(self):
        self.inbox.put(None)
        self.thread.join(5)
        self.engine.close()
