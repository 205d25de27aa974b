"""The policy model of Foothold for Triton's python backend: tensor contract version 1.

`execute` parses and queues; one thread answers. An engine draws the tokens: `transformers` (any family, a batch of requests, the contract's
noise), `reference` (numpy, one token of each request in turn, the contract's noise), `vllm` (AsyncLLM, its own noise), or `uniform` (no
model, for load tests). Control operations run while nothing is drawn. Every path ends a request with one final flag. The model's parameter
`engine`, or FOOTHOLD_ENGINE, chooses; so do `weight_change`, or FOOTHOLD_WEIGHT_CHANGE, and `adapters`, or FOOTHOLD_ADAPTERS."""
import locale
# Triton's interpreter runs in the C locale whatever the environment says: text files would be read as ASCII, by vLLM's packages too.
locale.setlocale(locale.LC_CTYPE, "C.UTF-8")  # before any other import
import hashlib
import hmac
import importlib
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
import tokens
from generation import Generation
from tokens import Refused, safetensors_header, text_of

FINAL = pb.TRITONSERVER_RESPONSE_COMPLETE_FINAL
GUARDED = ("abort", "pause", "resume", "update", "reset")
ADMIN = "x-rollout-admin"
CONTROLS = ("tokenize", "vocabulary", "status", "abort", "pause", "resume", "update", "reset")
ADAPTER_INPUTS = ("adapter_uri", "adapter_digest")
ADAPTER_FILES = ("adapter_config.json", "adapter_model.safetensors")
LOOK_EVERY = 0.05  # seconds between two looks for requests that were given up
ENGINES = {"reference": "reference", "transformers": "transformers_engine", "vllm": "vllm_engine", "uniform": "uniform"}
"""Modules by the name of the engine; of the choices that their classes name, the first is the default."""


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

        def chosen(what, choices, of=""):
            """A setting's value: the environment's, or the parameter's, or the first choice."""
            value = os.environ.get("FOOTHOLD_" + what.upper()) or parameters.get(what, {}).get("string_value") or choices[0]
            if value not in choices:
                raise pb.TritonModelException("%s '%s' is not known%s (expected one of %s)" % (what, value, of, ", ".join(choices)))
            return value
        name = chosen("engine", list(ENGINES))
        bound = os.environ.get("FOOTHOLD_CANARY_BOUND", "")
        canary.bound(bound, "float32")  # a wrong one is told before the engine is loaded, which may take minutes
        engine = importlib.import_module(ENGINES[name]).Engine
        settings = tokens.Settings(*(chosen(what, choices, " for engine " + name) for what, choices in (
            ("weight_change", engine.weight_changes), ("adapters", engine.adapter_forms))))
        self.engine = engine(directory, self.post if name == "vllm" else self.drawn, settings)
        self.settings, self.digest = settings, self.engine.files.digest()
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
            "proved": self.unproved is None, "engine": self.name, "precision": self.engine.precision, "max_length": self.engine.files.longest,
            "weight_change": self.settings.weight_change, "adapters": self.settings.adapters}
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

    def place(self, what, uri):
        """Where a file: URI leads. Links followed: where they lead is what counts; a refusal tells nothing of what lies there."""
        parsed = urllib.parse.urlparse(uri)
        if parsed.scheme != "file":
            raise Refused("%s '%s' has scheme '%s' (expected file)" % (what, uri, parsed.scheme))
        return pathlib.Path(os.path.realpath(os.fsdecode(urllib.parse.unquote_to_bytes(parsed.path))))

    def content(self, path):
        """The bytes of a file below the roots. Raises OSError or ValueError."""
        path = pathlib.Path(os.path.realpath(path))
        if self.roots and not any(path.is_relative_to(root) for root in self.roots):
            raise OSError("it is not below FOOTHOLD_FILES_ROOTS")
        if path.exists() and not path.is_file():
            raise OSError("it is no regular file")
        return path.read_bytes()

    def artefact(self, uri, wanted):
        """The path of merged weights whose SHA-256 is right."""
        path = self.place("weights_uri", uri)
        try:
            data = self.content(path)
        except (OSError, ValueError) as failure:
            raise Refused("artefact %s cannot be read: %s" % (uri, failure)) from failure
        if hashlib.sha256(data).hexdigest() != wanted:
            raise Refused("artefact %s does not have the digest %s" % (uri, wanted))
        safetensors_header(data)
        return path

    def adapter(self, uri, wanted):
        """The directory of adapters in PEFT's layout; their digest is that of the bytes of both files, configuration first."""
        path, digest, data = self.place("adapter_uri", uri), hashlib.sha256(), b""
        for name in ADAPTER_FILES:
            try:
                data = self.content(path / name)
            except (OSError, ValueError) as failure:
                raise Refused("adapters %s: %s cannot be read: %s" % (uri, name, failure)) from failure
            digest.update(data)
        if digest.hexdigest() != wanted:
            raise Refused("adapters %s do not have the digest %s" % (uri, wanted))
        safetensors_header(data)
        return path

    def switch(self, publication, proof_wanted):
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
            self.engine.load(publication)
            if proof_wanted and not self.engine.scores_held:
                self.engine.go_on()
                held, self.pause_micros = False, round(1e6 * (time.perf_counter() - began))
            proof = proof_wanted.prove(self.engine, publication.version, self.bound) if proof_wanted else None
            self.engine.keep()
            self.version, self.digest, self.unproved, self.proof = publication.version, publication.digest, None, proof
        except Exception as failure:
            if not self.engine.undo():
                self.unproved, self.digest, self.proof = "the publish of version %d failed: %s" % (publication.version, failure), "", None
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
        """What is published, not looked at yet, and its canary: text of the URI, version, digest, and the adapters' texts, None without."""
        uri, digest, version = flat(inputs, "weights_uri", "weights_digest", "policy_version")
        given = [name for name in ADAPTER_INPUTS if name in inputs]
        if len(given) == 1:
            raise Refused("inputs %s come together or not at all: got only %s" % (" and ".join(ADAPTER_INPUTS), given[0]))
        adapter = [text_of(name, inputs[name][0]) for name in given] or None
        if self.settings.adapters == "adapter" and not adapter:
            raise Refused("this server takes adapters on its own weights (adapters: adapter), and the publication has none: it needs inputs %s" % " and ".join(ADAPTER_INPUTS))
        return text_of("weights_uri", uri[0]), int(version[0]), text_of("weights_digest", digest[0]), adapter, canary.canary_of(inputs, self.engine.files)

    def fetched(self, uri, version, digest, adapter):
        """A publication whose files are whole. Where adapters are taken up, the merged weights are not read."""
        if self.settings.adapters == "adapter":
            return tokens.Publication(None, version, digest, self.adapter(*adapter))
        return tokens.Publication(self.artefact(uri, digest), version, digest, None)

    def update(self, inputs):
        uri, version, digest, adapter, wanted = self.publication(inputs)
        same = version == self.version and digest == self.digest
        if same and (not wanted or self.proof):
            return self.status()
        if version < self.version or (version == self.version and not same and not self.unproved):
            raise Refused("policy_version must grow: %d after %d" % (version, self.version))
        return self.switch(self.fetched(uri, version, digest, adapter), wanted)

    def reset(self, inputs):
        if self.active:
            raise Refused("cannot go back while %d sequences are under way" % len(self.active))
        uri, version, digest, adapter, wanted = self.publication(inputs)
        return self.switch(self.fetched(uri, version, digest, adapter), wanted)

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
