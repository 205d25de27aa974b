"""Tests of the policy model and its engines outside Triton: python engines_test.py. triton_python_backend_utils and vllm are stand-ins
with the signatures of Triton 2.51 and of vllm 0.32.0. The stand-in refuses the arguments that the real one refuses, keeps a prefix cache,
does not empty it while anything runs unless told to, holds a packed copy of a tied lm_head, and dies on demand. vllm-check.sh asks the real one."""
import asyncio
import dataclasses
import hashlib
import json
import locale
import math
import os
import pathlib
import sys
import tempfile
import threading
import time
import types
import unittest
import urllib.parse

import numpy as np

here = pathlib.Path(__file__).resolve().parent
POLICY = here.parents[1] / "services/foothold/policies/dial"
sys.path.insert(0, str(here / "model-repository/policy/1"))


class Tensor:
    def __init__(self, name, values):
        self._name, self._values = name, values

    def name(self):
        return self._name

    def as_numpy(self):
        return self._values


class TritonError:
    INVALID_ARG, INTERNAL, UNAVAILABLE = "INVALID_ARG", "INTERNAL", "UNAVAILABLE"

    def __init__(self, text, code):
        self.text, self.code = text, code


class InferenceResponse:
    def __init__(self, output_tensors=(), error=None):
        self.tensors, self.error = {t.name(): t.as_numpy() for t in output_tensors}, error


class MetricFamily:
    COUNTER, GAUGE = "COUNTER", "GAUGE"
    values = {}

    def __init__(self, name, description, kind):
        self.name = name

    def Metric(self, labels):
        assert labels == {"model": "policy", "version": "1"}
        MetricFamily.values[self.name] = 0
        return self

    def set(self, value):
        MetricFamily.values[self.name] = value

    def increment(self, value):
        MetricFamily.values[self.name] += value


utils = types.ModuleType("triton_python_backend_utils")
utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL, utils.Tensor, utils.TritonError = 1, Tensor, TritonError
utils.InferenceResponse, utils.TritonModelException, utils.MetricFamily = InferenceResponse, RuntimeError, MetricFamily
sys.modules["triton_python_backend_utils"] = utils


class VLLMClientError(Exception):
    """Not a ValueError, as in vLLM."""


class EngineDeadError(Exception):
    """vLLM's engine process is gone."""


@dataclasses.dataclass
class SamplingParams:
    """The fields that the engine sets; another one is an error, as in the real class, and so is what the real class refuses."""
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    seed: int | None = None
    stop: list | None = None
    stop_token_ids: list | None = None
    ignore_eos: bool = False
    max_tokens: int | None = 16
    logprobs: int | None = None
    prompt_logprobs: int | None = None
    detokenize: bool = True
    output_kind: object = None
    stream_interval: int | None = None
    skip_reading_prefix_cache: bool | None = None

    def __post_init__(self):
        if not math.isfinite(self.temperature) or not 0 <= self.temperature <= 2:
            raise VLLMClientError("temperature must be in [0, 2], got %s." % self.temperature)
        if not 0 < self.top_p <= 1:
            raise VLLMClientError("top_p must be in (0, 1], got %s." % self.top_p)
        if not isinstance(self.top_k, int) or self.top_k < -1:
            raise VLLMClientError("top_k must be 0 (disable), or at least 1, got %s." % self.top_k)
        if self.max_tokens < 1 or (self.stream_interval or 1) < 1:
            raise VLLMClientError("max_tokens must be at least 1")
        if any(not text for text in self.stop or []):
            raise VLLMClientError("stop cannot contain an empty string.")
        if self.stop and not self.detokenize:
            raise VLLMClientError("stop strings are only supported when detokenize is True.")
        if self.skip_reading_prefix_cache is None:
            self.skip_reading_prefix_cache = self.prompt_logprobs is not None


@dataclasses.dataclass(frozen=True)
class LoRARequest:
    """Names adapters; the files are read when an id is new, or again when it is to be loaded in place."""
    lora_name: str
    lora_int_id: int
    lora_path: str
    load_inplace: bool = False


def score_of(prefix, token, keys, head):
    """The stand-in's log-prob: of the weights that made the keys (one number a token of the prefix) and of those in lm_head."""
    return -1 - (sum(prefix) * 7 + token) % 5 / 8 - sum(keys) / len(keys) - head / 2


class Worker:
    """What `collective_rpc` reaches: the methods of vLLM's worker that the engine's extension is mixed into."""
    llm = None
    packs = True

    def reload_weights(self, weights_path):
        path = pathlib.Path(weights_path)
        assert (path / "config.json").exists() and (path / "model.safetensors").exists()
        self.llm.paths.append(path)
        self.llm.tensors = len(self.llm.paths)  # but not the packed copy

    def get_model(self):
        def process_weights_after_loading(head):
            if Worker.packs:
                self.llm.head = self.llm.tensors
        method = types.SimpleNamespace(process_weights_after_loading=process_weights_after_loading)
        return types.SimpleNamespace(lm_head=types.SimpleNamespace(cpu_linear=lambda x: x, quant_method=method))


class AsyncLLM:
    """Draws 3, 4, 5, ... and one more for each reload; a token a millisecond; -1/8 the log-prob of the first, -2/8 of the second. Scores
    prompts by `score_of`, with a prefix cache of blocks of 4 tokens that keeps the number of the weights that made the keys."""
    last = None
    empties = True  # whether reset_prefix_cache does what it says
    salts = True  # whether prompts with another cache_salt find no keys
    BLOCK = 4

    @classmethod
    def from_engine_args(cls, engine_args, start_engine_loop=True, usage_context=None, stat_loggers=None):
        asyncio.get_running_loop()
        cls.last = llm = cls()
        llm.args, llm.paths, llm.aborted, llm.paused, llm.prompts = engine_args, [], set(), False, {}
        llm.tensors, llm.head, llm.cache, llm.running, llm.errored, llm.hits, llm.resets, llm.adapters = 0, 0, {}, set(), False, [], [], {}
        llm.model_config = types.SimpleNamespace(dtype="torch.float32", max_model_len=engine_args.get("max_model_len", 256))
        module, name = engine_args.get("worker_extension_cls", "builtins.object").rsplit(".", 1)
        llm.worker = type("ExtendedWorker", (Worker, getattr(__import__(module), name)), {"llm": llm})()
        return llm

    def alive(self):
        if self.errored:
            raise EngineDeadError("EngineCore encountered an issue. See stack trace (above) for the root cause.")

    def keys(self, ids, reads, salt):
        """The numbers of the weights behind the keys of a prompt's tokens, and how many came from the cache; leaves the rest there."""
        cached, known = 0, []
        salt = salt if AsyncLLM.salts else None
        while reads and cached + self.BLOCK < len(ids) and (salt, *ids[:cached + self.BLOCK]) in self.cache:
            cached += self.BLOCK
            known += [self.cache[salt, *ids[:cached]]] * self.BLOCK
        for end in range(self.BLOCK, len(ids) + 1, self.BLOCK):
            self.cache.setdefault((salt, *ids[:end]), self.tensors)
        return known + [self.tensors] * (len(ids) - cached), cached

    async def generate(self, prompt, sampling_params, request_id, *, priority=0, lora_request=None):
        self.alive()
        self.running.add(request_id)
        try:
            assert (lora_request is not None) == self.args.get("enable_lora", False), "adapters answer who names them"
            if lora_request:
                self.take_up(dataclasses.replace(lora_request, load_inplace=False))
            async for output in self.outputs(prompt["prompt_token_ids"], sampling_params, request_id, prompt.get("cache_salt")):
                yield output
        finally:
            self.running.discard(request_id)

    def take_up(self, request):
        """Reads adapters as vLLM's worker does: only if the id is new, or to be loaded in place."""
        if request.lora_int_id in self.adapters and not request.load_inplace:
            return
        path = pathlib.Path(request.lora_path)
        assert (path / "adapter_config.json").exists() and (path / "adapter_model.safetensors").exists()
        self.adapters[request.lora_int_id] = path
        if request.load_inplace:
            self.paths.append(path)
            self.tensors = self.head = len(self.paths)

    async def add_lora(self, lora_request):
        self.alive()
        assert self.paused == lora_request.load_inplace and self.args["enable_lora"]
        self.take_up(lora_request)
        return True

    async def outputs(self, ids, p, request_id, salt):
        pending, text = [], ""
        self.prompts[request_id] = ids
        if ids == [9]:
            raise RuntimeError("out of memory")
        if ids == [8]:
            raise VLLMClientError("this prompt cannot be served")
        for i in range(p.max_tokens):
            await asyncio.sleep(0.001)
            while self.paused and request_id not in self.aborted:
                await asyncio.sleep(0.001)
            self.alive()
            if p.prompt_logprobs is not None:
                keys, cached = self.keys(ids, not p.skip_reading_prefix_cache, salt)
                self.hits.append(cached)
                rows = [{ids[i]: types.SimpleNamespace(logprob=score_of(ids[:i], ids[i], keys[:i], self.head))} for i in range(1, len(ids))]
                rows = [{-1: types.SimpleNamespace(logprob=math.nan)}] * cached + rows[cached:]
                out = types.SimpleNamespace(index=0, token_ids=[3], logprobs=None, finish_reason="length", stop_reason=None)
                yield types.SimpleNamespace(outputs=[out], finished=True, prompt_logprobs=[None] + rows, num_cached_tokens=cached)
                return
            token = 3 + i + len(self.paths)
            pending.append(token)
            text += chr(ord("a") + i)
            reason, why = None, None
            if request_id in self.aborted:
                reason = "abort"
            elif token in (p.stop_token_ids or []):
                reason, why = "stop", token
            elif p.stop and text.endswith(p.stop[-1]):
                reason, why = "stop", p.stop[-1]
            elif i + 1 == p.max_tokens:
                reason = "length"
            if reason or len(pending) >= (p.stream_interval or 1):
                first = i + 1 - len(pending)
                logprobs = [{t: types.SimpleNamespace(logprob=-(first + j + 1) / 8)} for j, t in enumerate(pending)]
                out = types.SimpleNamespace(index=0, token_ids=pending, logprobs=logprobs, finish_reason=reason, stop_reason=why)
                yield types.SimpleNamespace(outputs=[out], finished=reason is not None)
                pending = []
            if reason:
                return

    async def abort(self, request_id, internal=False):
        self.alive()
        self.aborted.add(request_id)

    async def pause_generation(self, *, mode="abort", clear_cache=True):
        self.alive()
        assert mode == "keep" and not clear_cache
        self.paused = True
        await asyncio.sleep(0.02)

    async def resume_generation(self):
        self.alive()
        self.paused = False

    async def collective_rpc(self, method, timeout=None, args=(), kwargs=None):
        self.alive()
        assert self.paused
        return [getattr(self.worker, method)(*args, **kwargs or {})]

    async def reset_prefix_cache(self, reset_running_requests=False, reset_connector=False):
        self.alive()
        self.resets.append(reset_running_requests)
        if self.running and not reset_running_requests:
            return False
        if AsyncLLM.empties is None:
            return False
        if AsyncLLM.empties:
            self.cache.clear()
        return True

    def shutdown(self, timeout=None):
        self.paused = False


for name, members in {
        "vllm": {"AsyncEngineArgs": lambda model, logprobs_mode, **more: dict(model=model, logprobs_mode=logprobs_mode, **more),
                 "SamplingParams": SamplingParams},
        "vllm.exceptions": {"VLLMClientError": VLLMClientError}, "vllm.lora": {}, "vllm.lora.request": {"LoRARequest": LoRARequest},
        "vllm.sampling_params": {"RequestOutputKind": types.SimpleNamespace(DELTA="delta", FINAL_ONLY="final")},
        "vllm.v1": {}, "vllm.v1.engine": {}, "vllm.v1.engine.async_llm": {"AsyncLLM": AsyncLLM}}.items():
    sys.modules[name] = types.ModuleType(name)
    vars(sys.modules[name]).update(members)

import canary  # noqa: E402 (after the stand-ins)
import model as policy_model  # noqa: E402
import reference  # noqa: E402
import tokens  # noqa: E402
from stepping import uniform  # noqa: E402


class Sender:
    """Responses of one request; `final` is set with the final flag."""

    def __init__(self):
        self.responses, self.final, self.cancelled = [], threading.Event(), False

    def send(self, response=None, flags=0):
        assert not self.final.is_set(), "a response behind the final one"
        if response is not None:
            self.responses.append(response)
        if flags:
            self.final.set()

    def is_cancelled(self):
        return self.cancelled


def adapter_inputs(directory):
    """What names adapters in a publication."""
    digest = hashlib.sha256(b"".join((directory / name).read_bytes() for name in policy_model.ADAPTER_FILES))
    return dict(adapter_uri=directory.as_uri(), adapter_digest=digest.hexdigest())


class Case:
    engine = "vllm"

    policy = POLICY

    def setUp(self):
        os.environ.update(FOOTHOLD_POLICY=str(self.policy), FOOTHOLD_ENGINE=self.engine, FOOTHOLD_ADMIN_SECRET="", FOOTHOLD_CANARY_BOUND="")
        Worker.packs, AsyncLLM.empties, AsyncLLM.salts = True, True, True
        self.ended = threading.Event()
        policy_model.end_process = self.ended.set
        self.model = policy_model.TritonPythonModel()
        self.model.initialize({})

    def tearDown(self):
        self.model.finalize()

    parameters = ""

    def ask(self, name="r", **inputs):
        sender = Sender()
        tensors = []
        for key, value in inputs.items():
            texts = isinstance(value, (str, bytes)) or (isinstance(value, list) and value and isinstance(value[0], (str, bytes)))
            values = value if isinstance(value, list) else [value]
            tensors.append(Tensor(key, np.array([v.encode() if isinstance(v, str) else v for v in values], dtype=object if texts else None)))
        request = types.SimpleNamespace(request_id=lambda: name, parameters=lambda p=self.parameters: p, inputs=lambda: tensors, get_response_sender=lambda: sender)
        self.model.execute([request])
        return sender

    def whole(self, sender):
        self.assertTrue(sender.final.wait(10), "no final flag")
        ids = [int(i) for r in sender.responses if r.error is None for i in r.tensors.get("output_ids", [])]
        return ids, sender.responses

    def artefact(self, data=None):
        data = data or (self.policy / "model.safetensors").read_bytes()
        file = tempfile.NamedTemporaryFile(suffix=".safetensors")
        file.write(data)
        file.flush()
        self.addCleanup(file.close)
        return pathlib.Path(file.name).as_uri(), hashlib.sha256(data).hexdigest()

    def update(self, version, data=None, op="update", **more):
        uri, digest = self.artefact(data)
        return self.whole(self.ask(op=op, weights_uri=uri, weights_digest=digest, policy_version=version, **more))[1][-1]

    def refused(self, code, why, **inputs):
        """What a request is refused with, and that nothing is left of it."""
        before = self.status()["last_error"]
        error = self.whole(self.ask(**inputs))[1][-1].error
        self.assertIsNotNone(error, inputs)
        self.assertIn(why, error.text)
        self.assertEqual(code, error.code, error.text)
        self.assertEqual((0, before), (self.status()["running"], self.status()["last_error"]))

    def status(self):
        return json.loads(self.whole(self.ask(op="status"))[1][0].tensors["status_json"][0])


class Shared(Case):
    """What holds for every engine, on the demo's policy."""

    def test_arguments_that_no_engine_can_take_are_refused_at_once_and_alike(self):
        for inputs, why in [(dict(top_p=0.0), "top_p"), (dict(top_p=1.5), "top_p"), (dict(top_p=float("nan")), "top_p"),
                            (dict(temperature=-1.0), "temperature"), (dict(temperature=float("inf")), "temperature"),
                            (dict(temperature=float("nan")), "temperature"), (dict(top_k=-5), "top_k"),
                            (dict(stop_strings=[""]), "empty text"), (dict(stop_strings=["a", b"\xff"]), "'stop_strings' is no UTF-8"),
                            (dict(stop_token_ids=[999999]), "stop_token_ids must be 0..37"), (dict(stop_token_ids=[5, -1]), "stop_token_ids"),
                            (dict(stream_interval=-1), "stream_interval"), (dict(policy_digest=b"\xc3"), "'policy_digest' is no UTF-8")]:
            self.refused("INVALID_ARG", why, input_ids=[5], max_tokens=3, random_seed=1, **inputs)
        self.assertEqual(3, len(self.whole(self.ask(input_ids=[5], max_tokens=3, random_seed=2**64 - 1, stop_strings=["é"], ignore_eos=True))[0]))

    def test_a_caller_s_mistake_is_not_the_server_s_last_error(self):
        uri, digest = self.artefact()
        for inputs, why in [(dict(op=b"\xff"), "'op' is no UTF-8"), (dict(op="update"), "'weights_uri', 'weights_digest', 'policy_version'"),
                            (dict(op="reset", weights_uri=uri), "'weights_digest'"), (dict(op="abort"), "'target_id'"), (dict(op="tokenize"), "'text'"),
                            (dict(op="tokenize", text=[b"\xff"]), "'text' is no UTF-8"),
                            (dict(op="update", weights_uri="file:///nowhere/x", weights_digest="00", policy_version=1), "cannot be read"),
                            (dict(op="update", weights_uri="s3://x/y", weights_digest="00", policy_version=1), "scheme 's3'"),
                            (dict(op="update", weights_uri=uri, weights_digest="00", policy_version=1), "does not have the digest 00"),
                            (dict(op="update", weights_uri=uri, weights_digest=digest, policy_version=1, canary_ids=[1, 2]), "come together"),
                            (dict(op="update", weights_uri=uri, weights_digest=digest, policy_version=1, canary_ids=[1, 2, 3], canary_lengths=[3], canary_log_probs=[-1.0]), "add up"),
                            (dict(op="update", weights_uri=uri, weights_digest=digest, policy_version=1, canary_ids=[1, 99], canary_lengths=[2], canary_log_probs=[-1.0]), "0..37")]:
            self.refused("INVALID_ARG", why, **inputs)
        self.assertEqual(("", 0), (self.status()["last_error"], self.status()["version"]))

    def test_artefacts_lie_below_the_roots_where_there_are_any(self):
        uri, digest = self.artefact()
        with tempfile.TemporaryDirectory() as inside, tempfile.TemporaryDirectory() as outside:
            link, good = pathlib.Path(inside) / "link.safetensors", pathlib.Path(inside) / "good.safetensors"
            link.symlink_to(urllib.parse.urlparse(uri).path)
            good.write_bytes((POLICY / "model.safetensors").read_bytes())
            self.model.roots = [os.path.realpath(inside)]
            for bad in (uri, link.as_uri(), good.as_uri().replace("good", "../%s/x" % pathlib.Path(outside).name), "file:///etc/passwd"):
                self.refused("INVALID_ARG", "not below FOOTHOLD_FILES_ROOTS", op="update", weights_uri=bad, weights_digest=digest, policy_version=1)
            self.refused("INVALID_ARG", "no regular file", op="update", weights_uri=pathlib.Path(inside).as_uri(), weights_digest=digest, policy_version=1)
            self.assertIsNone(self.whole(self.ask(op="update", weights_uri=good.as_uri(), weights_digest=digest, policy_version=1))[1][-1].error)

    def test_a_request_that_names_its_policy_gets_it_or_none(self):
        digest = self.status()["digest"]
        ask = dict(input_ids=[5], max_tokens=4, random_seed=1, ignore_eos=True)
        self.assertEqual(4, len(self.whole(self.ask(**ask, policy_version=0, policy_digest=digest))[0]))
        self.refused("UNAVAILABLE", "is not the policy asked for", **ask, policy_version=1, policy_digest=digest)
        self.refused("UNAVAILABLE", "is not the policy asked for", **ask, policy_version=0, policy_digest="00")
        self.refused("UNAVAILABLE", "is not the policy asked for", **ask, policy_digest="00")
        self.refused("UNAVAILABLE", "is older than 3", **ask, min_policy_version=3)
        self.whole(self.ask(op="pause"))
        long = dict(ask, max_tokens=30, stream_interval=1)
        named, digest_only, free = self.ask("named", **long, policy_version=0), self.ask("digest", **long, policy_digest=digest), self.ask("free", **long)
        while self.status()["running"] < 3:
            time.sleep(0.001)
        self.assertIsNone(self.update(1).error)
        self.assertEqual("UNAVAILABLE", self.whole(named)[1][-1].error.code)
        self.assertIn("version 1 with digest %s is not the policy asked for (version 0)" % digest, named.responses[-1].error.text)
        self.whole(self.ask(op="resume"))
        self.assertEqual((30, 30), (len(self.whole(digest_only)[0]), len(self.whole(free)[0])))
        self.assertEqual("", self.status()["last_error"])

    def test_a_failure_of_the_model_s_own_thread_ends_the_process(self):
        self.whole(self.ask(op="pause"))
        held = self.ask(input_ids=[5], max_tokens=3, random_seed=1)
        self.model.clear = lambda: 1 / 0
        self.assertTrue(self.ended.wait(5), "the process went on")
        self.assertIn("the model's thread failed", self.whole(held)[1][-1].error.text)


def flat_canary(sequences, log_probs):
    """The three inputs of a canary."""
    return dict(canary_ids=np.array(sum(sequences, []), np.int32).tolist(), canary_lengths=[len(s) for s in sequences],
                canary_log_probs=[float(x) for row in log_probs for x in row])


class Vllm(Shared, unittest.TestCase):
    SEQUENCES = [[3, 4, 5], [7, 6, 5, 4, 3, 2, 11, 12, 13, 14, 15], [9, 9, 9, 9, 8, 8]]

    def canary(self, weights, off=0.0):
        """What a learner says of the stand-in's weights of that number."""
        return flat_canary(self.SEQUENCES, [[score_of(s[:i], s[i], [weights] * i, weights) + off for i in range(1, len(s))] for s in self.SEQUENCES])

    def test_every_publish_is_proved_with_caches_cold_and_warm(self):
        for version in (1, 2):
            self.assertIsNone(self.update(version, **self.canary(version)).error)
        proof = self.status()["canary"]
        self.assertEqual(2, proof["version"])
        self.assertLess(max(proof[k] for k in ("cold_mean", "cold_max", "warm_mean", "warm_max")), 1e-6)
        self.assertEqual([0, 8, 4], AsyncLLM.last.hits[-3:])
        self.assertEqual([0, 0, 0], AsyncLLM.last.hits[-6:-3])
        self.assertEqual("vllm_worker.PolicyReload", AsyncLLM.last.args["worker_extension_cls"])
        self.assertIsNone(self.update(3).error)
        self.assertNotIn("canary", self.status())
        self.assertIsNone(self.update(3, **self.canary(4)).error)
        self.assertEqual(3, self.status()["canary"]["version"])

    def test_a_prompt_that_came_before_is_computed_anew_after_a_publish_without_a_canary_too(self):
        prompt = [7, 6, 5, 4, 3, 2, 11, 12, 13, 14, 15]
        self.model.engine.touch([prompt])
        sender = self.ask(input_ids=[5], max_tokens=40, random_seed=1)
        self.assertIsNone(self.update(1).error)
        self.model.engine.touch([prompt])
        self.assertEqual([0, 0], AsyncLLM.last.hits)
        self.whole(sender)

    def unproved(self, error, why):
        """The publish of version 2 was refused after one of version 1; nothing is sampled until the next one is proved."""
        self.assertIn(why, error.text)
        self.assertEqual("INTERNAL", error.code)
        status = self.status()
        self.assertEqual((1, "", False), (status["version"], status["digest"], status["proved"]))
        self.assertIn(why, status["last_error"])
        self.refused("UNAVAILABLE", "no proved policy: the publish of version 2 failed", input_ids=[5], max_tokens=4, random_seed=1)
        Worker.packs, AsyncLLM.empties, AsyncLLM.salts = True, True, True
        self.assertIsNone(self.update(2, **self.canary(3)).error)
        self.assertTrue(self.status()["proved"])
        self.assertEqual(4, len(self.whole(self.ask(input_ids=[5], max_tokens=4, random_seed=1))[0]))

    def test_keys_that_outlive_a_publish_refuse_it(self):
        self.assertIsNone(self.update(1, **self.canary(1)).error)
        AsyncLLM.empties = AsyncLLM.salts = False
        under_way = self.ask(input_ids=[5], max_tokens=90, random_seed=1, stream_interval=1)
        error = self.update(2, **self.canary(2)).error
        self.assertIn("canary: version 2: keys of older weights outlived", error.text)
        self.assertIn("no proved policy", self.whole(under_way)[1][-1].error.text)
        self.unproved(error, "canary: version 2")

    def test_a_cache_that_is_not_emptied_refuses_the_publish(self):
        self.assertIsNone(self.update(1).error)
        AsyncLLM.empties = None
        self.unproved(self.update(2, **self.canary(2)).error, "did not empty its prefix cache")

    def test_an_lm_head_that_stays_old_refuses_the_publish(self):
        self.assertIsNone(self.update(1, **self.canary(1)).error)
        Worker.packs = False
        self.unproved(self.update(2, **self.canary(2)).error, "canary: version 2: with caches cold")

    def test_a_publish_while_paused_is_proved_and_leaves_sampling_paused(self):
        self.whole(self.ask(op="pause"))
        self.assertIsNone(self.update(1, **self.canary(1)).error)
        self.assertTrue(AsyncLLM.last.paused)
        held = self.ask(input_ids=[5], max_tokens=4, random_seed=1)
        self.assertFalse(held.final.wait(0.1))
        self.whole(self.ask(op="resume"))
        self.assertEqual(4, len(self.whole(held)[0]))

    def test_what_vllm_alone_does_not_take_is_refused_too(self):
        for temperature in (0.001, 2.5):
            self.refused("INVALID_ARG", "temperature", input_ids=[5], max_tokens=3, random_seed=1, temperature=temperature)
        self.refused("INVALID_ARG", "this prompt cannot be served", input_ids=[8], max_tokens=3, random_seed=1)

    def test_a_dead_engine_ends_the_process_and_answers_what_was_under_way(self):
        sender = self.ask(input_ids=[5], max_tokens=90, random_seed=1, stream_interval=1)
        while not sender.responses:
            time.sleep(0.001)
        AsyncLLM.last.errored = True
        self.assertTrue(self.ended.wait(5), "the process went on")
        self.assertIsNotNone(self.whole(sender)[1][-1].error)

    def test_a_dead_engine_ends_the_process_of_an_idle_server_too(self):
        AsyncLLM.last.errored = True
        self.assertTrue(self.ended.wait(5), "the process went on")

    def test_tokens_log_probs_and_ends(self):
        ids, responses = self.whole(self.ask(input_ids=[5, 6], max_tokens=7, random_seed=1, stream_interval=3))
        self.assertEqual([3, 4, 5, 6, 7, 8, 9], ids)
        self.assertEqual([-(i + 1) / 8 for i in range(7)], [float(x) for r in responses for x in r.tensors["output_log_probs"]])
        self.assertEqual([0, 3, 6], [int(r.tensors["token_offset"][0]) for r in responses])
        self.assertEqual(b"length", responses[-1].tensors["finish_reason"][0])
        self.assertEqual([5, 6], list(AsyncLLM.last.prompts.values())[-1])
        self.assertEqual("processed_logprobs", AsyncLLM.last.args["logprobs_mode"])
        _, responses = self.whole(self.ask(input_ids=[5], max_tokens=20, random_seed=1, stop_token_ids=[30, 6], stream_interval=0))
        self.assertEqual(1, len(responses))
        self.assertEqual((b"stop_token", 1), (responses[0].tensors["finish_reason"][0], int(responses[0].tensors["stop_index"][0])))
        _, responses = self.whole(self.ask(input_ids=[5], max_tokens=20, random_seed=1, stop_strings=["z", "bc"]))
        self.assertEqual((b"stop_string", 1), (responses[-1].tensors["finish_reason"][0], int(responses[-1].tensors["stop_index"][0])))
        _, responses = self.whole(self.ask(input_ids=[5], max_tokens=3, random_seed=1, temperature=0.0))
        self.assertEqual([0, 0, 0], [float(x) for r in responses for x in r.tensors["output_log_probs"]])

    def test_a_weight_change_stamps_every_token_with_the_version_that_drew_it(self):
        sender = self.ask(input_ids=[5], max_tokens=80, random_seed=1, stream_interval=4)
        while not sender.responses:
            time.sleep(0.001)
        answer = self.update(7)
        self.assertIsNone(answer.error)
        ids, responses = self.whole(sender)
        versions = [int(r.tensors["policy_version"][0]) for r in responses for _ in r.tensors["output_ids"]]
        self.assertEqual(80, len(ids))
        self.assertEqual({0, 7}, set(versions))
        self.assertEqual(sorted(versions), versions)
        for i, (token, version) in enumerate(zip(ids, versions)):
            self.assertEqual(3 + i + (version == 7), token, "token %d" % i)
        self.assertGreater(self.status()["pause_micros"], 0)
        self.assertEqual(hashlib.sha256((POLICY / "model.safetensors").read_bytes()).hexdigest(), self.status()["digest"])

    def test_tokens_that_wait_over_a_weight_change_keep_their_version(self):
        sender = self.ask(input_ids=[5], max_tokens=60, random_seed=1, stream_interval=0)
        while self.status()["tokens"] < 5:
            time.sleep(0.001)
        self.assertIsNone(self.update(3).error)
        self.assertIsNone(self.update(9).error)
        _, responses = self.whole(sender)
        self.assertEqual(60, sum(len(r.tensors["output_ids"]) for r in responses))
        for r in responses:
            version, offset = int(r.tensors["policy_version"][0]), int(r.tensors["token_offset"][0])
            reloads = {0: 0, 3: 1, 9: 2}[version]
            self.assertEqual([3 + offset + i + reloads for i in range(len(r.tensors["output_ids"]))], list(r.tensors["output_ids"]))
        self.assertEqual((0, 9), (int(responses[0].tensors["policy_version"][0]), int(responses[-1].tensors["policy_version"][0])))

    def test_pause_abort_cancel_and_failure(self):
        self.whole(self.ask(op="pause"))
        sender = self.ask("held", input_ids=[5], max_tokens=5, random_seed=1)
        self.assertFalse(sender.final.wait(0.15))
        self.whole(self.ask(op="resume"))
        self.assertEqual(5, len(self.whole(sender)[0]))
        sender = self.ask("long", input_ids=[5], max_tokens=90, random_seed=1, stream_interval=1)
        while not sender.responses:
            time.sleep(0.001)
        self.whole(self.ask(op="abort", target_id=["long"]))
        self.assertEqual(b"abort", self.whole(sender)[1][-1].tensors["finish_reason"][0])
        sender = self.ask("gone", input_ids=[5], max_tokens=90, random_seed=1, stream_interval=1)
        sender.cancelled = True
        self.assertTrue(sender.final.wait(5))
        self.assertIn("out of memory", self.whole(self.ask(input_ids=[9], max_tokens=5, random_seed=1))[1][-1].error.text)
        self.assertEqual(0, self.status()["running"])
        self.assertIn("out of memory", self.status()["last_error"])


class VllmKeepsKeys(Vllm):
    """The same where what is under way goes on with its keys: nothing empties the cache, and a prompt finds keys of its publication alone."""

    def setUp(self):
        os.environ["FOOTHOLD_WEIGHT_CHANGE"] = "keep"
        self.addCleanup(os.environ.pop, "FOOTHOLD_WEIGHT_CHANGE", None)
        super().setUp()

    def tearDown(self):
        self.assertEqual([], AsyncLLM.last.resets)
        super().tearDown()

    def test_a_cache_that_is_not_emptied_refuses_the_publish(self):
        AsyncLLM.empties = None
        self.assertIsNone(self.update(2, **self.canary(1)).error)
        self.assertEqual("keep", self.status()["weight_change"])


class VllmAdapters(Case, unittest.TestCase):
    engine = "vllm"

    def setUp(self):
        os.environ["FOOTHOLD_ADAPTERS"] = "adapter"
        self.addCleanup(os.environ.pop, "FOOTHOLD_ADAPTERS", None)
        super().setUp()

    def publish(self, version, rank=8, weights=None, off=0.0, targets=("q_proj", "down_proj"), **more):
        work = tempfile.TemporaryDirectory()
        self.addCleanup(work.cleanup)
        directory = pathlib.Path(work.name)
        (directory / "adapter_config.json").write_text(json.dumps({"r": rank, "target_modules": targets}))
        (directory / "adapter_model.safetensors").write_bytes((2).to_bytes(8, "little") + b"{}")
        numbers = flat_canary(Vllm.SEQUENCES, [
            [score_of(s[:i], s[i], [weights] * i, weights) + off for i in range(1, len(s))] for s in Vllm.SEQUENCES]) if weights else {}
        return self.whole(self.ask(**{**dict(
            op="update", weights_uri="file:///nowhere", weights_digest="%064d" % version, policy_version=version, **adapter_inputs(directory), **numbers), **more}))[1][-1]

    def test_adapters_are_loaded_in_place_and_answer_what_is_under_way_too(self):
        self.assertEqual((True, 64), (AsyncLLM.last.args["enable_lora"], AsyncLLM.last.args["max_lora_rank"]))
        sender = self.ask(input_ids=[5], max_tokens=60, random_seed=1, stream_interval=1)
        while not sender.responses:
            time.sleep(0.001)
        for version in (1, 2):
            self.assertIsNone(self.publish(version, weights=version).error)
        ids, responses = self.whole(sender)
        versions = [int(r.tensors["policy_version"][0]) for r in responses for _ in r.tensors["output_ids"]]
        self.assertEqual([3 + i + version for i, version in enumerate(versions)], ids)
        self.assertEqual({1: AsyncLLM.last.paths[-1]}, AsyncLLM.last.adapters)
        self.assertEqual({0, 1, 2}, set(versions))
        self.assertEqual(("adapter", 2), (self.status()["adapters"], self.status()["canary"]["version"]))
        self.assertIn("canary: version 3", self.publish(3, weights=3, off=0.02).error.text)
        self.assertFalse(self.status()["proved"])
        self.assertIsNone(self.publish(3, weights=4).error)

    def test_a_rank_beyond_the_server_s_is_refused_with_the_setting(self):
        self.assertIn('have rank 100, and this server takes up to 64: start it with FOOTHOLD_VLLM=\'{"max_lora_rank": 128}\'', self.publish(1, rank=100).error.text)
        self.assertIn("have target_modules 'lm_head', and this server takes q_proj,", self.publish(1, targets=("q_proj", "lm_head")).error.text)
        self.assertIn("have target_modules 'all-linear'", self.publish(1, targets="all-linear").error.text)
        self.assertTrue(self.status()["proved"])
        self.assertIsNone(self.publish(1, rank=64).error)


class Reference(Shared, unittest.TestCase):
    engine = "reference"

    def test_the_same_seed_gives_the_same_tokens_over_a_change_of_nothing(self):
        alone, _ = self.whole(self.ask(input_ids=[5, 6], max_tokens=20, random_seed=3, ignore_eos=True))
        sender = self.ask(input_ids=[5, 6], max_tokens=20, random_seed=3, ignore_eos=True, stream_interval=1)
        self.assertIsNone(self.update(1).error)
        ids, responses = self.whole(sender)
        self.assertEqual(alone, ids)
        self.assertEqual(1, int(responses[-1].tensors["policy_version"][0]))

    def test_a_change_of_weights_leaves_keys_or_computes_them_anew(self):
        """The log-probs behind a change, against the same policy fed by hand."""
        whole = (POLICY / "model.safetensors").read_bytes()
        header, body = tokens.safetensors_header(memoryview(whole))
        begin = len(whole) - len(body) + header["model.layers.0.self_attn.k_proj.weight"]["data_offsets"][0]
        changed = bytearray(whole)
        changed[begin:begin + 4000] = (np.frombuffer(whole[begin:begin + 4000], "<f4") * 1.5).astype("<f4").tobytes()
        policy = reference.Policy(POLICY)
        before, after = policy.weights, reference.read_safetensors(bytes(changed))
        for setting in ("keep", "recompute"):
            os.environ["FOOTHOLD_WEIGHT_CHANGE"] = setting
            self.addCleanup(os.environ.pop, "FOOTHOLD_WEIGHT_CHANGE", None)
            self.tearDown()
            self.setUp()
            self.assertEqual(setting, self.status()["weight_change"])
            sender = self.ask(input_ids=[5, 6], max_tokens=90, random_seed=3, ignore_eos=True, stream_interval=1)
            while len(sender.responses) < 9:
                time.sleep(0.001)
            self.assertIsNone(self.update(1, bytes(changed)).error)
            ids, responses = self.whole(sender)
            versions = [int(r.tensors["policy_version"][0]) for r in responses for _ in r.tensors["output_ids"]]
            cut, sequence, expected = versions.index(1), reference.Sequence(policy.config["num_hidden_layers"]), []
            for k, version in enumerate(versions):
                policy.weights = (before, after)[version]
                if setting == "recompute" and k == cut:
                    sequence = reference.Sequence(policy.config["num_hidden_layers"])
                expected.append(policy.draw(policy.feed(sequence, ([5, 6] + ids)[sequence.length:k + 2]), 1.0, 1.0, 0, uniform(3, k)))
            self.assertEqual([t for t, _ in expected], ids)
            self.assertLess(np.abs(np.array([p for _, p in expected]) - [float(x) for r in responses for x in r.tensors["output_log_probs"]]).max(), 1e-5)

    def test_damaged_artefacts_are_refused_and_the_old_version_serves_on(self):
        whole = (POLICY / "model.safetensors").read_bytes()
        for data, why in [(whole[:5], "truncated"), (whole[:1000], "truncated"), (whole[:-9], "truncated in tensor"), (b"\x02" + bytes(7) + b"{x" + bytes(9), "no readable header")]:
            self.assertIn(why, self.update(2, data).error.text)
        self.assertEqual(0, self.status()["version"])
        self.assertEqual(4, len(self.whole(self.ask(input_ids=[5], max_tokens=4, random_seed=3, ignore_eos=True))[0]))

    def canary(self, off=0.0, copies=12):
        """A learner's: the policy's own log-probs, of sequences that are longer than the policy's longest too."""
        sequences = [[5, 6], [7] * 30, [3, 4, 5, 6] * copies]
        policy = self.model.engine.files
        return flat_canary(sequences, [np.array(policy.log_probs(s[:policy.longest - 1], 1) + [0.0] * max(0, len(s) - policy.longest + 1)) + off for s in sequences])

    def test_the_canary_proves_a_publish(self):
        self.assertIsNone(self.update(1, **self.canary()).error)
        self.assertIsNone(self.update(2, **self.canary(copies=60)).error)
        proof = self.status()["canary"]
        self.assertEqual(2, proof["version"])
        self.assertLess(proof["warm_max"], 1e-5)
        self.assertIsNone(self.update(0, op="reset", **self.canary()).error)
        self.assertEqual(0, self.status()["canary"]["version"])

    def test_a_canary_beyond_the_bound_refuses_the_publish_and_the_old_weights_serve_on(self):
        header, body = tokens.safetensors_header(memoryview((POLICY / "model.safetensors").read_bytes()))
        whole = bytearray((POLICY / "model.safetensors").read_bytes())
        begin = len(whole) - len(body) + header["model.norm.weight"]["data_offsets"][0]
        whole[begin:begin + 4] = np.float32(3).tobytes()
        good, digest = self.canary(), self.status()["digest"]
        before, _ = self.whole(self.ask(input_ids=[5, 6], max_tokens=20, random_seed=3, ignore_eos=True, policy_digest=digest))
        under_way = self.ask(input_ids=[5, 6], max_tokens=20, random_seed=3, ignore_eos=True, policy_digest=digest)
        for data, numbers, why in [(bytes(whole), good, "with caches cold the server's log-probs differ"), (None, self.canary(off=0.02), "bound 0.001 and 0.01"),
                                   (None, self.canary(off=float("nan")), "by inf nats on average"), (None, self.canary(off=-float("inf")), "by inf nats on average")]:
            error = self.update(1, data, **numbers).error
            self.assertTrue(error.text.startswith("canary: version 1: "), error.text)
            self.assertIn(why, error.text)
        self.assertEqual((0, digest, True), tuple(self.status()[k] for k in ("version", "digest", "proved")))
        self.assertEqual(before, self.whole(under_way)[0])
        self.model.bound = canary.bound("0.05,0.5", "float32")
        self.assertIsNone(self.update(1, **self.canary(off=0.02)).error)

    def test_the_bound_is_the_dtype_s_or_what_is_set(self):
        self.assertEqual((1e-3, 1e-2), canary.bound("", "float32"))
        self.assertEqual((0.15, 2.0), canary.bound("", "bfloat16"))
        self.assertEqual((0.5, 1.0), canary.bound("0.5,1", "float16"))
        for text in ("0.5", "a,b", "2,1", "-1,1", "nan,1", "1,2,3"):
            with self.assertRaisesRegex(ValueError, "FOOTHOLD_CANARY_BOUND must be MEAN,MAX"):
                canary.bound(text, "float32")

    def test_weights_of_another_shape_are_refused_and_the_old_version_serves_on(self):
        whole = (POLICY / "model.safetensors").read_bytes()
        size = int.from_bytes(whole[:8], "little")
        header = json.loads(whole[8:8 + size])
        header.pop("model.norm.weight")
        text = json.dumps(header, separators=(",", ":")).encode().ljust(size)
        self.assertIn("tensor 'model.norm.weight'", self.update(1, whole[:8] + text + whole[8 + size:]).error.text)
        self.assertEqual(("", 0), (self.status()["last_error"], self.status()["version"]))

    def test_texts_of_the_directory_are_utf_8_in_the_c_locale(self):
        with tempfile.TemporaryDirectory() as work:
            for file in POLICY.iterdir():
                (pathlib.Path(work) / file.name).symlink_to(file)
            (pathlib.Path(work) / "chat_template.jinja").write_text("Größe π: {{ messages[0].content }}", encoding="utf-8")
            before = locale.setlocale(locale.LC_CTYPE)
            locale.setlocale(locale.LC_CTYPE, "C")
            try:
                self.assertEqual("Größe π: √2", tokens.Directory(work).message("√2", "{}"))
            finally:
                locale.setlocale(locale.LC_CTYPE, before)

    def test_texts_are_the_bytes_of_their_tokens_in_every_family_of_tokenizers(self):
        """Encoding and pieces against Hugging Face's library (families.py)."""
        families = here.parents[1] / "services/policy/src/test/resources/tokenizer/families.json"
        for family in json.loads(families.read_text(encoding="utf-8")):
            with tempfile.TemporaryDirectory() as work, self.subTest(family["family"]):
                (pathlib.Path(work) / "config.json").write_text(json.dumps({"vocab_size": family["vocabulary"] + 3, "n_positions": 64, "eos_token_id": 1}))
                (pathlib.Path(work) / "tokenizer.json").write_text(json.dumps({**family["tokenizer"], "truncation": {
                    "direction": "Right", "max_length": 2, "strategy": "LongestFirst", "stride": 0}}), encoding="utf-8")
                directory = tokens.Directory(work)
                pieces = directory.pieces()
                self.assertEqual([b""] * 3, pieces[-3:])
                for case in family["cases"]:
                    self.assertEqual(case["ids"], directory.encode(case["text"]), case["text"])
                    self.assertEqual(case["decoded"], b"".join(pieces[i] for i in case["ids"]).decode("utf-8"))

    def test_a_decoder_that_looks_at_neighbours_is_refused(self):
        for decoder in ({"type": "WordPiece"}, {"type": "BPEDecoder"}, None, {"type": "Sequence", "decoders": [{"type": "Fuse"}, {"type": "ByteFallback"}]}):
            with self.assertRaisesRegex(tokens.Refused, "decoder = .* is not supported"):
                tokens.spelling("tokenizer.json", decoder)

    def test_other_spellings_of_a_configuration_are_read(self):
        with tempfile.TemporaryDirectory() as work:
            config, generation = pathlib.Path(work) / "config.json", pathlib.Path(work) / "generation_config.json"
            config.write_text(json.dumps({"text_config": {"vocab_size": 7, "max_position_embeddings": 32, "eos_token_id": [1, 2]}, "eos_token_id": None}))
            generation.write_text(json.dumps({"temperature": 1.0}))
            directory = tokens.Directory(work)
            self.assertEqual((7, 32, {1, 2}), (directory.vocabulary, directory.longest, directory.ends))
            generation.write_text(json.dumps({"eos_token_id": 3}))
            config.write_text(json.dumps({"vocab_size": 7, "eos_token_id": 0}))
            directory = tokens.Directory(work)
            self.assertEqual((tokens.UNBOUNDED, {3}), (directory.longest, directory.ends))
            generation.unlink()
            for wrong, said in (({"eos_token_id": 0}, "config.json: vocab_size = None"), ({"vocab_size": 7}, "eos_token_id is neither here nor in")):
                config.write_text(json.dumps(wrong))
                with self.assertRaisesRegex(tokens.Refused, said):
                    tokens.Directory(work)

    def test_the_digest_is_that_of_the_file_and_of_shards_in_order(self):
        with tempfile.TemporaryDirectory() as work:
            path = pathlib.Path(work)
            (path / "config.json").write_text(json.dumps({"vocab_size": 7, "eos_token_id": 0}))
            for i, data in enumerate((b"first", b"second")):
                (path / ("model-0000%d-of-00002.safetensors" % (i + 1))).write_bytes(data)
            self.assertEqual(hashlib.sha256(b"firstsecond").hexdigest(), tokens.Directory(work).digest())
            (path / "model.safetensors").write_bytes(b"one")
            self.assertEqual(hashlib.sha256(b"one").hexdigest(), tokens.Directory(work).digest())

    def test_earlier_turns_and_the_begin_of_the_answer_stand_in_the_conversation(self):
        with tempfile.TemporaryDirectory() as work:
            for file in POLICY.iterdir():
                (pathlib.Path(work) / file.name).symlink_to(file)
            (pathlib.Path(work) / "chat_template.jinja").write_text(
                "{% for m in messages %}{{ m.role[0] }}({{ m.content }}){% endfor %}{% if add_generation_prompt %}a({% endif %}", encoding="utf-8")
            directory = tokens.Directory(work)
            turns = [{"user": "1+1", "assistant": "2"}, {"user": "2+2", "assistant": "4"}]
            self.assertEqual("s(x)u(1+1)a(2)u(2+2)a(4)u(3+3)a(", directory.message("3+3", json.dumps({"system": "x", "turns": turns})))
            self.assertEqual("u(3+3)a(6;", directory.message("3+3\x1e6;", json.dumps({"answer_separator": "\x1e"})))
            self.assertEqual("u(3+3)a(", directory.message("3+3", json.dumps({"answer_separator": "\x1e"})))
            with self.assertRaisesRegex(tokens.Refused, "chat: KeyError: 'assistant'"):
                directory.message("a", json.dumps({"turns": [{"user": "1+1"}]}))

    def test_control_operations_need_the_secret_if_there_is_one(self):
        self.model.secret = "open sesame"
        for parameters in ("", "{}", json.dumps({"x-rollout-admin": "open"}), json.dumps({"x-rollout-admin": 7})):
            self.parameters = parameters
            for op in ("pause", "resume", "abort", "update", "reset"):
                self.assertIn("need the admin secret", self.whole(self.ask(op=op))[1][-1].error.text)
            self.assertFalse(self.status()["paused"])
        self.parameters = json.dumps({"x-rollout-admin": "open sesame"})
        self.assertIsNone(self.update(1).error)

    def test_what_is_wrong_is_said(self):
        for inputs, why in [(dict(input_ids=[5]), "needs inputs"), (dict(input_ids=[5], max_tokens=0, random_seed=1), "max_tokens must be"),
                            (dict(op="dance"), "unknown op"), (dict(input_ids=[10**6], max_tokens=1, random_seed=1), "input_ids must be"),
                            (dict(op="tokenize", text=["a"], chat="{}"), "no chat template")]:
            self.assertIn(why, self.whole(self.ask(**inputs))[1][-1].error.text)


class Uniform(Shared, unittest.TestCase):
    engine = "uniform"

    def test_every_token_is_as_likely_as_any_other_and_comes_from_the_seed(self):
        ids, responses = self.whole(self.ask(input_ids=[5], max_tokens=80, random_seed=3, ignore_eos=True, stream_interval=0))
        self.assertEqual((80, 1), (len(ids), len(responses)))
        self.assertGreater(len(set(ids)), 25, "of 38 tokens")
        self.assertAlmostEqual(-3.6376, float(responses[0].tensors["output_log_probs"][7]), 4)
        tail, _ = self.whole(self.ask(input_ids=[5] + ids[:33], prompt_length=1, max_tokens=47, random_seed=3, ignore_eos=True))
        self.assertEqual(ids[33:], tail)
        self.assertNotEqual(ids, self.whole(self.ask(input_ids=[5], max_tokens=80, random_seed=4, ignore_eos=True))[0])

    def test_it_does_not_pass_for_a_policy(self):
        error = self.update(1, **flat_canary([[5, 6, 7]], [[-0.1, -0.2]])).error
        self.assertIn("canary: version 1: with caches cold", error.text)
        self.assertIsNone(self.update(1, **flat_canary([[5, 6, 7]], [[-3.6376, -3.6376]])).error)

    def test_metrics_say_what_the_status_says(self):
        self.whole(self.ask(input_ids=[5], max_tokens=50, random_seed=3, ignore_eos=True))
        self.assertIsNone(self.update(4).error)
        until = time.monotonic() + 5
        while MetricFamily.values["foothold_policy_version"] != 4 and time.monotonic() < until:
            time.sleep(0.01)
        status = self.status()
        self.assertEqual({"foothold_policy_version": 4, "foothold_policy_pause_seconds": status["pause_micros"] / 1e6,
                          "foothold_requests_running": 0, "foothold_requests_waiting": 0,
                          "foothold_generated_tokens_total": 50}, MetricFamily.values)


class Start(unittest.TestCase):
    def test_an_unknown_engine_is_refused(self):
        os.environ.update(FOOTHOLD_POLICY=str(POLICY), FOOTHOLD_ENGINE="vlm")
        with self.assertRaisesRegex(RuntimeError, "engine 'vlm' is not known"):
            policy_model.TritonPythonModel().initialize({})

    def test_a_setting_that_an_engine_does_not_have_is_refused(self):
        os.environ.update(FOOTHOLD_POLICY=str(POLICY), FOOTHOLD_ENGINE="reference")
        for setting, value, why in (("WEIGHT_CHANGE", "drop", "weight_change 'drop' is not known for engine reference .expected one of keep, recompute"),
                                    ("ADAPTERS", "adapter", "adapters 'adapter' is not known for engine reference .expected one of merged")):
            os.environ["FOOTHOLD_" + setting] = value
            with self.assertRaisesRegex(RuntimeError, why):
                policy_model.TritonPythonModel().initialize({})
            del os.environ["FOOTHOLD_" + setting]
        parameters = {"weight_change": {"string_value": "recompute"}}
        model = policy_model.TritonPythonModel()
        model.initialize({"model_config": json.dumps({"parameters": parameters})})
        self.assertEqual(("recompute", "merged"), tuple(model.settings))
        model.finalize()


if __name__ == "__main__":
    unittest.main()
