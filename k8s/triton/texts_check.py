"""Asks a server with the policy of tiny.py for texts beyond ASCII: texts_check.py HOST:PORT. What is encoded in the chat template must be the
bytes that the vocabulary gives back."""
import sys

from ask import Server

QUESTION = "Wie groß ist √2·π? 数学"
WANTED = "<|im_start|>user – größer als π\n%s<|im_end|>\n<|im_start|>assistant\n" % QUESTION


def check(server):
    pieces = server.ask(op="vocabulary").as_numpy("pieces").tolist()
    ids = server.ask(op="tokenize", text=[QUESTION], chat="{}").as_numpy("ids").tolist()
    got = b"".join(pieces[i] for i in ids).decode("utf-8")
    assert got == WANTED, "expected %r, got %r" % (WANTED, got)


if __name__ == "__main__":
    with Server(sys.argv[1]) as server:
        check(server)
    print("texts beyond ASCII pass tokenizer, chat template and vocabulary")
