"""Engine transformers: any causal language model of Hugging Face transformers, float32, on CPUs. The reference for real models.

A batched decode of our own over the model's own forward pass: transformers' continuous batching has one seed for all requests, no
stop strings, and keeps keys over a change of weights. Noise is the contract's, as the reference engine's: token = entries of the cumulative
distribution, in token-id order, that are <= u * total, in float64 over float32 logits.

How keys are held is found out at the start, by comparing with the forward pass of whole sequences: rows of different length in one batch
(padded on the left), each sequence with the cache that the model makes for itself (states that are no keys), or none, where each token costs
the whole sequence. FOOTHOLD_TRANSFORMERS holds settings as JSON: max_sequences (64, rows of a batch), cache_mib (4096, of keys and values)."""
import collections
import inspect
import json
import logging
import os
import pathlib
import tempfile

os.environ["HF_HUB_OFFLINE"] = "1"  # never the hub: what is named is a directory
import torch
import transformers
from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.lora import LoraLayer
from safetensors.torch import load_file
from transformers.cache_utils import Cache, DynamicLayer

import tokens
from canary import Score
from stepping import Stepping, uniform
from tokens import Refused

DEFAULTS = {"max_sequences": 64, "cache_mib": 4096}
BOUND = 1e-3  # nats between a way to hold keys and the forward pass of the whole sequence: more is another computation, not rounding
CHUNK = 256  # tokens whose logits are computed at once when sequences are scored
GROWTH = 64  # positions that a layer's memory grows by
WITHOUT_WEIGHTS = ("rotary_emb.inv_freq", "masked_bias", "attn.bias")  # tensors of old checkpoints
log = logging.getLogger(__name__)


class Layer(DynamicLayer):
    """Keys and values of a layer, float32 [rows, heads, positions, head size], in memory that grows by many positions at once."""

    def update(self, key_states, value_states, *args, **kwargs):
        if not self.is_initialized:
            self.device, self.dtype, self.is_initialized, self.memory = key_states.device, key_states.dtype, True, None
            self.keys, self.values = key_states[:, :, :0], value_states[:, :, :0]
        begin = self.keys.shape[-2]
        end = begin + key_states.shape[-2]
        if self.memory is None or end > self.memory[0].shape[-2]:
            self.memory = [grown(old, end + GROWTH) for old in (self.keys, self.values)]
        for memory, fresh in zip(self.memory, (key_states, value_states), strict=True):
            memory[:, :, begin:end] = fresh
        self.keys, self.values = (memory[:, :, :end] for memory in self.memory)
        return self.keys, self.values

    def put(self, keys, values):
        """Holds these from now on."""
        self.keys, self.values, self.memory = keys, values, None


def grown(tensor, positions):
    """A tensor [rows, heads, n, size] in memory for more positions."""
    out = tensor.new_empty(*tensor.shape[:2], positions, tensor.shape[-1])
    out[:, :, :tensor.shape[-2]] = tensor
    return out


class Rows:
    """Sequences in one batch: row i holds the keys of the first `fed[i]` tokens of `of[i]`, padded on the left to the longest."""

    def __init__(self):
        self.of, self.fed, self.cache = [], [], Cache(layer_class_to_replicate=Layer)

    @property
    def width(self):
        return max(self.fed, default=0)

    def keep(self, which):
        """Forgets all rows but these."""
        if len(which) == len(self.of):
            return
        before = self.width
        self.of, self.fed = [self.of[i] for i in which], [self.fed[i] for i in which]
        cut = before - self.width
        for layer in self.cache.layers:
            layer.put(*(t[which, :, cut:].clone() for t in (layer.keys, layer.values)))

    def join(self, other):
        """Takes over another batch's rows."""
        if not self.of:
            self.of, self.fed, self.cache = other.of, other.fed, other.cache
            return
        width, rows = max(self.width, other.width), len(self.of) + len(other.of)
        for mine, theirs in zip(self.cache.layers, other.cache.layers, strict=True):
            joined = []
            for a, b in ((mine.keys, theirs.keys), (mine.values, theirs.values)):
                out = a.new_zeros(rows, a.shape[1], width + GROWTH, a.shape[-1])
                out[:len(self.of), :, width - a.shape[-2]:width] = a
                out[len(self.of):, :, width - b.shape[-2]:width] = b
                joined.append(out)
            mine.memory = joined
            mine.keys, mine.values = (out[:, :, :width] for out in joined)
        self.of, self.fed = self.of + other.of, self.fed + other.fed


class Weights:
    """A model of transformers with its weights, and how its keys can be held. Raises Refused where it cannot be used."""

    def __init__(self, directory):
        """directory: pathlib.Path of a Hugging Face directory; never from the hub, never code beside the weights."""
        try:
            self.model, info = transformers.AutoModelForCausalLM.from_pretrained(
                directory, dtype=torch.float32, local_files_only=True, trust_remote_code=False, use_safetensors=True, output_loading_info=True)
        except (ValueError, RuntimeError, OSError, KeyError) as failure:
            raise Refused("the policy in %s cannot be loaded by transformers %s: %s" % (directory, transformers.__version__, failure)) from None
        strange = sorted(name for name in info["unexpected_keys"] if not name.endswith(WITHOUT_WEIGHTS))
        for what, names in (("is missing", sorted(info["missing_keys"])), ("has no place in %s" % type(self.model).__name__, strange),
                            ("has another shape than config.json says", sorted(map(str, info.get("mismatched_keys") or ())))):
            if names:
                raise Refused("the artefact does not fit the policy: tensor '%s' %s (%d tensors in all)" % (names[0], what, len(names)))
        self.model.eval().requires_grad_(False)
        taken = inspect.signature(self.model.forward).parameters
        self.positions, self.last_only = "position_ids" in taken, "logits_to_keep" in taken

    def forward(self, ids, cache=None, fed=0, pads=None, last=False, use_cache=True):
        """One call of the model. ids: rows of equally many fresh tokens; fed: columns in the cache; pads: of each row, on the left.
        Gives logits, float32 [rows, fresh tokens or 1, vocabulary], and the cache."""
        ids = torch.tensor(ids)
        more = {"logits_to_keep": 1} if last and self.last_only else {}
        if pads is not None and any(pads):
            pads = torch.tensor(pads)[:, None]
            more["attention_mask"] = (torch.arange(fed + ids.shape[1]) >= pads).long()
            if self.positions:
                more["position_ids"] = torch.arange(fed, fed + ids.shape[1])[None] - pads
        if use_cache:
            more["cache"] = cache
        out = self.model(input_ids=ids, use_cache=use_cache, **more)
        return out.logits.float(), out.cache if use_cache else None


def inject(model, directory, name):
    """Puts the adapters of a directory in PEFT's layout into a model, under a name. Raises ValueError, naming file or tensor."""
    config = json.loads((directory / "adapter_config.json").read_text(encoding="utf-8"))
    if config.get("peft_type") != "LORA":
        raise ValueError("peft_type is '%s' (expected LORA)" % config.get("peft_type"))
    known = LoraConfig.from_pretrained(str(directory))
    known.inference_mode = True
    inject_adapter_in_model(known, model, name)
    own = {n.replace(".%s." % name, "."): p for n, p in model.named_parameters() if ".lora_" in n and ".%s." % name in n}
    # Names in files have a prefix of PEFT's own.
    stored = {n.removeprefix("base_model.model."): t for n, t in load_file(directory / "adapter_model.safetensors").items()}
    for tensor in sorted(own.keys() ^ stored.keys()):
        raise ValueError("tensor '%s' %s" % (tensor, "is missing" if tensor in own else "has no place in the model"))
    for tensor, parameter in own.items():
        if parameter.shape != stored[tensor].shape:
            raise ValueError("tensor '%s' has shape %s (expected %s)" % (tensor, list(stored[tensor].shape), list(parameter.shape)))
        parameter.data = stored[tensor].to(parameter.dtype)


class Batched:
    """Rows of different length in one forward pass."""

    def __init__(self, settings):
        self.settings, self.rows, self.removed = settings, Rows(), False

    def __len__(self):
        return len(self.rows.of)

    def room(self, weights, r):
        """Whether another sequence fits, to its end."""
        if not self.rows.of:
            return True
        longest = max(s.inputs + s.most for s in [*self.rows.of, r])
        layers = self.rows.cache.layers
        each = sum(4 * t.shape[1] * t.shape[-1] for layer in layers for t in (layer.keys, layer.values))
        return len(self.rows.of) < self.settings["max_sequences"] and (len(self.rows.of) + 1) * longest * each <= self.settings["cache_mib"] << 20

    def begin(self, weights, alike):
        """Computes the keys of sequences with the same tokens, once; gives the logits behind the last token, [1, vocabulary]."""
        fresh = Rows()
        logits, _ = weights.forward([alike[0].ids], fresh.cache, last=True)
        fresh.of, fresh.fed = list(alike), [len(alike[0].ids)] * len(alike)
        if len(alike) > 1:
            for layer in fresh.cache.layers:
                layer.put(*(t.expand(len(alike), -1, -1, -1) for t in (layer.keys, layer.values)))
        self.rows.join(fresh)
        return logits[:, -1]

    def step(self, weights):
        """Feeds the last token of every sequence; gives them, and the logits behind, [rows, vocabulary]."""
        rows, width = self.rows, self.rows.width
        logits, _ = weights.forward([r.ids[-1:] for r in rows.of], rows.cache, width, [width - n for n in rows.fed])
        rows.fed = [n + 1 for n in rows.fed]
        return rows.of, logits[:, -1]

    def forget(self, gone):
        """Sequences that have ended."""
        self.rows.keep([i for i, r in enumerate(self.rows.of) if r not in gone])
        if not self.rows.of:
            self.rows = Rows()


class Single:
    """Each sequence with the cache that the model makes for itself, in forward passes of its own."""

    def __init__(self, settings):
        self.settings, self.of, self.caches = settings, [], {}

    def __len__(self):
        return len(self.of)

    def room(self, weights, r):
        """Whether another sequence fits."""
        return len(self.of) < self.settings["max_sequences"]

    def feed(self, weights, r, ids, fed):
        """Logits behind the last of fresh tokens, [1, vocabulary]."""
        logits, self.caches[id(r)] = weights.forward([ids], self.caches.get(id(r)), fed, last=True)
        return logits[:, -1]

    def begin(self, weights, alike):
        """As Batched's; each sequence computes its own."""
        self.of += alike
        return torch.cat([self.feed(weights, r, r.ids, 0) for r in alike])

    def step(self, weights):
        """As Batched's."""
        return self.of, torch.cat([self.feed(weights, r, r.ids[-1:], len(r.ids) - 1) for r in self.of])

    def forget(self, gone):
        """Sequences that have ended."""
        self.of = [r for r in self.of if r not in gone]
        for r in gone:
            self.caches.pop(id(r), None)


class Whole(Single):
    """No cache: every token costs its whole sequence."""

    def feed(self, weights, r, ids, fed):
        return weights.forward([r.ids], last=True, use_cache=False)[0][:, -1]


def picked(logits, ids):
    """Natural log-probs of tokens under logits [tokens, vocabulary]."""
    return logits.log_softmax(-1).gather(1, torch.tensor(ids)[:, None])[:, 0].tolist()


KINDS = {"rows in one batch": Batched, "each sequence by itself": Single, "no cache": Whole}


class Probe:
    """A sequence that is fed to find out how keys can be held."""

    def __init__(self, ids):
        self.ids, self.inputs, self.most = ids, len(ids), 8


class Engine(Stepping):
    """Samples one token of every sequence in a step. Belongs to the model's thread."""

    weight_changes, adapter_forms, precision = ("recompute", "keep"), ("merged", "adapter"), "float32"

    def __init__(self, directory, deliver, settings):
        """settings: tokens.Settings. Raises Refused where the policy cannot be served."""
        super().__init__(tokens.Directory(directory), deliver)
        transformers.logging.disable_progress_bar()
        given = json.loads(os.environ.get("FOOTHOLD_TRANSFORMERS", "{}"))
        for name, value in given.items():
            if name not in DEFAULTS or not isinstance(value, int) or value < 1:
                raise Refused("FOOTHOLD_TRANSFORMERS: %s = %r (expected whole numbers from 1 on for %s)" % (name, value, ", ".join(DEFAULTS)))
        self.settings, self.weight_change, self.adapters = {**DEFAULTS, **given}, settings.weight_change, settings.adapters
        self.work, self._before, self.adapter = tempfile.TemporaryDirectory(prefix="policy-versions-"), None, None
        self.loaded = 0
        self.weights = Weights(self.files.path)
        self.waiting = collections.deque()
        self.kind = self.probed()
        self.held = KINDS[self.kind](self.settings)
        print("policy model: %s of transformers %s, %s" % (type(self.weights.model).__name__, transformers.__version__, self.kind), flush=True)

    @torch.inference_mode()
    def probed(self):
        """The fastest way to hold keys that computes what the forward pass of whole sequences does. Raises Refused where none does."""
        generator = torch.Generator().manual_seed(0)
        draw = lambda n: torch.randint(self.files.vocabulary, (n,), generator=generator).tolist()
        size = min(24, self.files.longest - 3)
        sequences = [draw(max(2, n)) for n in (size // 3, size, size // 2)]
        after = [draw(2) for _ in sequences]
        whole = []  # logits behind each of the last three tokens of every sequence
        for ids, more in zip(sequences, after, strict=True):
            logits, _ = self.weights.forward([ids + more], use_cache=False)
            whole.append(torch.log_softmax(logits[0, -3:], -1))
        found = {}
        for name, kind in KINDS.items():
            held, probes = kind(self.settings), [Probe(list(ids)) for ids in sequences]
            try:
                got = [[held.begin(self.weights, [p])[0]] for p in probes]
                for i in range(2):
                    for p, more in zip(probes, after, strict=True):
                        p.ids.append(more[i])
                    of, logits = held.step(self.weights)
                    for r, row in zip(of, logits, strict=True):
                        got[probes.index(r)].append(row)
                worst = max((torch.log_softmax(torch.stack(rows), -1) - w).abs().max().item() for rows, w in zip(got, whole, strict=True))
            except (ValueError, TypeError, AttributeError, RuntimeError, IndexError, KeyError, NotImplementedError) as failure:
                found[name] = repr(failure)
                continue
            if worst <= BOUND:
                if found:
                    log.warning("%s: %s; %s", type(self.weights.model).__name__, name, found)
                return name
            found[name] = "%.2g nats" % worst
        raise Refused("%s does not compute tokens one by one as it does whole sequences: %s" % (type(self.weights.model).__name__, found))

    @property
    def busy(self):
        return bool(self.waiting) or len(self.held) > 0

    def start(self, r):
        self.waiting.append(r)

    def stop(self, r):
        if r in self.waiting:
            self.waiting.remove(r)
        else:
            self.held.forget([r])

    @torch.inference_mode()
    def step(self):
        try:
            if len(self.held):
                of, logits = self.held.step(self.weights)
                self.drawn(list(of), logits)
            # What came to the batch in this step has its first token already.
            while self.waiting and self.held.room(self.weights, self.waiting[0]):
                first = self.waiting.popleft()
                alike = [first]
                while self.waiting and self.waiting[0].ids == first.ids and len(self.held) + len(alike) < self.settings["max_sequences"]:
                    alike.append(self.waiting.popleft())
                logits = self.held.begin(self.weights, alike)
                self.drawn(alike, logits.expand(len(alike), -1))
        except Exception as failure:  # of the whole batch: nobody can say whose it is
            rows = [*(self.held.rows.of if isinstance(self.held, Batched) else self.held.of), *self.waiting]
            self.held = KINDS[self.kind](self.settings)
            self.waiting.clear()
            for r in rows:
                self.deliver(r, [], [], None, failure)

    def drawn(self, rows, logits):
        """Draws a token of each row and hands it on."""
        ended, out = [], []
        for r, (token, log_prob) in zip(rows, self.draw(rows, logits), strict=True):
            end = self.end(r, token)
            out.append((r, token, log_prob, end))
            if end:
                ended.append(r)
        if ended:
            self.held.forget(ended)
        for r, token, log_prob, end in out:
            self.deliver(r, [token], [log_prob], end)

    def draw(self, rows, logits):
        """Tokens, and the natural logs of the probabilities with which they were drawn, one pair a row of logits [rows, vocabulary]."""
        greedy = torch.tensor([r.temperature <= 0 for r in rows])
        logits = logits.double() / torch.tensor([r.temperature if r.temperature > 0 else 1.0 for r in rows], dtype=torch.float64)[:, None]
        cut = [i for i, r in enumerate(rows) if r.temperature > 0 and (r.top_k > 0 or r.top_p < 1)]
        if cut:
            size = logits.shape[-1]
            ordered, order = logits[cut].sort(dim=-1, descending=True, stable=True)
            p = torch.softmax(ordered, -1)
            top_p = torch.tensor([rows[i].top_p for i in cut], dtype=torch.float64)[:, None]
            top_k = torch.tensor([rows[i].top_k or size for i in cut])[:, None]
            dropped = (p.cumsum(-1) - p >= top_p) | (torch.arange(size) >= top_k)
            dropped[:, 0] = False
            logits[cut] = logits[cut].masked_fill(torch.zeros_like(dropped).scatter(1, order, dropped), -torch.inf)
        likeliest = logits.argmax(-1)
        log_probs = torch.log_softmax(logits, -1)
        cumulative = log_probs.exp().cumsum(-1)
        noise = torch.tensor([uniform(r.seed, len(r.ids) - r.prompt) for r in rows], dtype=torch.float64)[:, None]
        drawn = (cumulative <= noise * cumulative[:, -1:]).sum(-1).clamp(max=logits.shape[-1] - 1)
        token = torch.where(greedy, likeliest, drawn)
        log_prob = torch.where(greedy, 0.0, log_probs.gather(1, token[:, None])[:, 0])
        return zip(token.tolist(), log_prob.tolist(), strict=True)

    def load(self, publication):
        """Takes up weights beside the old ones, which `undo` goes back to."""
        if self.adapters == "adapter":
            self._load_adapter(publication)
            return
        directory = pathlib.Path(tempfile.mkdtemp(dir=self.work.name))
        tokens.policy_directory(self.files.path, publication.path, directory)
        fresh = Weights(directory)
        self._before, self.weights = (self.weights,), fresh

    def _load_adapter(self, publication):
        """Puts adapters beside those that are there; the weights below stay. (transformers 5.24's own loading asks for a PEFT to come.)"""
        self.loaded += 1
        self._before, self.adapter = (self.adapter,), "publication%d" % self.loaded
        try:
            inject(self.weights.model, publication.adapter, self.adapter)
        except Exception as failure:
            self.undo()
            raise Refused("adapters in %s cannot be taken up: %s" % (publication.adapter, failure)) from None
        self.show(self.adapter)

    def layers(self):
        """The layers that hold adapters."""
        return [m for m in self.weights.model.modules() if isinstance(m, LoraLayer)]

    def show(self, name):
        """Lets these adapters answer, or with None the weights alone."""
        for layer in self.layers():
            if name is None:
                layer.enable_adapters(False)
            else:
                layer.enable_adapters(True)
                layer.set_adapter(name)
        self.weights.model.eval().requires_grad_(False)

    def remove(self, name):
        """Forgets adapters."""
        for layer in self.layers():
            if name in layer.lora_A:
                layer.delete_adapter(name)

    def keep(self):
        if self._before is None:
            return
        (old,), self._before = self._before, None
        if self.adapters == "adapter" and old:
            self.remove(old)
            self.show(self.adapter)
        if self.weight_change == "recompute":
            rows = list(self.held.rows.of if isinstance(self.held, Batched) else self.held.of)
            self.held = KINDS[self.kind](self.settings)
            self.waiting.extendleft(reversed(rows))

    def undo(self):
        if self._before is None:
            return True
        (old,), self._before = self._before, None
        if self.adapters != "adapter":
            self.weights = old
            return True
        self.remove(self.adapter)
        self.show(old)
        self.adapter = old
        return True

    @torch.inference_mode()
    def score(self, sequences, warm):
        """Log-probs of given tokens; warm: in two parts, the second of which finds the keys of the first."""
        return [Score(0, self.log_probs(s, warm)) for s in sequences]

    def log_probs(self, ids, warm):
        """Natural log-probs of every token after the first."""
        if self.kind == "no cache":
            logits, _ = self.weights.forward([ids], use_cache=False)
            return picked(logits[0, :-1], ids[1:])
        out, at, cache = [], 0, Cache(layer_class_to_replicate=Layer) if self.kind == "rows in one batch" else None
        while at < len(ids) - 1:
            size = self.part(len(ids), at, warm)
            logits, cache = self.weights.forward([ids[at:at + size]], cache, at)
            fresh = ids[at + 1:at + size + 1]
            out += picked(logits[0, :len(fresh)], fresh)
            at += size
        return out

    def part(self, length, at, warm):
        """How many tokens of a sequence are scored at once. Caches that the model makes for itself may take many tokens at the beginning only."""
        if self.kind == "rows in one batch":
            return min(CHUNK, (length + 1) // 2) if warm else CHUNK
        return length if not warm else max(1, length - 2) if at == 0 else 1

    def close(self):
        self.work.cleanup()
