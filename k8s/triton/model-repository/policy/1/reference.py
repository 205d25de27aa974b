"""Reference engine: Qwen3, Qwen2 and Llama shaped decoders in numpy, float64, one sequence at a time. For tests and laptops.

Reads a Hugging Face directory (config.json, generation_config.json, tokenizer.json, one safetensors file). Noise is the
contract's: token = entries of the cumulative distribution, in token-id order, that are <= u * total."""
import numpy as np

import tokens
from canary import Score
from stepping import Stepping, uniform
from tokens import Refused

FAMILIES = ("Qwen3ForCausalLM", "Qwen2ForCausalLM", "LlamaForCausalLM")


def read_safetensors(data):
    """Tensors by name from the bytes of a safetensors file; F32, F16 and BF16."""
    (header, body), out = tokens.safetensors_header(data), {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        raw = body[begin:end]
        if entry["dtype"] == "BF16":
            flat = (np.frombuffer(raw, "<u2").astype(np.uint32) << 16).view(np.float32)
        elif entry["dtype"] in ("F32", "F16"):
            flat = np.frombuffer(raw, {"F32": "<f4", "F16": "<f2"}[entry["dtype"]])
        else:
            raise Refused("tensor '%s' has dtype %s (expected F32, F16 or BF16)" % (name, entry["dtype"]))
        out[name] = flat.astype(np.float64).reshape(entry["shape"])
    return out


class Sequence:
    """Keys and values of one sequence, one pair a layer, with the tokens fed so far."""

    def __init__(self, layers):
        self.cache = [None] * layers
        self.length = 0


class Policy(tokens.Directory):
    """A decoder and its tokenizer."""

    def __init__(self, directory):
        super().__init__(directory)
        family = self.config.get("architectures", ["?"])[0]
        if family not in FAMILIES:
            raise Refused("%s: architecture %s (expected one of %s)" % (self.path / "config.json", family, ", ".join(FAMILIES)))
        self.heads, self.kv_heads = self.config["num_attention_heads"], self.config["num_key_value_heads"]
        self.head_dim = self.config.get("head_dim") or self.config["hidden_size"] // self.heads
        self.frequencies = self._frequencies()
        self.weights = read_safetensors((self.path / "model.safetensors").read_bytes())

    def _frequencies(self):
        """Of the rotation, as transformers 5 (rope_parameters) or 4 (rope_theta, rope_scaling) describes it; llama3 scaling included."""
        rope = self.config.get("rope_parameters") or self.config.get("rope_scaling") or {}
        kind = rope.get("rope_type", rope.get("type", "default"))
        theta = rope.get("rope_theta") or self.config.get("rope_theta", 1e4)
        plain = theta ** (-np.arange(0, self.head_dim, 2) / self.head_dim)
        if kind == "default":
            return plain
        if kind != "llama3":
            raise Refused("rope_type %s is not supported (expected default or llama3)" % kind)
        turns = rope["original_max_position_embeddings"] * plain / (2 * np.pi)
        low, high = rope["low_freq_factor"], rope["high_freq_factor"]
        kept = np.clip((turns - low) / (high - low), 0, 1)
        return plain * (kept + (1 - kept) / rope["factor"])

    def load(self, data):
        """Takes up weights of the same shapes."""
        fresh = read_safetensors(data)
        shapes = lambda weights: {name: values.shape for name, values in weights.items()}
        wrong = sorted(set(shapes(self.weights).items()) ^ set(shapes(fresh).items()))
        if wrong:
            raise Refused("the artefact does not fit the policy: tensor '%s' differs in presence or shape" % wrong[0][0])
        self.weights = fresh

    def _norm(self, x, name):
        return x / np.sqrt(np.mean(x * x, -1, keepdims=True) + self.config["rms_norm_eps"]) * self.weights[name]

    def _rotate(self, x, positions):
        angle = np.concatenate([np.outer(positions, self.frequencies)] * 2, -1)[:, None]
        half = self.head_dim // 2
        return x * np.cos(angle) + np.concatenate([-x[..., half:], x[..., :half]], -1) * np.sin(angle)

    def _project(self, x, at, what, heads):
        y = x @ self.weights[at + what + ".weight"].T
        if at + what + ".bias" in self.weights:
            y = y + self.weights[at + what + ".bias"]
        return y.reshape(len(x), heads, self.head_dim)

    def feed(self, sequence, ids):
        """Feeds tokens; gives the logits behind the last one."""
        return self._logits(self._states(sequence, ids)[-1])

    def log_probs(self, ids, parts):
        """Natural log-probs of every token after the first, fed in so many parts: each finds the keys of those before it."""
        sequence, out = Sequence(self.config["num_hidden_layers"]), []
        for part in np.array_split(np.asarray(ids), parts):
            for state in self._states(sequence, part):
                logits = self._logits(state)
                shifted = logits - logits.max()
                position = len(out) + 1
                out.append(shifted[ids[position]] - np.log(np.exp(shifted).sum()) if position < len(ids) else 0.0)
        return out[:-1]

    def _logits(self, state):
        return self._norm(state, "model.norm.weight") @ self.weights.get("lm_head.weight", self.weights["model.embed_tokens.weight"]).T

    def _states(self, sequence, ids):
        """Feeds tokens; gives the last layer's output at each."""
        w, n = self.weights, len(ids)
        positions = np.arange(sequence.length, sequence.length + n)
        x = w["model.embed_tokens.weight"][np.asarray(ids)]
        for i in range(self.config["num_hidden_layers"]):
            at = "model.layers.%d." % i
            h = self._norm(x, at + "input_layernorm.weight")
            q = self._project(h, at + "self_attn.", "q_proj", self.heads)
            k = self._project(h, at + "self_attn.", "k_proj", self.kv_heads)
            v = self._project(h, at + "self_attn.", "v_proj", self.kv_heads)
            if at + "self_attn.q_norm.weight" in w:
                q, k = self._norm(q, at + "self_attn.q_norm.weight"), self._norm(k, at + "self_attn.k_norm.weight")
            q, k = self._rotate(q, positions), self._rotate(k, positions)
            if sequence.cache[i] is not None:
                k, v = np.concatenate([sequence.cache[i][0], k]), np.concatenate([sequence.cache[i][1], v])
            sequence.cache[i] = (k, v)
            repeat = self.heads // self.kv_heads
            scores = np.einsum("qhd,khd->hqk", q, np.repeat(k, repeat, 1)) / np.sqrt(self.head_dim)
            scores = np.where(np.arange(len(k)) <= positions[:, None], scores, -np.inf)
            p = np.exp(scores - scores.max(-1, keepdims=True))
            o = np.einsum("hqk,khd->qhd", p / p.sum(-1, keepdims=True), np.repeat(v, repeat, 1))
            x = x + o.reshape(n, -1) @ w[at + "self_attn.o_proj.weight"].T
            h = self._norm(x, at + "post_attention_layernorm.weight")
            gate = h @ w[at + "mlp.gate_proj.weight"].T
            x = x + (gate / (1 + np.exp(-gate)) * (h @ w[at + "mlp.up_proj.weight"].T)) @ w[at + "mlp.down_proj.weight"].T
        sequence.length += n
        return x

    def draw(self, logits, temperature, top_p, top_k, noise):
        """A token and the natural log of the probability with which it was drawn."""
        if temperature <= 0:
            return int(np.argmax(logits)), 0.0
        logits = logits / temperature
        if top_k > 0 or top_p < 1:
            order = np.argsort(-logits, kind="stable")
            p = np.exp(logits[order] - logits.max())
            p /= p.sum()
            keep = (np.cumsum(p) - p < top_p) & (np.arange(len(p)) < (top_k or len(p)))
            keep[0] = True
            logits = logits.copy()
            logits[order[~keep]] = -np.inf
        log_probs = logits - logits.max()
        log_probs -= np.log(np.exp(log_probs).sum())
        cumulative = np.cumsum(np.exp(log_probs))
        token = min(int(np.sum(cumulative <= noise * cumulative[-1])), len(logits) - 1)
        return token, float(log_probs[token])


class Engine(Stepping):
    """Samples one token of each sequence in turn. Belongs to the model's thread."""

    weight_changes, adapter_forms, precision = ("keep", "recompute"), ("merged",), "float32"  # it computes in float64, and is held to float32's bound

    def __init__(self, directory, deliver, settings):
        super().__init__(Policy(directory), deliver)
        self.weight_change, self._before = settings.weight_change, None

    def start(self, r):
        super().start(r)
        self.begin(r)

    def begin(self, r):
        """Forgets the keys of a sequence: what it holds is computed anew at the next step."""
        r.sequence = Sequence(self.files.config["num_hidden_layers"])

    def step(self):
        for _ in range(len(self.active)):
            r = self.active.popleft()
            try:
                logits = self.files.feed(r.sequence, r.ids[r.sequence.length:])
                noise = uniform(r.seed, len(r.ids) - r.prompt)
                token, log_prob = self.files.draw(logits, r.temperature, r.top_p, r.top_k, noise)
                end = self.end(r, token)
            except Exception as failure:
                self.deliver(r, [], [], None, failure)
                continue
            if not end:
                self.active.append(r)
            self.deliver(r, [token], [log_prob], end)

    def load(self, publication):
        self._before = self.files.weights
        self.files.load(publication.path.read_bytes())

    def keep(self):
        self._before = None
        if self.weight_change == "recompute":
            for r in self.active:
                self.begin(r)

    def undo(self):
        if self._before is not None:
            self.files.weights, self._before = self._before, None
        return True

    def score(self, sequences, warm):
        """Log-probs of given tokens; warm: in two parts, the second of which finds the keys of the first."""
        return [Score(0, self.files.log_probs(s, 2 if warm else 1)) for s in sequences]
