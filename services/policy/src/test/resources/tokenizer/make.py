"""Makes the byte-level BPE tokenizer of TokenizerTest and expected.json: digests of what Hugging Face's library gives to 10,000 strings
that a generator of a few lines makes, the same here and in the test. Needs tokenizers: python make.py"""
import hashlib
import json
import pathlib

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

here = pathlib.Path(__file__).parent
PIECES = ["the ", "sum", " of", " x", "Prime", "'s", "’ll", " naïve", "é", "e\u0301", "Straße", "数学", "の", "한국", "שלום", "مرحبا", "😀", "👩\u200d🔬",
          "\u00a0", "\t", "\n", "\r\n", "  ", "0", "42", "3.14", "\\frac{1}{2}", "$", "<|im_start|>", "<|im_end|>", "<think>", "</think>", "<|", "|>",
          "\u0000", "\ufeff", "\u200b", "\U0001d54f", "ﬁ", "İ", "ǅ", "!!!", "…", "_"]


def strings(count, state=20260119):
    for _ in range(count):
        out = []
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        for _ in range((state >> 33) % 24):
            state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
            draw = state >> 33
            if draw % 4:
                out.append(PIECES[(draw >> 2) % len(PIECES)])
            else:
                point = (draw >> 2) % 0x3000
                out.append(chr(point) if not 0xD800 <= point < 0xE000 else "?")
        yield "".join(out)


tokenizer = Tokenizer(models.BPE())
tokenizer.normalizer = normalizers.NFC()
tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
    pre_tokenizers.Split(Regex(r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"), "isolated"),
    pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
tokenizer.decoder = decoders.ByteLevel()
tokenizer.train_from_iterator(strings(3000, 7), trainers.BpeTrainer(vocab_size=600, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
tokenizer.add_special_tokens([AddedToken("<|im_start|>", special=True), AddedToken("<|im_end|>", special=True)])
tokenizer.add_tokens([AddedToken("<think>", normalized=False), AddedToken("</think>", normalized=False)])
tokenizer.save(str(here / "tokenizer.json"), pretty=False)
ids, texts = hashlib.sha256(), hashlib.sha256()
for text in strings(10_000):
    found = tokenizer.encode(text, add_special_tokens=False).ids
    ids.update((" ".join(map(str, found)) + "\n").encode())
    texts.update((tokenizer.decode(found, skip_special_tokens=False) + "\n").encode())
(here / "expected.json").write_text(json.dumps({"vocabulary": tokenizer.get_vocab_size(), "ids": ids.hexdigest(), "texts": texts.hexdigest(),
                                                "pieces": PIECES}, ensure_ascii=True) + "\n")
