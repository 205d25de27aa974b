"""Tests of engine transformers, and of what it shares with the others, on tiny models of many families: python transformers_test.py, with
the packages of services/learner/torch/requirements.txt. What it must say is computed here by whole forward passes, one sequence at a time."""
import itertools
import json
import os
import pathlib
import sys
import tempfile
import time
import types
import unittest

os.environ.setdefault("OMP_NUM_THREADS", "1")
import numpy as np
import torch
import transformers
from peft import LoraConfig, get_peft_model
from peft.tuners.lora import LoraLayer

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / "services/learner/torch"))
from foothold_torch.engine import Engine as LearnersEngine
from foothold_torch.engine import Opening, Place
from foothold_torch.rows import Row

import engines_test  # stands in for Triton
import reference
import tiny
import tokens
import transformers_engine
from engines_test import Case, Shared, flat_canary
from stepping import uniform

transformers.logging.set_verbosity_error()
SHAPE = dict(vocab_size=400, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
             max_position_embeddings=128, eos_token_id=1, bos_token_id=2, pad_token_id=0)
BATCH, SINGLE = "rows in one batch", "each sequence by itself"
FAMILIES = {  # model_type: (changed settings, how its keys are held)
    "llama": (dict(head_dim=8), BATCH),
    "qwen3": (dict(head_dim=16, tie_word_embeddings=True), BATCH),
    "mistral": (dict(head_dim=8, sliding_window=6), BATCH),
    "gemma2": (dict(head_dim=8, sliding_window=6), BATCH),
    "gemma3_text": (dict(head_dim=8, sliding_window=6), BATCH),
    "phi3": (dict(), BATCH),
    "olmo2": (dict(), BATCH),
    "cohere2": (dict(head_dim=8, sliding_window=6), BATCH),
    "qwen3_moe": (dict(head_dim=8, num_experts=4, num_experts_per_tok=2, moe_intermediate_size=16), BATCH),
    "gpt2": (dict(n_embd=32, n_layer=2, n_head=4, n_positions=128), BATCH),
    "gpt_neox": (dict(), BATCH),
    "opt": (dict(ffn_dim=48, word_embed_proj_dim=32), BATCH),
    "bloom": (dict(n_layer=2, n_head=4), BATCH),
    "mamba": (dict(state_size=8), SINGLE),
}


def saved(kind, directory, seed=0, **more):
    """A random model of a family as a Hugging Face directory."""
    torch.manual_seed(seed)
    config = transformers.AutoConfig.for_model(kind, **{**SHAPE, **more})
    model = transformers.AutoModelForCausalLM.from_config(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():  # fresh ones are so small that every token would be as likely as any other
            parameter.add_(0.2 * torch.randn_like(parameter))
    model.save_pretrained(directory)
    words = tiny.tokenizer()
    words.save(str(pathlib.Path(directory) / "tokenizer.json"))
    return model


def drawn(model, ids, seed, most, temperature=1.0, top_p=1.0, top_k=0, prompt=None):
    """Tokens and log-probs by whole forward passes."""
    ids, out = list(ids), []
    prompt = prompt or len(ids)
    for _ in range(most):
        with torch.no_grad():
            logits = model(torch.tensor([ids]), use_cache=False).logits[0, -1].double().numpy()
        out.append(reference.Policy.draw(None, logits, temperature, top_p, top_k, uniform(seed, len(ids) - prompt)))
        ids.append(out[-1][0])
    return [t for t, _ in out], [p for _, p in out]


def log_probs(model, ids):
    """Of every token after the first."""
    with torch.no_grad():
        found = model(torch.tensor([ids]), use_cache=False).logits[0].log_softmax(-1)
    return found[:-1].gather(1, torch.tensor(ids[1:])[:, None])[:, 0].tolist()


class Families(unittest.TestCase):
    def run_engine(self, directory, asked):
        out = []

        def deliver(r, fresh, fresh_log_probs, end, failure=None):
            if failure:
                raise failure
            r.ids += fresh
            r.log_probs += fresh_log_probs
        engine = transformers_engine.Engine(directory, deliver, tokens.Settings("recompute", "merged"))
        self.addCleanup(engine.close)
        for one in asked:
            r = types.SimpleNamespace(**{**dict(temperature=1.0, top_p=1.0, top_k=0, prompt=len(one["ids"])), **one}, stops=[], words=[],
                                      ignore_eos=True, text=None, log_probs=[], inputs=len(one["ids"]))
            r.ids = list(r.ids)
            out.append(r)
            engine.start(r)
            for _ in range(3):  # the next one comes to a batch that is under way
                engine.step()
        while engine.busy:
            engine.step()
        return engine, out

    def test_every_family_draws_in_a_batch_what_it_draws_alone(self):
        asked = [dict(ids=[5, 6, 7], most=14, seed=1), dict(ids=list(range(9, 32)), most=9, seed=2, temperature=0.7), dict(ids=[8], most=5, seed=3, temperature=0.0),
                 dict(ids=[5, 6, 7], most=12, seed=4, top_p=0.8, top_k=30), dict(ids=[5, 6, 7, 40, 41], prompt=3, most=6, seed=1)]
        for kind, (more, held) in FAMILIES.items():
            with self.subTest(kind), tempfile.TemporaryDirectory() as work:
                model = saved(kind, work, **more)
                engine, got = self.run_engine(work, asked)
                self.assertEqual(held, engine.kind)
                for r, one in zip(got, asked, strict=True):
                    ids, expected = drawn(model, **one)
                    self.assertEqual(ids, r.ids[len(one["ids"]):])
                    self.assertLess(np.abs(np.array(expected) - r.log_probs).max(), 2e-4)
                for warm in (False, True):
                    self.assertLess(np.abs(np.array(engine.log_probs(asked[1]["ids"], warm)) - log_probs(model, asked[1]["ids"])).max(), 2e-4)

    def test_rows_beyond_the_tokenizers_are_drawn_and_have_the_learners_log_probs(self):
        with tempfile.TemporaryDirectory() as work:
            saved("gpt_neox", work)
            engine, got = self.run_engine(work, [dict(ids=[5, 6, 7], most=60, seed=s, temperature=3.0) for s in range(4)])
            self.assertLess(engine.files.tokenizer.get_vocab_size(), SHAPE["vocab_size"])
            self.assertTrue(any(i >= engine.files.tokenizer.get_vocab_size() for r in got for i in r.ids))
            learner = LearnersEngine(Place())
            learner.open(Opening(pathlib.Path(work)))
            scores = learner.score([Row(r.ids, list(range(3, len(r.ids)))) for r in got], 3.0)
            for r, score in zip(got, scores, strict=True):
                self.assertLess(np.abs(np.array(r.log_probs) - score.log_probs).max(), 2e-5)

    def test_every_kind_of_cache_draws_the_same(self):
        asked = [dict(ids=[5, 6, 7], most=6, seed=1), dict(ids=[9, 10], most=9, seed=2)]
        with tempfile.TemporaryDirectory() as work:
            saved("llama", work)
            kinds, found = transformers_engine.KINDS, {}
            for name in kinds:
                transformers_engine.KINDS = {name: kinds[name]}
                try:
                    found[name] = [r.ids for r in self.run_engine(work, asked)[1]]
                finally:
                    transformers_engine.KINDS = kinds
            self.assertEqual(1, len({str(ids) for ids in found.values()}), found)

    def test_a_batch_has_as_many_rows_as_it_may_and_as_its_memory_holds(self):
        with tempfile.TemporaryDirectory() as work:
            model = saved("llama", work)
            for settings in ({"max_sequences": 2}, {"cache_mib": 1}):
                os.environ["FOOTHOLD_TRANSFORMERS"] = json.dumps(settings)
                self.addCleanup(os.environ.pop, "FOOTHOLD_TRANSFORMERS", None)
                for k, r in enumerate(self.run_engine(work, [dict(ids=[5, 6, k], most=9, seed=k) for k in range(5)])[1]):
                    self.assertEqual(drawn(model, [5, 6, k], k, 9)[0], r.ids[3:])
            os.environ["FOOTHOLD_TRANSFORMERS"] = '{"max_sequence": 2}'
            with self.assertRaisesRegex(tokens.Refused, "max_sequence = 2"):
                self.run_engine(work, [])

    def test_weights_that_are_not_whole_are_refused_by_name(self):
        with tempfile.TemporaryDirectory() as work:
            saved("llama", work, tie_word_embeddings=False)
            file = pathlib.Path(work) / "model.safetensors"
            header, body = tokens.safetensors_header(file.read_bytes())
            header["model.norm.wrong"] = header.pop("model.norm.weight")
            text = json.dumps(header).encode()
            file.write_bytes(len(text).to_bytes(8, "little") + text + body)
            with self.assertRaisesRegex(tokens.Refused, "tensor 'model.norm.weight' is missing"):
                transformers_engine.Weights(pathlib.Path(work))


class OnTheDemosPolicy(Shared, unittest.TestCase):
    """What holds for every engine, and the tokens of the reference engine."""
    engine = "transformers"

    def test_it_draws_what_the_reference_engine_draws(self):
        policy = reference.Policy(self.policy)
        sequence, ids, found = reference.Sequence(policy.config["num_hidden_layers"]), [5, 6], []
        for position in range(40):
            found.append(policy.draw(policy.feed(sequence, ids[sequence.length:]), 0.8, 0.9, 0, uniform(3, position)))
            ids.append(found[-1][0])
        got, responses = self.whole(self.ask(input_ids=[5, 6], max_tokens=40, random_seed=3, ignore_eos=True, temperature=0.8, top_p=0.9))
        self.assertEqual(ids[2:], got)
        self.assertLess(np.abs(np.array([p for _, p in found]) - [float(p) for r in responses for p in r.tensors["output_log_probs"]]).max(), 1e-4)


class Engine(Case, unittest.TestCase):
    """The whole policy model with engine transformers, on the tiny Llama."""
    engine = "transformers"
    settings = dict(FOOTHOLD_WEIGHT_CHANGE="recompute", FOOTHOLD_ADAPTERS="merged")

    def setUp(self):
        self.work = tempfile.TemporaryDirectory()
        self.addCleanup(self.work.cleanup)
        work = pathlib.Path(self.work.name)
        self.a, self.b = tiny.make(work / "a", 0), tiny.make(work / "b", 1)
        self.policy = self.a
        os.environ.update(self.settings)
        for name in self.settings:
            self.addCleanup(os.environ.pop, name, None)
        self.models = {d: transformers.AutoModelForCausalLM.from_pretrained(d, dtype=torch.float32).eval() for d in (self.a, self.b)}
        super().setUp()

    def publish(self, directory, version, off=0.0, **more):
        sequences = [[5, 6], [7] * 30, [3, 4, 5, 6] * 70]
        numbers = flat_canary(sequences, [np.array(log_probs(self.models[directory], s)) + off for s in sequences])
        return self.update(version, (directory / "model.safetensors").read_bytes(), **numbers, **more)

    def under_way(self, **more):
        """A request that has drawn some tokens."""
        sender = self.ask(**{**dict(input_ids=[5, 6, 7], max_tokens=300, random_seed=3, ignore_eos=True, stream_interval=1), **more})
        until = time.monotonic() + 20
        while len(sender.responses) < 5 and time.monotonic() < until:
            time.sleep(0.001)
        self.assertGreaterEqual(len(sender.responses), 5)
        return sender

    def stamped(self, sender):
        """Tokens, log-probs and versions of a request that is over."""
        self.assertTrue(sender.final.wait(60), "no final flag")
        self.assertEqual([], [r.error.text for r in sender.responses if r.error])
        ids = [int(i) for r in sender.responses for i in r.tensors["output_ids"]]
        found = [float(p) for r in sender.responses for p in r.tensors["output_log_probs"]]
        versions = [int(r.tensors["policy_version"][0]) for r in sender.responses for _ in r.tensors["output_ids"]]
        return ids, found, versions

    def test_a_publish_in_flight_with_the_setting_in_force(self):
        sender = self.under_way()
        self.assertIsNone(self.publish(self.b, 4).error)
        ids, found, versions = self.stamped(sender)
        self.assertEqual((300, {0, 4}, sorted(versions)), (len(ids), set(versions), versions))
        cut = versions.index(4)
        own = {0: log_probs(self.models[self.a], [5, 6, 7] + ids)[2:], 4: log_probs(self.models[self.b], [5, 6, 7] + ids)[2:]}
        self.assertLess(np.abs(np.array(found[:cut]) - own[0][:cut]).max(), 1e-4)
        off = np.abs(np.array(found[cut:]) - own[4][cut:])
        self.assertEqual(self.settings["FOOTHOLD_WEIGHT_CHANGE"], self.status()["weight_change"])
        if self.settings["FOOTHOLD_WEIGHT_CHANGE"] == "recompute":
            self.assertLess(off.max(), 1e-4, "all keys are of the new weights")
        else:  # the keys of the first tokens are of the old weights, the products with them of the new
            mixed = self.mixed([5, 6, 7] + ids, 3 + cut)
            self.assertLess(np.abs(np.array(found[cut:]) - mixed).max(), 1e-4)
            self.assertGreater(off.max(), 1e-2, "keys of the old weights are in use")
        # What comes after the publish has keys of the new weights alone.
        later, _, versions = self.stamped(self.ask(input_ids=[5, 6, 7], max_tokens=40, random_seed=3, ignore_eos=True))
        self.assertEqual((drawn(self.models[self.b], [5, 6, 7], 3, 40)[0], {4}), (later, set(versions)))

    def mixed(self, ids, cut):
        """Log-probs of the tokens from `cut` on, where the tokens before the last of those before them were fed to the old weights."""
        with torch.no_grad():
            cache = self.models[self.a](torch.tensor([ids[:cut - 1]]), use_cache=True).cache
            out = self.models[self.b](torch.tensor([ids[cut - 1:]]), cache=cache, use_cache=True).logits[0].log_softmax(-1)
        return out[:-1].gather(1, torch.tensor(ids[cut:])[:, None])[:, 0].numpy()

    def test_a_publish_that_is_not_proved_changes_nothing(self):
        alone = self.stamped(self.ask(input_ids=[5, 6, 7], max_tokens=300, random_seed=3, ignore_eos=True))
        sender = self.under_way()
        error = self.publish(self.b, 4, off=0.02).error
        self.assertIn("canary: version 4", error.text)
        self.assertEqual((0, True), (self.status()["version"], self.status()["proved"]))
        self.assertEqual(alone[0], self.stamped(sender)[0])
        self.assertIsNone(self.publish(self.b, 4).error)
        self.assertLess(self.status()["canary"]["warm_max"], 1e-4)
        self.assertIsNone(self.publish(self.a, 0, op="reset").error)
        self.assertEqual(alone[0][:30], self.stamped(self.ask(input_ids=[5, 6, 7], max_tokens=30, random_seed=3, ignore_eos=True))[0])

    def test_ends_and_continuation(self):
        ids, found, _ = self.stamped(self.ask(input_ids=[5, 6, 7], max_tokens=60, random_seed=3, ignore_eos=True))
        expected, expected_log_probs = drawn(self.models[self.a], [5, 6, 7], 3, 60)
        self.assertEqual(expected, ids)
        self.assertLess(np.abs(np.array(found) - expected_log_probs).max(), 1e-4)
        tail = self.stamped(self.ask(input_ids=[5, 6, 7] + ids[:20], prompt_length=3, max_tokens=40, random_seed=3, ignore_eos=True))
        self.assertEqual(ids[20:], tail[0])
        _, responses = self.whole(self.ask(input_ids=[5, 6, 7], max_tokens=60, random_seed=3, ignore_eos=True, stop_token_ids=[next(i for i in range(3, 384) if i not in ids), ids[9]]))
        first = ids.index(ids[9])
        self.assertEqual((b"stop_token", 1, first + 1), (responses[-1].tensors["finish_reason"][0], int(responses[-1].tensors["stop_index"][0]),
                                                         int(responses[-1].tensors["num_output_tokens"][0])))
        pieces = self.model.pieces()
        across = [pieces[x][-1:] + pieces[y] for x, y in itertools.pairwise(ids)]  # over the border of two tokens
        at, word = next((k, w) for k, w in enumerate(across) if w.isascii() and w.isalnum())
        _, responses = self.whole(self.ask(input_ids=[5, 6, 7], max_tokens=60, random_seed=3, ignore_eos=True, stop_strings=[b"no such text", word]))
        self.assertEqual((b"stop_string", 1, at + 2), (responses[-1].tensors["finish_reason"][0], int(responses[-1].tensors["stop_index"][0]),
                                                       int(responses[-1].tensors["num_output_tokens"][0])))
        for end in self.model.engine.files.ends:  # each of several
            seed = next(s for s in range(3000) if drawn(self.models[self.a], [5, 6, end ^ 3], s, 1)[0] == [end])
            _, responses = self.whole(self.ask(input_ids=[5, 6, end ^ 3], max_tokens=60, random_seed=seed))
            self.assertEqual((b"stop", 1), (responses[-1].tensors["finish_reason"][0], int(responses[-1].tensors["num_output_tokens"][0])))

    def test_abort_pause_and_a_policy_that_is_asked_for(self):
        sender, other = self.under_way(name="long"), self.under_way(name="other", random_seed=4)
        self.whole(self.ask(op="abort", target_id=["long"]))
        self.assertEqual(b"abort", self.whole(sender)[1][-1].tensors["finish_reason"][0])
        self.whole(self.ask(op="pause"))
        self.assertIsNone(self.publish(self.b, 4).error)
        held = self.ask(input_ids=[5], max_tokens=3, random_seed=1, policy_version=4)
        self.assertFalse(held.final.wait(0.1))
        self.whole(self.ask(op="resume"))
        self.assertEqual(3, len(self.whole(held)[0]))
        self.assertEqual(300, len(self.whole(other)[0]))
        sender = self.under_way(policy_version=4)
        self.assertIsNone(self.publish(self.a, 5).error)
        self.assertIn("is not the policy asked for", self.whole(sender)[1][-1].error.text)

    def test_a_failure_of_the_batch_ends_every_request_and_the_engine_goes_on(self):
        sender = self.under_way()
        forward = self.model.engine.weights.forward

        def broken(*_, **__):
            self.model.engine.weights.forward = forward
            raise RuntimeError("out of memory")
        self.model.engine.weights.forward = broken
        self.assertIn("out of memory", self.whole(sender)[1][-1].error.text)
        self.assertEqual(5, len(self.whole(self.ask(input_ids=[5], max_tokens=5, random_seed=1, ignore_eos=True))[0]))


class KeepsKeys(Engine):
    """The same with the other setting."""
    settings = dict(FOOTHOLD_WEIGHT_CHANGE="keep", FOOTHOLD_ADAPTERS="merged")


class Adapters(Case, unittest.TestCase):
    """Publications of adapters, on the weights that the server was started with."""
    engine = "transformers"

    def setUp(self):
        self.work = tempfile.TemporaryDirectory()
        self.addCleanup(self.work.cleanup)
        self.policy = tiny.make(pathlib.Path(self.work.name) / "a", 0)
        os.environ["FOOTHOLD_ADAPTERS"] = "adapter"
        self.addCleanup(os.environ.pop, "FOOTHOLD_ADAPTERS", None)
        super().setUp()

    def adapter(self, seed, targets=("q_proj", "v_proj", "down_proj"), rank=4):
        """Adapters that change much, and the model with them."""
        torch.manual_seed(seed)
        base = transformers.AutoModelForCausalLM.from_pretrained(self.policy, dtype=torch.float32)
        model = get_peft_model(base, LoraConfig(r=rank, lora_alpha=16, target_modules=list(targets), init_lora_weights=False))
        directory = pathlib.Path(self.work.name) / ("adapter-%d" % seed)
        model.save_pretrained(directory)
        return model.eval(), directory

    def publish(self, version, model, directory, off=0.0, **more):
        sequences = [[5, 6], [3, 4, 5, 6] * 40]
        return self.whole(self.ask(**{**dict(
            op="update", weights_uri="file:///nowhere", weights_digest="%064d" % version, policy_version=version,
            **engines_test.adapter_inputs(directory), **flat_canary(sequences, [np.array(log_probs(model, s)) + off for s in sequences])), **more}))[1][-1]

    def test_adapters_are_taken_up_proved_and_gone_back_from(self):
        first, second = self.adapter(1), self.adapter(2, targets=("k_proj", "o_proj"), rank=8)
        base = self.whole(self.ask(input_ids=[5, 6, 7], max_tokens=20, random_seed=3, ignore_eos=True))[0]
        self.assertIsNone(self.publish(1, *first).error)
        ids = self.whole(self.ask(input_ids=[5, 6, 7], max_tokens=20, random_seed=3, ignore_eos=True))[0]
        self.assertEqual(drawn(first[0], [5, 6, 7], 3, 20)[0], ids)
        self.assertNotEqual(base, ids)
        self.assertIn("canary: version 2", self.publish(2, *second, off=0.02).error.text)
        self.assertEqual(ids, self.whole(self.ask(input_ids=[5, 6, 7], max_tokens=20, random_seed=3, ignore_eos=True))[0])
        sender = self.ask(input_ids=[5, 6, 7], max_tokens=300, random_seed=3, ignore_eos=True, stream_interval=1)
        while not sender.responses:
            time.sleep(0.001)
        self.assertIsNone(self.publish(2, *second).error)
        self.assertEqual(300, len(self.whole(sender)[0]))
        self.assertEqual({1, 2}, {int(r.tensors["policy_version"][0]) for r in sender.responses})
        tail = [int(i) for r in sender.responses for i in r.tensors["output_ids"] if int(r.tensors["policy_version"][0]) == 2]
        found = [float(p) for r in sender.responses for p in r.tensors["output_log_probs"] if int(r.tensors["policy_version"][0]) == 2]
        every = [int(i) for r in sender.responses for i in r.tensors["output_ids"]]
        self.assertLess(np.abs(np.array(found) - log_probs(second[0], [5, 6, 7] + every)[-len(tail):]).max(), 1e-4)
        layers = [m for m in self.model.engine.weights.model.modules() if isinstance(m, LoraLayer)]
        self.assertEqual({"publication3"}, {name for layer in layers for name in layer.lora_A}, "the ones before are gone")
        self.assertEqual(("adapter", 2), (self.status()["adapters"], self.status()["version"]))

    def test_what_is_wrong_with_a_publication_is_said(self):
        model, directory = self.adapter(1)
        self.assertIn("has none: it needs inputs adapter_uri and adapter_digest", self.update(1).error.text)
        self.assertIn("do not have the digest", self.publish(1, model, directory, adapter_digest="0" * 64).error.text)
        self.assertIn("adapter_config.json cannot be read", self.publish(1, model, directory, adapter_uri="file:///nowhere").error.text)
        self.assertIn("come together or not at all", self.whole(self.ask(
            op="update", weights_uri="file:///x", weights_digest="0", policy_version=1, adapter_uri="file:///x"))[1][-1].error.text)
        config = directory / "adapter_config.json"
        written = config.read_text()
        for changed, why in ((written.replace('"q_proj"', '"up_proj"'), "tensor 'model.layers.0.mlp.up_proj.lora_A.weight' is missing"),
                             (written.replace('"r": 4', '"r": 8'), "has shape"), (written.replace('"LORA"', '"IA3"'), "peft_type is 'IA3'"),
                             (written.replace('"q_proj"', '"no_proj"').replace('"v_proj"', '"no"').replace('"down_proj"', '"none"'), "cannot be taken up")):
            self.assertNotEqual(written, changed)
            config.write_text(changed)
            self.assertIn(why, self.publish(1, model, directory).error.text)
        self.assertEqual(("", 0), (self.status()["last_error"], self.status()["version"]))
        self.assertEqual(4, len(self.whole(self.ask(input_ids=[5], max_tokens=4, random_seed=3, ignore_eos=True))[0]))


if __name__ == "__main__":
    unittest.main()
