"""Tests of the policy model and its engines outside Triton: python engines_test.py. triton_python_backend_utils and vllm are stand-ins
with the signatures of Triton 2.51 and of vllm 0.33.0; the stand-in AsyncLLM refuses arguments that the real one does not have."""
import asyncio
import dataclasses
import hashlib
import json
import os
import pathlib
import sys
import tempfile
import threading
import time
import types
import unittest

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


@dataclasses.dataclass
class SamplingParams:
    """The fields that the engine sets; another one is an error, as in the real class."""
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    seed: int | None = None
    stop: list | None = None
    stop_token_ids: list | None = None
    ignore_eos: bool = False
    max_tokens: int | None = 16
    logprobs: int | None = None
    detokenize: bool = True
    output_kind: object = None
    stream_interval: int | None = None


class AsyncLLM:
    """Draws 3, 4, 5, ... and one more for each reload; a token a millisecond; -1/8 the log-prob of the first, -2/8 of the second."""
    last = None

    @classmethod
    def from_engine_args(cls, engine_args, start_engine_loop=True, usage_context=None, stat_loggers=None):
        asyncio.get_running_loop()
        cls.last = llm = cls()
        llm.args, llm.paths, llm.aborted, llm.paused, llm.prompts = engine_args, [], set(), False, {}
        return llm

    async def generate(self, prompt, sampling_params, request_id, *, priority=0, lora_request=None):
        p, pending, text = sampling_params, [], ""
        self.prompts[request_id] = prompt["prompt_token_ids"]
        if prompt["prompt_token_ids"] == [9]:
            raise RuntimeError("out of memory")
        for i in range(p.max_tokens):
            await asyncio.sleep(0.001)
            while self.paused and request_id not in self.aborted:
                await asyncio.sleep(0.001)
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
        self.aborted.add(request_id)

    async def pause_generation(self, *, mode="abort", clear_cache=True):
        assert mode == "keep" and not clear_cache
        self.paused = True
        await asyncio.sleep(0.02)

    async def resume_generation(self):
        self.paused = False

    async def collective_rpc(self, method, timeout=None, args=(), kwargs=None):
        assert method == "reload_weights" and self.paused
        path = pathlib.Path(kwargs["weights_path"])
        assert (path / "config.json").exists() and (path / "model.safetensors").exists()
        self.paths.append(path)

    def shutdown(self, timeout=None):
        self.paused = False


for name, members in {
        "vllm": {"AsyncEngineArgs": lambda model, logprobs_mode, **more: dict(model=model, logprobs_mode=logprobs_mode, **more),
                 "SamplingParams": SamplingParams},
        "vllm.sampling_params": {"RequestOutputKind": types.SimpleNamespace(DELTA="delta")},
        "vllm.v1": {}, "vllm.v1.engine": {}, "vllm.v1.engine.async_llm": {"AsyncLLM": AsyncLLM}}.items():
    sys.modules[name] = types.ModuleType(name)
    vars(sys.modules[name]).update(members)

import model as policy_model  # noqa: E402: after the stand-ins


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


class Case:
    engine = "vllm"

    def setUp(self):
        os.environ.update(FOOTHOLD_POLICY=str(POLICY), FOOTHOLD_ENGINE=self.engine, FOOTHOLD_ADMIN_SECRET="")
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
        data = data or (POLICY / "model.safetensors").read_bytes()
        file = tempfile.NamedTemporaryFile(suffix=".safetensors")
        file.write(data)
        file.flush()
        self.addCleanup(file.close)
        return pathlib.Path(file.name).as_uri(), hashlib.sha256(data).hexdigest()

    def update(self, version, data=None):
        uri, digest = self.artefact(data)
        return self.whole(self.ask(op="update", weights_uri=uri, weights_digest=digest, policy_version=version))[1][-1]

    def status(self):
        return json.loads(self.whole(self.ask(op="status"))[1][0].tensors["status_json"][0])


class Vllm(Case, unittest.TestCase):
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


class Reference(Case, unittest.TestCase):
    engine = "reference"

    def test_the_same_seed_gives_the_same_tokens_over_a_change_of_nothing(self):
        alone, _ = self.whole(self.ask(input_ids=[5, 6], max_tokens=20, random_seed=3, ignore_eos=True))
        sender = self.ask(input_ids=[5, 6], max_tokens=20, random_seed=3, ignore_eos=True, stream_interval=1)
        self.assertIsNone(self.update(1).error)
        ids, responses = self.whole(sender)
        self.assertEqual(alone, ids)
        self.assertEqual(1, int(responses[-1].tensors["policy_version"][0]))

    def test_damaged_artefacts_are_refused_and_the_old_version_serves_on(self):
        whole = (POLICY / "model.safetensors").read_bytes()
        for data, why in [(whole[:5], "truncated"), (whole[:1000], "truncated"), (whole[:-9], "truncated in tensor"), (b"\x02" + bytes(7) + b"{x" + bytes(9), "no readable header")]:
            self.assertIn(why, self.update(2, data).error.text)
        self.assertEqual(0, self.status()["version"])
        self.assertEqual(4, len(self.whole(self.ask(input_ids=[5], max_tokens=4, random_seed=3, ignore_eos=True))[0]))

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


class Uniform(Case, unittest.TestCase):
    engine = "uniform"

    def test_every_token_is_as_likely_as_any_other_and_comes_from_the_seed(self):
        ids, responses = self.whole(self.ask(input_ids=[5], max_tokens=80, random_seed=3, ignore_eos=True, stream_interval=0))
        self.assertEqual((80, 1), (len(ids), len(responses)))
        self.assertGreater(len(set(ids)), 25, "of 38 tokens")
        self.assertAlmostEqual(-3.6376, float(responses[0].tensors["output_log_probs"][7]), 4)
        tail, _ = self.whole(self.ask(input_ids=[5] + ids[:33], prompt_length=1, max_tokens=47, random_seed=3, ignore_eos=True))
        self.assertEqual(ids[33:], tail)
        self.assertNotEqual(ids, self.whole(self.ask(input_ids=[5], max_tokens=80, random_seed=4, ignore_eos=True))[0])

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



if __name__ == "__main__":
    unittest.main()
