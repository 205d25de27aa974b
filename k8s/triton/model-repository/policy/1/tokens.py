"""What a Hugging Face directory says beside its weights: limits, end tokens, the tokenizer and the chat template."""
import datetime
import json
import pathlib


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
        raise Refused("input '%s' is no UTF-8: %s" % (name, failure))


def safetensors_header(data):
    """The header of a safetensors file and its body; a file that is cut anywhere is refused."""
    size = int.from_bytes(data[:8], "little")
    if len(data) < 8 or 8 + size > len(data):
        raise Refused("the artefact is truncated")
    try:
        header, body = json.loads(bytes(data[8:8 + size])), data[8 + size:]
    except ValueError:
        raise Refused("the artefact has no readable header")
    header.pop("__metadata__", None)
    for name, entry in header.items():
        if entry["data_offsets"][1] > len(body):
            raise Refused("the artefact is truncated in tensor '%s'" % name)
    return header, body


class Directory:
    """Configuration and tokenizer of a policy."""

    def __init__(self, directory):
        path = pathlib.Path(directory)
        self.path = path
        self.config = json.loads((path / "config.json").read_text(encoding="utf-8"))
        generation = path / "generation_config.json"
        ends = (json.loads(generation.read_text(encoding="utf-8")) if generation.exists() else self.config).get("eos_token_id", [])
        self.ends = set(ends if isinstance(ends, list) else [ends])
        self.vocabulary, self.longest = self.config["vocab_size"], self.config["max_position_embeddings"]
        self.tokenizer_path = path / "tokenizer.json"
        self._tokenizer = None

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
            raise Refused("chat: %s" % failure)
        except Exception as failure:  # the template is the policy's, its options are the caller's: neither is the server's failure
            raise Refused("chat: %s: %s" % (type(failure).__name__, failure))

    def pieces(self):
        """The bytes of every token; byte-level vocabularies are translated back to bytes."""
        byte_level = '"ByteLevel"' in self.tokenizer_path.read_text(encoding="utf-8")
        table = byte_table() if byte_level else {}
        out = []
        for i in range(self.vocabulary):
            text = self.tokenizer.id_to_token(i) or ""
            out.append(bytes(table[c] for c in text) if text and all(c in table for c in text) else text.encode())
        return out


def byte_table():
    """GPT-2's printable stand-ins for bytes, the other way round."""
    plain = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    table, extra = {chr(b): b for b in plain}, 0
    for b in range(256):
        if b not in plain:
            table[chr(256 + extra)] = b
            extra += 1
    return table
