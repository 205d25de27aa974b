"""vLLM as engine: AsyncLLM on an event loop of its own. Written against the signatures of vllm 0.33.0.

Differs from the reference engine: the noise is vLLM's, so a seed gives the same tokens on the same build only, and a continued
prefix does not give the tail of the whole. Log-probs are those of the distribution sampled from (logprobs_mode processed_logprobs).
FOOTHOLD_VLLM holds further engine arguments as JSON, such as {"max_model_len": 8192, "gpu_memory_utilization": 0.85}."""
import asyncio
import json
import os
import pathlib
import tempfile
import threading
import uuid

import tokens


class Engine:
    """Requests run as tasks of the event loop; what they draw is handed to `deliver`, which other threads may call."""

    busy = False

    def __init__(self, directory, deliver):
        try:
            from vllm import AsyncEngineArgs, SamplingParams
            from vllm.sampling_params import RequestOutputKind
            from vllm.v1.engine.async_llm import AsyncLLM
        except ImportError as missing:
            raise tokens.Refused("engine vllm needs the Python package vllm (0.33.0 was read): %s" % missing)
        self.files, self.deliver = tokens.Directory(directory), deliver
        self.sampling, self.delta, self.tasks = SamplingParams, RequestOutputKind.DELTA, {}
        more = json.loads(os.environ.get("FOOTHOLD_VLLM", "{}"))
        self.files.longest = min(self.files.longest, more.get("max_model_len", self.files.longest))
        self.loop, self.work = asyncio.new_event_loop(), tempfile.TemporaryDirectory(prefix="policy-versions-")
        threading.Thread(target=self.loop.run_forever, name="vllm", daemon=True).start()

        async def opened():
            return AsyncLLM.from_engine_args(AsyncEngineArgs(model=str(directory), logprobs_mode="processed_logprobs", **more))
        self.llm = self.wait(opened())

    def wait(self, coroutine):
        """Runs a coroutine on the loop and waits for it."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result()

    def start(self, r):
        r.key = uuid.uuid4().hex
        self.tasks[r.key] = asyncio.run_coroutine_threadsafe(self.run(r, list(r.ids)), self.loop)

    def stop(self, r):
        self.wait(self.llm.abort(r.key))

    async def run(self, r, ids):
        params = self.sampling(
            temperature=r.temperature, top_p=r.top_p, top_k=r.top_k, seed=r.seed, max_tokens=r.most, logprobs=0,
            stop=[w.decode() for w in r.words] or None, stop_token_ids=r.stops or None, ignore_eos=r.ignore_eos,
            detokenize=bool(r.words), output_kind=self.delta,
            # Every token at once: one that vLLM kept back over a weight change would be stamped with the version after it.
            stream_interval=1)
        try:
            async for output in self.llm.generate({"prompt_token_ids": ids}, params, r.key):
                drawn = output.outputs[0]
                new = list(drawn.token_ids)
                # A greedy token is drawn with certainty, whatever the softmax says of it.
                log_probs = [0.0 if r.temperature == 0 else at[token].logprob for token, at in zip(new, drawn.logprobs or [])]
                if len(log_probs) != len(new):
                    raise ValueError("vLLM gave %d log-probs for %d tokens" % (len(log_probs), len(new)))
                self.deliver(r, new, log_probs, self.end(r, drawn) if output.finished else None)
        except Exception as failure:  # the model's thread ends the request with it
            self.deliver(r, [], [], None, repr(failure))
        finally:
            self.tasks.pop(r.key, None)

    def end(self, r, drawn):
        """The contract's reason and index."""
        why = drawn.stop_reason
        if drawn.finish_reason != "stop":
            return ("length" if drawn.finish_reason == "length" else "abort"), -1
        if isinstance(why, str):
            return "stop_string", [w.decode() for w in r.words].index(why)
        if isinstance(why, int) and why in r.stops and (r.ignore_eos or why not in self.files.ends):
            return "stop_token", r.stops.index(why)
        return "stop", -1

    def step(self):
        """The loop draws by itself."""

    def hold(self):
        """Freezes what is under way; the cache stays, and what was drawn before is delivered before this returns."""
        self.wait(self.llm.pause_generation(mode="keep", clear_cache=False))

    def go_on(self):
        self.wait(self.llm.resume_generation())

    def load(self, path, version):
        """Reads the artefact in the place of model.safetensors; vLLM takes a directory."""
        directory = pathlib.Path(self.work.name) / ("version-%d-%s" % (version, uuid.uuid4().hex[:8]))
        directory.mkdir()
        for file in self.files.path.iterdir():
            if file.suffix != ".safetensors" and file.name != "model.safetensors.index.json":
                (directory / file.name).symlink_to(file.resolve())
        (directory / "model.safetensors").symlink_to(path.resolve())
        self.wait(self.llm.collective_rpc("reload_weights", kwargs={"weights_path": str(directory)}))

    async def ended(self):
        rest = [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    def close(self):
        self.llm.shutdown()
        self.wait(self.ended())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.work.cleanup()
