"""Traces the script on libtorch's meta device: tensors of a shape and a type and without numbers. What is made in one place and used in
another is refused there as it is on a GPU.

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


def integers(*shape):
    """The same of int64."""
    return numbers(*shape, dtype=torch.int64)


def batch(query, key, before):
    """Arguments of a packed batch."""
    return integers(TOKENS), integers(TOKENS), query, key, before, integers(TOKENS), integers(3), integers(3)


def there(found):
    """Checks that results lie where the weights do."""
    assert all(t.device == META for t in found), [t.device for t in found]


def trace(script, shapes, exact, kv_heads, head_dim):
    """Every method that computes."""
    weights = [numbers(*shape) for shape in shapes]
    # Two spans in a block; and two blocks, where the script reads what each begins with: from host memory, as all that it reads.
    whole = batch([integers(2, 4)], [integers(2, 4)], [integers(2)])
    cut = batch([integers(1, 4)] * 2, [integers(1, 4), integers(1, 6)], [torch.tensor([0]), torch.tensor([2])])
    nothing, order = [numbers(0)], torch.zeros(0, dtype=torch.int64)
    for packed in (whole, cut):
        there(script.score(weights, *packed, TEMPERATURE))
        there(script.score_lean(weights, nothing, False, order, 1.0, *packed, TEMPERATURE))
    gradients = [torch.empty_like(w) for w in weights]
    trained = [w.requires_grad_() for w in weights]
    signal = [numbers(3), numbers(3), numbers(3), numbers(3), integers(3), numbers(3), integers(3)]
    for ratio in range(3):
        rule = torch.tensor([ratio, 0.2, 0.3, 3.0, 0.1, 0.05, TEMPERATURE, 2.0, 0.1, 1.0])
        there(script.accumulate(trained, gradients, *whole, *signal, rule))
        there(script.accumulate_lean(trained, gradients, *cut, *signal, rule))
    with torch.no_grad():
        folded = script.fold(weights)
        form = (LENGTH // PAGE, head_dim, PAGE)
        dtype = torch.float64 if exact else torch.float32
        layers = range(script.layers)
        values = [numbers(ROWS * kv_heads, LENGTH, head_dim, dtype=dtype) for _ in layers]
        keys = [torch.empty_like(v) if exact else numbers(ROWS * kv_heads, *form) for v in values]
        assert script.prefill(folded, keys, values, integers(2, 3), integers(2), integers(2)) == 2
        script.move(keys, values, integers(1), integers(1), 3)
        blocks = torch.tensor([[4, 8], [ROWS, 12]])
        state, noise = integers(ROWS, 3 + STEPS), numbers(ROWS, 2 + STEPS)
        there(script.decode(folded, keys, values, state, noise, STEPS, blocks, integers(1), integers(ROWS, 1), True, False))


for file in sorted(pathlib.Path(sys.argv[1]).glob("*.pt")):
    about = json.loads(file.with_suffix(".json").read_text())
    trace(torch.jit.load(file, map_location=META), **about)
    print(file.stem, "traced")
