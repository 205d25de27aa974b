"""Traces the script on libtorch's meta device: tensors of a shape and a type and without numbers. What is made in one place and used in
another is refused there as it is on a GPU. Weights lie there, what Java makes for a call in host memory, as with a GPU; a method has come to
its end when it brings its first result back, which has no numbers.

    trace.py DIRECTORY

Of each model NAME there are NAME.pt, the script, and NAME.json: shapes of weights, heads, width of a head, exact."""
import json
import pathlib
import sys
import warnings

import torch

warnings.filterwarnings("ignore", category=FutureWarning)
META = torch.device("meta")
TOKENS, ROWS, STEPS, LENGTH, PAGE, TEMPERATURE = 8, 8, 2, 16, 8, 0.7


def numbers(*shape, dtype=torch.float32):
    """A tensor that lies nowhere."""
    return torch.empty(shape, dtype=dtype, device=META)


def floats(*shape):
    """What Java makes for a call."""
    return torch.ones(shape)


def integers(*shape):
    """The same of int64."""
    return torch.zeros(shape, dtype=torch.int64)


def batch(query, key, before):
    """Arguments of a packed batch."""
    return integers(TOKENS), integers(TOKENS), query, key, before, integers(TOKENS), integers(3), integers(3)


def comes_to_its_end(method, *arguments):
    """Checks that a method fails where it returns, and there alone."""
    try:
        method(*arguments)
    except RuntimeError as e:
        said = str(e)
        assert "Cannot copy out of meta tensor" in said, said
        failing = [line for line in said.splitlines() if ".cpu()" in line or ".to(torch.device(" in line]
        assert failing and failing[0].lstrip().startswith("return ("), said
        return
    raise AssertionError("nothing was brought back")


def train(script, weights):
    """Every method that scores or trains, in float32 always."""
    # Two spans in a block; and two blocks, where the script reads what each begins with: from host memory, as all that it reads.
    whole = batch([integers(2, 4)], [integers(2, 4)], [integers(2)])
    cut = batch([integers(1, 4)] * 2, [integers(1, 4), integers(1, 6)], [torch.tensor([0]), torch.tensor([2])])
    nothing, order = [numbers(0)], torch.zeros(0, dtype=torch.int64)
    for packed in (whole, cut):
        comes_to_its_end(script.score, weights, *packed, TEMPERATURE)
        comes_to_its_end(script.score_lean, weights, nothing, False, order, 1.0, *packed, TEMPERATURE)
    gradients = [torch.empty_like(w) for w in weights]
    trained = [w.requires_grad_() for w in weights]
    signal = [floats(3), floats(3), floats(3), floats(3), integers(3), floats(3), integers(3)]
    for ratio in range(3):
        rule = torch.tensor([ratio, 0.2, 0.3, 3.0, 0.1, 0.05, TEMPERATURE, 2.0, 0.1, 1.0])
        comes_to_its_end(script.accumulate, trained, gradients, *whole, *signal, rule)
        comes_to_its_end(script.accumulate_lean, trained, gradients, *cut, *signal, rule)


def trace(script, shapes, exact, kv_heads, head_dim):
    """Every method that computes."""
    weights = [numbers(*shape) for shape in shapes]
    if not script.half:
        train(script, weights)
    with torch.no_grad():
        folded = script.fold(weights)
        form = (LENGTH // PAGE, head_dim, PAGE)
        dtype = torch.float64 if exact else torch.bfloat16 if script.half else torch.float32
        layers = range(script.layers)
        values = [numbers(ROWS * kv_heads, LENGTH, head_dim, dtype=dtype) for _ in layers]
        keys = [numbers(ROWS * kv_heads, *form) if script.paged else torch.empty_like(v) for v in values]
        # As Java folds them: the head stays float32, and so does what is no matrix.
        if script.half:
            folded = [f.to(torch.bfloat16) if f.dim() == 2 and i != 1 and i % 6 != 3 else f for i, f in enumerate(folded)]
        assert script.prefill(folded, keys, values, integers(2, 3), integers(2), integers(2)) == 2
        script.move(keys, values, integers(1), integers(1), 3)
        blocks = torch.tensor([[4, 8], [ROWS, 12]])
        state, noise = integers(ROWS, 3 + STEPS), floats(ROWS, 2 + STEPS)
        for restricted, plain in ((True, False), (False, True)):
            call = folded, keys, values, state, noise, STEPS, blocks, integers(1), integers(ROWS, 1), restricted, plain
            comes_to_its_end(script.decode, *call)


for file in sorted(pathlib.Path(sys.argv[1]).glob("*.pt")):
    about = json.loads(file.with_suffix(".json").read_text())
    trace(torch.jit.load(file), **about)
    print(file.stem, "traced")
