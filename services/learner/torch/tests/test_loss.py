"""The loss against the golden values of the Java twin, and the head against plain autograd."""
import json

import pytest
import torch

from conftest import ROOT
from foothold_torch import head
from foothold_torch.errors import Refused
from foothold_torch.rows import Slopes
from twin import Credited, Credits, Ratio, Rule, loss

GOLDEN = json.loads((ROOT / "services/core/src/test/resources/loss/golden.json").read_text())


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("number", range(len(GOLDEN["cases"])))
def test_golden(number, dtype):
    case = GOLDEN["cases"][number]
    names = ("clip_low", "clip_high", "dual_clip", "kl_coefficient", "entropy_coefficient", "shaping")
    rule = Rule(Ratio(case["ratio"]), *(case[name] for name in names))
    rows, log_probs, base, entropies, row, wanted = [], [], [], [], [], []
    for i, (given, credit) in enumerate(zip(GOLDEN["rows"], case["rows"], strict=True)):
        n = len(given["log_probs"])
        rows.append(Credited([0] * (n + 1), range(1, n + 1), (), given["behaviour_log_probs"], [credit["credit"]] * n,
                             [credit["weight"]] * n, credit["off_policy"]))
        log_probs += given["log_probs"]
        base += given["base_log_probs"]
        entropies += given["entropies"]
        row += [i] * n
        wanted += credit["by_log_prob"]
    lp = torch.tensor(log_probs, dtype=dtype, requires_grad=True)
    credits = Credits.of(rows, torch.tensor(row), dtype)
    credits.base = torch.tensor(base, dtype=dtype)
    value = loss(rule, lp, torch.tensor(entropies, dtype=dtype), credits)
    value.backward()
    wanted = torch.tensor(wanted, dtype=dtype)
    close = 1e-12 if dtype == torch.float64 else 1e-5
    torch.testing.assert_close(lp.grad, wanted, rtol=close, atol=close * wanted.abs().max().item())
    size = sum(abs(c) for r in case["rows"] for c in [r["credit"]]) + abs(case["loss"])
    assert value.item() == pytest.approx(case["loss"], rel=close, abs=close * size)


@pytest.mark.parametrize(("scale", "cap"), [(1.0, 0.0), (0.5, 0.0), (2.0, 3.0)])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("chunk", [1, 3, 100])
def test_head_is_a_log_softmax(scale, cap, bias, chunk):
    torch.manual_seed(1)
    h, w, b = torch.randn(7, 5, dtype=torch.float64), torch.randn(11, 5, dtype=torch.float64), torch.randn(11, dtype=torch.float64)
    label = torch.randint(0, 11, (7,))
    by_lp, by_entropy = torch.randn(2, 7, dtype=torch.float64)

    def plain(h, w, b):
        z = (h @ w.t() + (b if bias else 0)) * scale
        z = (cap * torch.tanh(z / cap) if cap else z) / 0.7
        lp = torch.log_softmax(z, -1)
        return lp.gather(1, label[:, None])[:, 0], -(lp.exp() * lp).sum(1)

    def ours(h, w, b):
        return head.log_probs(h, w, b if bias else None, label, head.Logits(scale, cap), 0.7, chunk=chunk)

    grads = []
    for function in (plain, ours):
        inputs = [t.clone().requires_grad_() for t in (h, w, b)]
        out = function(*inputs)
        (out[0] @ by_lp + out[1] @ by_entropy).backward()
        grads.append([*out, *(i.grad for i in inputs[: 2 + bias])])
        only = torch.autograd.grad(function(*inputs)[0] @ by_lp, inputs[0])
        grads[-1].append(*only)
    for a, b in zip(*grads, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize(("slopes", "says"), [
    (Slopes([1.0, 2.0]), "row 4: 2 and 0 slopes for 3 targets"), (Slopes([1.0] * 3, [0.0] * 2), "row 4: 3 and 2 slopes for 3 targets"),
    (Slopes([1.0, float("nan"), 0.0]), "row 4: a slope is nan"), (Slopes([1.0], [float("inf")]), "row 4: a slope is inf"),
])
def test_bad_slopes_are_refused(slopes, says):
    with pytest.raises(Refused, match=says):
        slopes.check(4, 3)
