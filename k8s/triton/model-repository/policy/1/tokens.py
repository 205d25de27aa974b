"""What a Hugging Face directory says beside its weights: limits, end tokens, the tokenizer and the chat template."""
import collections
import datetime
import hashlib
import json
import pathlib
import re

Settings = collections.namedtuple("Settings", "weight_change adapters")
"""weight_change: what becomes of sequences under way when the weights change. "recompute": what they hold is computed anew with the new
weights; "keep": they go on with the keys of the weights that drew them. adapters: "merged": a publication is the merged weights;
"adapter": it is the adapters, on the weights that the server was started with."""

Publication = collections.namedtuple("Publication", "path version digest adapter")
"""path: the artefact, merged weights; adapter: directory in PEFT's layout; each None where the other is taken up."""

POSITIONS = ("max_position_embeddings", "n_positions", "n_ctx", "max_sequence_length", "max_seq_len", "max_seq_length", "seq_length")
UNBOUNDED = 1 << 30  # positions of a model whose attention needs no table of them
FALLBACK = re.compile("<0x[0-9A-Fa-f]{2}>")


class Refused(Exception):
    """What the caller asked for cannot be done; the text goes to it. The server itself is well: `last_error` does not tell of it.
    Code UNAVAILABLE: the same request can succeed later."""

    def __init__(self, text, code="INVALID_ARG"):
        super().__init__(text)
        self.code = code


def text_of(name, value):
    """The text of a BYTES value."""
    try:
        return value.decode("utf-8") if isinstance(value, bytes) else str(value)
    except UnicodeDecodeError as failure:
        raise Refused("input '%s' is no UTF-8: %s" % (name, failure)) from failure


def safetensors_header(data):
    """The header of a safetensors file and its body; a file that is cut anywhere is refused."""
    size = int.from_bytes(data[:8], "little")
    if len(data) < 8 or 8 + size > len(data):
        raise Refused("the artefact is truncated")
    try:
        header, body = json.loads(bytes(data[8:8 + size])), data[8 + size:]
    except ValueError as failure:
        raise Refused("the artefact has no readable header") from failure
    header.pop("__metadata__", None)
    for name, entry in header.items():
        if entry["data_offsets"][1] > len(body):
            raise Refused("the artefact is truncated in tensor '%s'" % name)
    return header, body


def tensor_shapes(directory):
    """Shapes by name of all tensors of a Hugging Face directory; reads the headers alone."""
    out = {}
    for file in sorted(directory.glob("*.safetensors")):
        with file.open("rb") as stream:
            header = json.loads(stream.read(int.from_bytes(stream.read(8), "little")))
        header.pop("__metadata__", None)
        out.update({name: entry["shape"] for name, entry in header.items()})
    return out


def policy_directory(base, weights, out):
    """Fills an empty directory with links: all that a policy's directory has, with other weights in the place of its own."""
    for file in base.iterdir():
        if file.suffix != ".safetensors" and file.name != "model.safetensors.index.json":
            (out / file.name).symlink_to(file.resolve())
    (out / "model.safetensors").symlink_to(weights.resolve())


class Directory:
    """Configuration and tokenizer of a policy."""

    def __init__(self, directory):
        path = pathlib.Path(directory)
        self.path = path
        self.config = json.loads((path / "config.json").read_text(encoding="utf-8"))
        self.vocabulary = self.setting("vocab_size")
        if not isinstance(self.vocabulary, int):
            raise Refused("%s: vocab_size = %r (expected the number of token ids)" % (path / "config.json", self.vocabulary))
        generation = path / "generation_config.json"
        generation = json.loads(generation.read_text(encoding="utf-8")) if generation.exists() else {}
        ends = generation.get("eos_token_id")
        ends = self.setting("eos_token_id") if ends is None else ends
        if ends is None:
            raise Refused("%s: eos_token_id is neither here nor in generation_config.json: no response would end" % (path / "config.json"))
        self.ends = set(ends if isinstance(ends, list) else [ends])
        self.longest = self.setting(*POSITIONS) or UNBOUNDED
        self.tokenizer_path = path / "tokenizer.json"
        self._tokenizer = None

    def setting(self, *names):
        """A setting of the language model under the first of these names that is there; models of several kinds of input nest theirs."""
        for config in (self.config, self.config.get("text_config") or {}):
            for name in names:
                if config.get(name) is not None:
                    return config[name]
        return None

    def digest(self):
        """SHA-256 of the weights' file; of shards, of all of them in the order of their names."""
        single = self.path / "model.safetensors"
        digest = hashlib.sha256()
        for file in [single] if single.exists() else sorted(self.path.glob("*.safetensors")):
            with file.open("rb") as stream:
                while block := stream.read(1 << 22):
                    digest.update(block)
        return digest.hexdigest()

    @property
    def tokenizer(self):
        if self._tokenizer is None:
            from tokenizers import Tokenizer
            if not self.tokenizer_path.exists():
                raise Refused("%s is missing: AutoTokenizer.from_pretrained(DIR).save_pretrained(DIR) of transformers makes it of other formats" % self.tokenizer_path)
            self._tokenizer = Tokenizer.from_file(str(self.tokenizer_path))
            self._tokenizer.no_truncation()
            self._tokenizer.no_padding()
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
        config = json.loads(config.read_text(encoding="utf-8")) if config.exists() else {}
        template = own.read_text(encoding="utf-8") if own.exists() else config.get("chat_template")
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
            for turn in settings.get("turns", []):
                before += [{"role": role, "content": turn[role]} for role in ("user", "assistant")]
            # What stands behind the separator opens the answer: the prompt of the conversation comes before it as it is.
            separator = settings.get("answer_separator", "")
            asked, answer = text.split(separator, 1) if separator and separator in text else (text, "")
            return environment.from_string(template).render(
                messages=before + [{"role": "user", "content": asked}], add_generation_prompt=True,
                **{**tokens, **settings.get("options", {})}) + answer
        except Refused:
            raise
        except TemplateError as failure:
            raise Refused("chat: %s" % failure) from failure
        except Exception as failure:  # the template is the policy's, its options are the caller's: neither is the server's failure
            raise Refused("chat: %s: %s" % (type(failure).__name__, failure)) from failure

    def pieces(self):
        """The bytes of every token: the text of a response is theirs one behind the other."""
        tokenizer = self.tokenizer
        form = json.loads(self.tokenizer_path.read_text(encoding="utf-8"))
        spelt = spelling(self.tokenizer_path, form.get("decoder"))
        own = set(tokenizer.get_vocab(with_added_tokens=False))
        out = []
        for i in range(self.vocabulary):
            text = tokenizer.id_to_token(i) or ""
            out.append(spelt(text, text in own))
        return out


def spelling(where, decoder):
    """How a tokenizer's decoder turns a token into bytes: a function of the token and whether it is of the model's own vocabulary, and not
    only an added one. Refused where a token's bytes hang on its neighbours. `Strip` of a space at the beginning of a text is passed over: a
    response goes on from a prompt and is no beginning. The policy server (PieceDecoder) reads the same."""
    steps = [] if decoder is None else decoder["decoders"] if decoder.get("type") == "Sequence" else [decoder]
    replacements, byte_level, fallback, fused, known = [], False, False, False, bool(steps)
    for step in steps:
        kind, pattern = step.get("type"), step.get("pattern")
        if kind == "ByteLevel":
            byte_level = True
        elif kind == "ByteFallback":
            fallback, known = True, known and not fused
        elif kind == "Fuse":
            fused = True
        elif kind == "Metaspace":
            replacements.append((step.get("replacement", "\u2581"), " "))
            known &= not fused
        elif kind == "Replace" and isinstance(pattern, dict) and "String" in pattern:
            replacements.append((pattern["String"], step["content"]))
            known &= not fused
        elif kind != "Strip" or step.get("content") != " " or step.get("stop"):
            known = False
    if not known or (byte_level and (fallback or replacements)):
        raise Refused("%s: decoder = %s is not supported (expected ByteLevel, or Replace, ByteFallback, Fuse, Strip of a space and Metaspace)" % (
            where, json.dumps(decoder)))
    table = byte_table() if byte_level else {}

    def bytes_of(text, own):
        if byte_level:
            return bytes(table[c] for c in text) if own and all(c in table for c in text) else text.encode()
        if fallback and FALLBACK.fullmatch(text):
            return bytes([int(text[3:5], 16)])
        for one, other in replacements:
            text = text.replace(one, other)
        return text.encode()
    return bytes_of


def byte_table():
    """GPT-2's printable stand-ins for bytes, the other way round."""
    plain = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    table, extra = {chr(b): b for b in plain}, 0
    for b in range(256):
        if b not in plain:
            table[chr(256 + extra)] = b
            extra += 1
    return table
