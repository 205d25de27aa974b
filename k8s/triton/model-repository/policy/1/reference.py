"""Reference engine: Qwen3, Qwen2 and Llama shaped decoders in numpy, float64, one sequence at a time. For tests and laptops.

Reads a Hugging Face directory (config.json, generation_config.json, tokenizer.json, one safetensors file). Noise is the
contract's: token = entries of the cumulative distribution, in token-id order, that are <= u * total."""
import datetime
import hashlib
import json
import pathlib

import numpy as np

MASK, GOLDEN = (1 << 64) - 1, 0x9E3779B97F4A7C15
FAMILIES = ("Qwen3ForCausalLM", "Qwen2ForCausalLM", "LlamaForCausalLM")


class Refused(Exception):
    """Bad input; the text goes to the caller."""


def uniform(seed, position):
    """Top 24 bits of SplitMix64's finalizer as a number in [0, 1)."""
    x = (seed + (position + 1) * GOLDEN) & MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
    return ((x ^ (x >> 31)) >> 40) * 2.0 ** -24


def read_safetensors(data):
    """Tensors by name from the bytes of a safetensors file; F32, F16 and BF16."""
    if len(data) < 8:
        raise Refused("the artefact is truncated")
    size = int.from_bytes(data[:8], "little")
    if 8 + size > len(data):
        raise Refused("the artefact is truncated")
    header, body, out = json.loads(data[8:8 + size]), data[8 + size:], {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        if end > len(body):
            raise Refused("the artefact is truncated in tensor '%s'" % name)
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


class Policy:
    """A decoder and its tokenizer."""

    def __init__(self, directory):
        path = pathlib.Path(directory)
        self.config = json.loads((path / "config.json").read_text())
        family = self.config.get("architectures", ["?"])[0]
        if family not in FAMILIES:
            raise Refused("%s: architecture %s (expected one of %s)" % (path / "config.json", family, ", ".join(FAMILIES)))
        generation = path / "generation_config.json"
        ends = (json.loads(generation.read_text()) if generation.exists() else self.config).get("eos_token_id", [])
        self.ends = set(ends if isinstance(ends, list) else [ends])
        self.tokenizer_path = path / "tokenizer.json"
        self._tokenizer = None
        self.vocabulary, self.longest = self.config["vocab_size"], self.config["max_position_embeddings"]
        self.heads, self.kv_heads = self.config["num_attention_heads"], self.config["num_key_value_heads"]
        self.head_dim = self.config.get("head_dim") or self.config["hidden_size"] // self.heads
        rope = self.config.get("rope_parameters") or {}
        if rope.get("rope_type", "default") != "default" or self.config.get("rope_scaling"):
            raise Refused("rope_type %s is not supported (expected default)" % rope.get("rope_type"))
        theta = rope.get("rope_theta") or self.config.get("rope_theta", 1e4)
        self.frequencies = theta ** (-np.arange(0, self.head_dim, 2) / self.head_dim)
        self.load((path / "model.safetensors").read_bytes())

    def load(self, data):
        """Takes up weights; gives their digest."""
        self.weights = read_safetensors(data)
        return hashlib.sha256(data).hexdigest()

    @property
    def tokenizer(self):
        if self._tokenizer is None:
            from tokenizers import Tokenizer
            self._tokenizer = Tokenizer.from_file(str(self.tokenizer_path))
        return self._tokenizer

    def encode(self, text):
        return self.tokenizer.encode(text, add_special_tokens=False).ids

    def message(self, text, settings):
        """A user's message in the policy's chat template, rendered with transformers' settings of Jinja."""
        from jinja2.exceptions import TemplateError
        from jinja2.ext import loopcontrols
        from jinja2.sandbox import ImmutableSandboxedEnvironment
        directory = self.tokenizer_path.parent
        own, config = directory / "chat_template.jinja", directory / "tokenizer_config.json"
        config = json.loads(config.read_text()) if config.exists() else {}
        template = own.read_text() if own.exists() else config.get("chat_template")
        if isinstance(template, list):
            template = {t["name"]: t["template"] for t in template}.get("default")
        if not template:
            raise Refused("the policy has no chat template (chat_template.jinja, or chat_template in tokenizer_config.json)")

        def refuse(message):
            raise Refused("the chat template refuses the conversation: " + message)
        tokens = {k: v["content"] if isinstance(v, dict) else v for k, v in config.items() if k.endswith("_token") and v}
        environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols])
        environment.filters["tojson"] = lambda value, **more: json.dumps(value, ensure_ascii=False, **more)
        environment.globals["raise_exception"] = refuse
        environment.globals["strftime_now"] = lambda form: datetime.datetime.now().strftime(form)
        try:
            settings = json.loads(settings)
            before = [{"role": "system", "content": settings["system"]}] if settings.get("system") else []
            return environment.from_string(template).render(
                messages=before + [{"role": "user", "content": text}], add_generation_prompt=True,
                **{**tokens, **settings.get("options", {})})
        except (TemplateError, ValueError, AttributeError) as failure:
            raise Refused("chat: %s" % failure)

    def pieces(self):
        """The bytes of every token; byte-level vocabularies are translated back to bytes."""
        byte_level = '"ByteLevel"' in self.tokenizer_path.read_text()
        table = byte_table() if byte_level else {}
        out = []
        for i in range(self.vocabulary):
            text = self.tokenizer.id_to_token(i) or ""
            out.append(bytes(table[c] for c in text) if text and all(c in table for c in text) else text.encode())
        return out

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
        return self._norm(x[-1], "model.norm.weight") @ w.get("lm_head.weight", w["model.embed_tokens.weight"]).T

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


def byte_table():
    """GPT-2's printable stand-ins for bytes, the other way round."""
    plain = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    table, extra = {chr(b): b for b in plain}, 0
    for b in range(256):
        if b not in plain:
            table[chr(256 + extra)] = b
            extra += 1
    return table
