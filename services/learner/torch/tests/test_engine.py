"""One process: any architecture, losses, adapters, optimizer, files."""
import dataclasses
import functools
import json

import pytest
import torch
import transformers
from safetensors.torch import load_file

from conftest import FAMILIES, ROOT, example_rows, make_model
from foothold_torch import engine as engines
from foothold_torch.engine import Engine, Opening, Place
from foothold_torch.errors import NotReady, Refused
from foothold_torch.rows import AdamW, Lora, Slopes
from twin import Credited, Ratio, Rule, accumulate

DTYPE = {"mixtral": "float32"}
"""Experts are multiplied in float32 at most; all others in float64, but for their norms, which transformers computes in float32."""
LORA = Lora(4, 8.0, ("q_proj", "v_proj", "down_proj"), seed=5)


def opened(directory, **more):
    engine = Engine(Place())
    engine.open(Opening(directory, **more))
    return engine


def same_gradients(one, other):
    """Sums of float32 terms in two orders: they differ by a rounding of their terms, so in units of the largest entry, not of each."""
    for name, value in one.items():
        torch.testing.assert_close(other[name], value, rtol=1e-4, atol=1e-5 * value.abs().max().item())


def own(model, row, temperature=1.0):
    """Log-probs and entropies of a row's targets by transformers' own classes, with gradients."""
    logits = model(torch.tensor([list(row.inputs)]), use_cache=False).logits[0, [t - 1 for t in row.targets]] / temperature
    lp = torch.log_softmax(logits, -1)
    return lp.gather(1, torch.tensor(list(row.predicted))[:, None])[:, 0], -(lp.exp() * lp).sum(1)


@pytest.mark.parametrize("family", FAMILIES)
def test_scores_are_those_of_each_row_alone(models, family):
    directory, rows = models(family), example_rows()
    dtype = DTYPE.get(family, "float64")
    engine = opened(directory, dtype=dtype, tokens=150)
    assert engine.status()["attention"] == ("rows" if family in ("bloom", "mamba", "mpt") else "packed")
    model = transformers.AutoModelForCausalLM.from_pretrained(directory, dtype=engines.DTYPES[dtype])
    scores = engine.score(rows, 0.8)
    seen = accumulate(engine, rows, Rule(shaping=0.1), 0.8).scores
    for row, score, again in zip(rows, scores, seen, strict=True):
        lp, entropy = own(model, row, 0.8)
        assert score.log_probs == pytest.approx(lp.tolist(), abs=2e-6)
        assert score.entropies == pytest.approx(entropy.tolist(), abs=2e-6)
        assert again.log_probs == pytest.approx(score.log_probs, abs=2e-6)
        assert again.entropies == pytest.approx(score.entropies, abs=2e-6)


@pytest.mark.parametrize("family", FAMILIES)
def test_gradients_are_those_of_autograd(models, family):
    directory = models(family)
    rows = [dataclasses.replace(r, off_policy=False) for r in example_rows()]
    rule = Rule(Ratio.TOKEN, 0.5, 2.0, 3.0, 0.1, 0.01)
    dtype = DTYPE.get(family, "float64")
    engine = opened(directory, dtype=dtype, tokens=150, keep_base=True)
    with torch.no_grad():
        for p in engine.policy.trained().values():
            p.mul_(1.01)
    answer = accumulate(engine, rows, rule, 0.8)
    wide = engines.DTYPES[dtype]
    model, base = (transformers.AutoModelForCausalLM.from_pretrained(directory, dtype=wide) for _ in range(2))
    with torch.no_grad():
        for p in model.parameters():
            p.mul_(1.01)
    total = 0
    for row in rows:
        lp, entropy = own(model, row, 0.8)
        with torch.no_grad():
            ref = own(base, row, 0.8)[0]
        ratio = torch.exp(lp - torch.tensor(row.behaviour, dtype=wide))
        c, w = (torch.tensor(v, dtype=wide) for v in (row.credit, row.weight))
        o = torch.minimum(ratio * c, ratio.clamp(0.5, 3.0) * c)
        o = torch.where(c < 0, torch.maximum(o, 3 * c), o)
        d = ref - lp
        total = total - o.sum() + 0.1 * (w * (d.exp() - d - 1)).sum() - 0.01 * (w * entropy).sum()
    total.backward()
    assert answer.loss == pytest.approx(total.item(), rel=1e-5)
    wanted = dict(model.named_parameters())
    found = engine.policy.trained()
    assert set(found) == set(wanted)
    for name, parameter in found.items():
        expected = wanted[name].grad
        assert (parameter.grad - expected).norm() <= 1e-5 * expected.norm(), name


def test_checkpointing_and_micro_batches_change_nothing(models):
    rows, grads = example_rows(), []
    for more in ({}, {"checkpointing": True}, {"tokens": 30}, {"attention": "eager"}):
        engine = opened(models("qwen3"), **more)
        accumulate(engine, rows, Rule(shaping=0.1), 1.0)
        grads.append({n: p.grad for n, p in engine.policy.trained().items()})
    for other in grads[1:]:
        same_gradients(grads[0], other)


@pytest.mark.parametrize(("name", "aggregation", "ratio", "kl"), [
    ("grpo", "sequence", "token", 0.0), ("bnpo", "token", "token", 0.0), ("dapo", "token", "token", 0.0),
    ("dr_grpo", "constant", "token", 0.0), ("gspo", "sequence", "sequence", 0.0), ("grpo_kl", "sequence", "token", 0.3)])
def test_ten_steps_are_those_of_trl(name, aggregation, ratio, kl):
    """The fixtures that the djl backend is held against too: loss, gradient norm and parameters of TRL's trainer."""
    directory = ROOT / "services/policy/src/test/resources/trl"
    batch = json.loads((directory / "batch.json").read_text())
    lengths = [len(c) for c in batch["completions"]]
    rows = []
    columns = (batch[k] for k in ("prompts", "completions", "behaviour", "advantages"))
    for prompt, sampled, behaviour, advantage in zip(*columns, strict=True):
        n = len(sampled)
        divisor = {"token": sum(lengths), "sequence": len(lengths) * n, "constant": len(lengths) * batch["constant"]}
        weight = 1 / divisor[aggregation]
        rows.append(Credited(prompt + sampled, range(len(prompt), len(prompt) + n), (), behaviour, [weight * advantage] * n, [weight] * n))
    engine = opened(directory / "first", keep_base=True)
    rule = Rule(Ratio(ratio), batch["clip_low"], batch["clip_high"], 0.0, kl)
    first = load_file(directory / "first" / "model.safetensors")
    for step in range(10):
        answer = accumulate(engine, rows, rule, 1.0)
        stepped = engine.step(AdamW(batch["learning_rate"], 0.9, 0.95, 1e-8, 0.01, 1.0))
        assert answer.loss == pytest.approx(batch["expected"][name]["loss"][step], rel=1e-5, abs=1e-6)
        assert stepped.norm == pytest.approx(batch["expected"][name]["norm"][step], rel=1e-5)
        assert not stepped.skipped
        assert stepped.steps == step + 1
        if step in (0, 9):
            theirs = load_file(directory / f"{name}-{step + 1}.safetensors")
            moved = difference = 0.0
            for key, p in engine.policy.trained().items():
                difference += (p.detach() - theirs[key]).square().sum().item()
                moved += (theirs[key] - first[key]).square().sum().item()
            assert (difference / moved) ** 0.5 < (1e-3 if step == 0 else 1e-2)


def test_adapters_are_those_of_peft(models, tmp_path):
    from peft import PeftModel

    rows = example_rows()
    engine = opened(models("qwen3"), lora=LORA, keep_base=True)
    before = engine.score(rows, 1.0)
    assert before == engine.score(rows, 1.0, base=True)
    for _ in range(3):
        accumulate(engine, rows, Rule(Ratio.NONE, kl_coefficient=0.1, shaping=0.1), 1.0)
        engine.step(AdamW(1e-2, clip_norm=1.0))
    after = engine.score(rows, 1.0)
    assert engine.score(rows, 1.0, base=True) == before
    (tmp_path / "adapter").mkdir()
    size = engine.export_adapter(tmp_path / "adapter")
    assert size == sum(f.stat().st_size for f in (tmp_path / "adapter").iterdir())
    theirs = PeftModel.from_pretrained(transformers.AutoModelForCausalLM.from_pretrained(models("qwen3")), tmp_path / "adapter")
    merged = models("qwen3").parent / "merged"
    merged.mkdir(exist_ok=True)
    (merged / "config.json").write_text((models("qwen3") / "config.json").read_text())
    (merged / "model.safetensors").unlink(missing_ok=True)
    assert engine.export(merged / "model.safetensors") == (merged / "model.safetensors").stat().st_size
    assert set(load_file(merged / "model.safetensors")) == set(load_file(models("qwen3") / "model.safetensors"))
    again = opened(merged).score(rows, 1.0)
    for row, mine, other, old in zip(rows, after, again, before, strict=True):
        assert own(theirs, row)[0].tolist() == pytest.approx(mine.log_probs, abs=1e-5)
        assert other.log_probs == pytest.approx(mine.log_probs, abs=1e-5)
        assert mine.log_probs != pytest.approx(old.log_probs, abs=1e-3)
    # A run that begins with them, and one that begins with them merged in.
    begun = opened(models("qwen3"), lora=LORA, adapter=tmp_path / "adapter", keep_base=True)
    full = opened(models("qwen3"), adapter=tmp_path / "adapter")
    for score in (begun.score(rows, 1.0), begun.score(rows, 1.0, base=True), full.score(rows, 1.0)):
        for mine, other in zip(after, score, strict=True):
            assert other.log_probs == pytest.approx(mine.log_probs, abs=1e-5)
    assert full.status()["trained_parameters"] == full.status()["parameters"]


@pytest.mark.parametrize("stabilised", [False, True])
def test_fresh_adapters_change_nothing_and_have_the_seeds_values(models, stabilised):
    lora = dataclasses.replace(LORA, rank_stabilised=stabilised)
    one, same, other = (opened(models("llama"), lora=dataclasses.replace(lora, seed=s)) for s in (5, 5, 6))
    for name, p in one.policy.trained().items():
        assert torch.equal(p, same.policy.trained()[name])
        if ".lora_B." in name:
            assert p.abs().max() == 0
        else:
            assert not torch.equal(p, other.policy.trained()[name])
            assert p.abs().max() <= p.shape[1] ** -0.5
    scale = next(iter(one.policy.lora_layers().values())).scaling["default"]
    assert scale == (8 / 2 if stabilised else 2)


@pytest.mark.parametrize("family", ["llama", "qwen2", "gemma2", "bloom", "mamba", "mixtral"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_exports_are_what_was_loaded(models, tmp_path, family, dtype):
    engine = opened(models(family))
    engine.export(tmp_path / "w.safetensors", dtype)
    theirs, mine = load_file(models(family) / "model.safetensors"), load_file(tmp_path / "w.safetensors")
    assert set(mine) == set(theirs)
    for name, value in theirs.items():
        assert torch.equal(mine[name], value.to(engines.DTYPES[dtype])), name
    engine.export(tmp_path / "again.safetensors", dtype)
    assert (tmp_path / "again.safetensors").read_bytes() == (tmp_path / "w.safetensors").read_bytes()
    with pytest.raises(Refused, match=r"w\.safetensors is there already"):
        engine.export(tmp_path / "w.safetensors", dtype)


@pytest.mark.parametrize("lora", [None, LORA])
def test_a_checkpoint_goes_on_as_if_nothing_had_happened(models, tmp_path, lora):
    rows, settings = example_rows(), AdamW(1e-3, weight_decay=0.1)

    def update(engine):
        accumulate(engine, rows, Rule(shaping=0.1), 1.0)
        engine.step(settings)

    one = opened(models("llama"), lora=lora)
    update(one)
    update(one)
    (tmp_path / "c").mkdir()
    one.save(tmp_path / "c")
    update(one)
    two = opened(models("llama"), lora=lora, checkpoint=tmp_path / "c")
    assert two.steps == 2
    update(two)
    for name, p in one.policy.trained().items():
        assert torch.equal(p, two.policy.trained()[name])
    with pytest.raises(Refused, match="is not empty"):
        one.save(tmp_path / "c")


def test_damaged_checkpoints_are_refused(models, tmp_path):
    engine = opened(models("llama"))
    (tmp_path / "c").mkdir()
    engine.save(tmp_path / "c")
    shard = next((tmp_path / "c").glob("*.distcp"))
    whole = shard.read_bytes()
    for change, says in ((whole[:-5], "is truncated"), (whole[:-1] + b"x", "another digest"), (None, "is missing")):
        shard.unlink() if change is None else shard.write_bytes(change)
        with pytest.raises(Refused, match=f"{shard.name} .*{says}"):
            opened(models("llama"), checkpoint=tmp_path / "c")
    shard.write_bytes(whole)
    with pytest.raises(Refused, match="is of another policy"):
        opened(models("qwen2"), checkpoint=tmp_path / "c")
    with pytest.raises(Refused, match=r"nowhere.state\.json is missing"):
        opened(models("llama"), checkpoint=tmp_path / "nowhere")


def test_a_norm_that_is_not_finite_skips_the_step(models):
    engine, rows = opened(models("llama")), example_rows()
    accumulate(engine, rows, Rule(shaping=0.1), 1.0)
    before = {n: p.clone() for n, p in engine.policy.trained().items()}
    next(iter(engine.policy.trained().values())).grad[0, 0] = float("nan")
    stepped = engine.step(AdamW(1e-3, weight_decay=0.5, clip_norm=1.0))
    assert stepped.skipped
    assert stepped.steps == 0
    assert stepped.norm != stepped.norm
    for name, p in engine.policy.trained().items():
        assert torch.equal(p, before[name])
    assert accumulate(engine, rows, Rule(shaping=0.1), 1.0).loss
    assert not engine.step(AdamW(1e-3)).skipped


def test_slopes_are_of_the_rows_that_wait(models):
    engine, rows = opened(models("llama"), tokens=40), example_rows()
    with pytest.raises(NotReady, match="no rows wait for slopes"):
        engine.backward({})
    given = engine.accumulate(rows, 1.0)
    assert 0 < len(given) < len(rows)
    one = next(iter(given))
    zero = {i: Slopes([0.0]) for i in given}
    for slopes, says in (({one: Slopes([0.0])} if len(given) > 1 else {}, "expected those that were answered last"),
                         (zero | {one: Slopes([0.0] * 99)}, f"row {one}: 99 and 0 slopes"),
                         (zero | {one: Slopes([float("nan")])}, f"row {one}: a slope is nan")):
        with pytest.raises(Refused, match=says):
            engine.backward(slopes)
    for call in (lambda: engine.step(AdamW(1e-3)), lambda: engine.score(rows, 1.0), lambda: engine.accumulate(rows, 1.0)):
        with pytest.raises(NotReady, match="rows wait for their slopes"):
            call()
    seen = set(given)
    while given := engine.backward({i: Slopes([0.0]) for i in given}):
        assert not seen & set(given)
        seen |= set(given)
    assert seen == set(range(len(rows)))
    assert engine.step(AdamW(1e-3)).norm == 0


def test_decay_leaves_norms_and_biases(models):
    engine = opened(models("qwen2"))
    before = {n: p.clone() for n, p in engine.policy.trained().items()}
    engine.step(AdamW(0.1, weight_decay=0.5))
    for name, p in engine.policy.trained().items():
        torch.testing.assert_close(p.detach(), before[name] * (0.95 if p.ndim > 1 else 1.0))


def test_bfloat16_is_near(models):
    rows = example_rows()
    wide, narrow = opened(models("llama")).score(rows, 1.0), None
    import torch.distributed as dist
    from torch.distributed.device_mesh import init_device_mesh

    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    try:
        engine = Engine(Place(mesh=init_device_mesh("cpu", (1,))))
        engine.open(Opening(models("llama"), dtype="bfloat16"))
        narrow = engine.score(rows, 1.0)
        accumulate(engine, rows, Rule(shaping=0.1), 1.0)
        assert {p.dtype for p in engine.policy.trained().values()} == {torch.float32}
        assert not engine.step(AdamW(1e-3)).skipped
        assert engine.score(rows, 1.0) != narrow
    finally:
        dist.destroy_process_group()
    worst = max(abs(a - b) for x, y in zip(wide, narrow, strict=True) for a, b in zip(x.log_probs, y.log_probs, strict=True))
    assert 0 < worst < 0.1


@pytest.mark.parametrize(("change", "says"), [
    (lambda r: dataclasses.replace(r, tokens=[99, *r.tokens[1:]]), r"row 2: token id 99 is outside of the vocabulary \(0\.\.60\)"),
    (lambda r: dataclasses.replace(r, tokens=[5] * 300), "row 2 has 300 tokens"),
    (lambda r: dataclasses.replace(r, targets=[0, *r.targets[1:]]), "row 2: target 0"),
])
def test_bad_rows_are_refused(models, change, says):
    rows = example_rows(groups=1)
    rows[1] = change(rows[1])
    with pytest.raises(Refused, match=says):
        accumulate(opened(models("llama")), rows, Rule(Ratio.TOKEN), 1.0)


def test_bad_directories_are_refused(models, tmp_path):
    with pytest.raises(Refused, match="nowhere is no directory"):
        opened(tmp_path / "nowhere")
    made = make_model(tmp_path / "m", "llama")
    config, weights = made / "config.json", made / "model.safetensors"
    good, whole = config.read_text(), weights.read_bytes()
    config.write_text(good.replace('"llama"', '"lama"'))
    with pytest.raises(Refused, match=r"config\.json: model_type 'lama' is no causal language model"):
        opened(made)
    config.write_text(json.dumps({**json.loads(good), "auto_map": {"AutoModelForCausalLM": "x.Y"}}))
    with pytest.raises(Refused, match="auto_map"):
        opened(made)
    config.write_text(good.replace('"num_hidden_layers": 2', '"num_hidden_layers": 3'))
    with pytest.raises(Refused, match=r"weights of 'model\.layers\.2\..* are missing"):
        opened(made)
    config.write_text(good.replace('"num_hidden_layers": 2', '"num_hidden_layers": 1'))
    with pytest.raises(Refused, match=r"tensor 'model\.layers\.1\..* has no place"):
        opened(made)
    config.write_text(good.replace('"intermediate_size": 96', '"intermediate_size": 97'))
    with pytest.raises(Refused, match=r"tensor 'model\.layers\.0\.mlp\.down_proj\.weight' has shape \(64, 96\) .*asks for \(64, 97\)"):
        opened(made)
    config.write_text(good)
    weights.write_bytes(whole[:-3])
    with pytest.raises(Refused, match=r"model\.safetensors is truncated"):
        opened(made)
    weights.unlink()
    (made / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": "model-00001-of-00002.safetensors"}}))
    with pytest.raises(Refused, match=r"model-00001-of-00002\.safetensors is missing"):
        opened(made)


def test_bad_adapters_are_refused(models, tmp_path):
    with pytest.raises(Refused, match="LoRA target 'wq' is no linear layer of LlamaForCausalLM"):
        opened(models("llama"), lora=Lora(4, 8.0, ("wq",)))
    has = "dense, dense_4h_to_h, dense_h_to_4h, query_key_value"
    with pytest.raises(Refused, match=rf"LoRA target 'q_proj' is no linear layer of GPTNeoXForCausalLM \(expected some of {has}\)"):
        opened(models("gpt_neox"), lora=Lora(4, 8.0, ("q_proj",)))
    with pytest.raises(Refused, match="GPT2LMHeadModel has no linear layers that LoRA could be given"):
        opened(models("gpt2"), lora=Lora(4, 8.0))
    (tmp_path / "a").mkdir()
    opened(models("qwen3"), lora=LORA).export_adapter(tmp_path / "a")
    with pytest.raises(Refused, match="the adapter is for another base"):
        opened(models("llama"), adapter=tmp_path / "a")
    with pytest.raises(Refused, match="adapters of another form"):
        opened(models("qwen3"), lora=dataclasses.replace(LORA, rank=3), adapter=tmp_path / "a")
    config = tmp_path / "a" / "adapter_config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "use_dora": True}))
    with pytest.raises(Refused, match="'use_dora' = True is not supported"):
        opened(models("qwen3"), adapter=tmp_path / "a")


def test_adapters_without_targets_take_the_names_of_the_family(models):
    targets = opened(models("gpt_neox"), lora=Lora(4, 8.0)).status()["lora_targets"]
    assert targets == ["dense", "dense_4h_to_h", "dense_h_to_4h", "query_key_value"]
    assert opened(models("gemma2"), lora=Lora(4, 8.0)).status()["lora_targets"] == [
        "down_proj", "gate_proj", "k_proj", "o_proj", "q_proj", "up_proj", "v_proj"]


def test_the_longest_row_is_that_of_any_familys_spelling(models, tmp_path):
    assert opened(models("gpt2")).status()["longest"] == 256
    made = make_model(tmp_path / "m", "mpt", max_seq_len=240)
    config = json.loads((made / "config.json").read_text())
    del config["max_position_embeddings"]
    (made / "config.json").write_text(json.dumps(config))
    assert opened(made).status()["longest"] == 240


def test_calls_in_the_wrong_order_are_refused(models):
    with pytest.raises(NotReady, match="no policy is open"):
        Engine(Place()).step(AdamW(1e-3))
    engine = opened(models("llama"))
    with pytest.raises(NotReady, match="no adapters"):
        engine.export_adapter(ROOT)
    with pytest.raises(NotReady, match="keep_base"):
        accumulate(engine, example_rows(), Rule(kl_coefficient=0.1, shaping=1.0), 1.0)


def test_flash_is_refused_without_a_gpu(models):
    with pytest.raises(Refused, match="attention 'flash' needs a GPU"):
        opened(models("llama"), attention="flash")


def test_compiled_layers_compute_the_same(models, monkeypatch):
    """Layers are traced, with attention left out of the graphs; generating code for them would take longer than all other tests."""
    monkeypatch.setattr(torch.nn.Module, "compile", functools.partialmethod(torch.nn.Module.compile, backend="aot_eager"))
    rows, grads = example_rows(groups=1), []
    for compiled in (False, True):
        engine = opened(models("llama"), compiled=compiled)
        accumulate(engine, rows, Rule(), 1.0)
        accumulate(engine, rows[:2], Rule(), 1.0)
        grads.append({n: p.grad for n, p in engine.policy.trained().items()})
    same_gradients(*grads)
