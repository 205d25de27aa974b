"""Makes families.json: small tokenizers built as those of other families of models are, and what Hugging Face's library says of texts under
each. Read by TokenizerFamiliesTest and, for the pieces that Triton's model gives out, by k8s/triton/engines_test.py. Needs tokenizers:
python families.py

A text is decoded as the continuation of another one ("a"), as a response goes on from its prompt: what a decoder strips at the beginning
of a whole text is not part of it."""
import json
import pathlib

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

here = pathlib.Path(__file__).parent
TEXTS = ["", "a", " a", "  two  spaces", "The answer is 42.", " naïve café, e\u0301t\u0065\u0301", "Straße groß – √2 ≈ 1.414…", "数学の問題を解いてください。", "한국어 שלום مرحبا",
         "😀👩\u200d🔬 ok", "line one\nline two\n\nline four\r\n\ttab", "def f(x):\n    return {x: [1, 2]}  # ▁ not a space\n", "\\frac{1}{2} $x^2$", "<s>[INST] hi [/INST] ok</s>",
         "<|user|>\nWhat is 17 + 26?<|end|>\n<|assistant|>\n", "trailing space ", "\n", "   ", "\u00a0\u200b\ufeff", "<0x0A> spelt out", "\U0001d54f ﬁ İ"]
MORE = ["the quick brown fox jumps over the lazy dog", "answer = 17 + 26 = 43;", "return x + y", "größer als", "    if a == b:\n        pass\n"]
BYTES = ["<0x%02X>" % b for b in range(256)]
GPT4 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
SPACE = "\u2581"


def byte_level(pre, special, normalizer=None, spaces=0):
    out = Tokenizer(models.BPE())
    if normalizer:
        out.normalizer = normalizer
    out.pre_tokenizer, out.decoder = pre, decoders.ByteLevel()
    out.train_from_iterator(TEXTS + MORE, trainers.BpeTrainer(vocab_size=420, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    out.add_special_tokens(special)
    out.add_tokens([AddedToken(" " * n, normalized=False) for n in range(spaces, 1, -1)])
    return out


def fallback(normalizer, pre, decoder, special, added=()):
    """Metaspace for blanks, bytes for what the vocabulary does not have."""
    out = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    if normalizer:
        out.normalizer = normalizer
    if pre:
        out.pre_tokenizer = pre
    out.decoder = decoder
    # Letters beyond ASCII are not of the alphabet, so that they are spelt in bytes; neither is the line's end.
    ascii_only = ["".join(c for c in text if " " <= c <= "~") for text in TEXTS + MORE]
    out.train_from_iterator(ascii_only, trainers.BpeTrainer(vocab_size=520, special_tokens=special + BYTES, show_progress=False))
    form = json.loads(out.to_str())
    form["added_tokens"] = [token for token in form["added_tokens"] if token["content"] in special]
    form["model"]["byte_fallback"] = True
    out = Tokenizer.from_str(json.dumps(form))
    out.add_tokens([AddedToken(text, normalized=False) for text in added])
    return out


def pieces(strip=None):
    steps = [decoders.Replace(SPACE, " "), decoders.ByteFallback(), decoders.Fuse()]
    return decoders.Sequence(steps + ([decoders.Strip(" ", 1, 0)] if strip else []))


def unigram(special):
    """Pieces with scores instead of merges; what no piece spells becomes the unknown one."""
    out = Tokenizer(models.Unigram())
    out.normalizer = normalizers.NFKC()
    out.pre_tokenizer, out.decoder = pre_tokenizers.Metaspace(SPACE, "always"), decoders.Metaspace(SPACE, "always")
    out.train_from_iterator(TEXTS + MORE, trainers.UnigramTrainer(vocab_size=300, special_tokens=special, unk_token="<unk>", show_progress=False))
    return out


FAMILIES = {
    "gpt-neox": byte_level(pre_tokenizers.ByteLevel(add_prefix_space=False), ["<|endoftext|>", "<|padding|>"], normalizers.NFC(), spaces=6),
    "olmo2": byte_level(pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(GPT4), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]),
                        ["<|endoftext|>", "<|user|>", "<|assistant|>", "<|end|>"]),
    "starcoder2": byte_level(pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]),
                             ["<|endoftext|>", "<fim_prefix>"]),
    "gemma": fallback(normalizers.Replace(" ", SPACE), pre_tokenizers.Split(" ", "merged_with_previous"), pieces(), ["<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>"],
                      [SPACE * 2, SPACE * 3, "\n", "\n\n", "<b>"]),
    "phi3": fallback(normalizers.Sequence([normalizers.Prepend(SPACE), normalizers.Replace(" ", SPACE)]), None, pieces(strip=True),
                     ["<unk>", "<s>", "</s>", "<|user|>", "<|assistant|>", "<|end|>"]),
    "mistral": fallback(None, pre_tokenizers.Metaspace(SPACE, "first", False), pieces(strip=True), ["<unk>", "<s>", "</s>", "[INST]", "[/INST]"]),
    "xglm": unigram(["<s>", "<pad>", "</s>", "<unk>"]),
}


def said(tokenizer):
    anchor = tokenizer.encode("a", add_special_tokens=False).ids
    before = tokenizer.decode(anchor, skip_special_tokens=False)
    for text in TEXTS:
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        whole = tokenizer.decode(anchor + ids, skip_special_tokens=False)
        assert whole.startswith(before), (text, whole)
        yield {"text": text, "ids": ids, "decoded": whole[len(before):]}


(here / "families.json").write_text(json.dumps(
    [{"family": name, "tokenizer": json.loads(t.to_str()), "vocabulary": t.get_vocab_size(), "cases": list(said(t))} for name, t in FAMILIES.items()],
    separators=(",", ":")) + "\n")
