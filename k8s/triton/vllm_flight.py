"""Asks a real vLLM, without Triton, what becomes of sequences under way when the weights change, and whether adapters are what answers:
vllm_flight.py WORK merged|adapter. The reference engine, in float64, says what the log-probs must be, also where keys of the old weights are used.
Needs the packages of vllm-env.sh; takes the settings of FOOTHOLD_VLLM."""
import hashlib
import pathlib
import sys
import threading
import time
import types

import numpy as np

here = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(here), str(here / "model-repository/policy/1")]
import canary  # noqa: E402
import reference  # noqa: E402
import tiny  # noqa: E402
import tokens  # noqa: E402

PROMPT = [3 + (i * 37 + i * i) % 370 for i in range(324)]  # longer than two blocks of the prefix cache on CPUs (128)
BOUND = 1e-3  # nats, of float32


class Flight:
    """A policy model's worth of bookkeeping around the engine: tokens by request, each with the version that was in force when it came."""

    def __init__(self, work, form):
        import vllm_engine
        self.base, self.form, self.version, self.lock = tiny.make(work / "a", 0), form, 0, threading.Lock()
        self.policies = {0: reference.Policy(self.base)}
        began = time.monotonic()
        self.engine = vllm_engine.Engine(str(self.base), self.drawn, tokens.Settings("recompute", form))
        print("%s: vLLM ready after %.0f s" % (form, time.monotonic() - began))
        self.publications = {}
        for version in range(1, 7):
            adapter, merged = tiny.adapt(self.base, work / ("v%d" % version), version, rank=8 * version)
            digest = hashlib.sha256((merged / "model.safetensors").read_bytes()).hexdigest()
            self.publications[version] = tokens.Publication(merged / "model.safetensors", version, digest, adapter if form == "adapter" else None)
            self.policies[version] = reference.Policy(merged)

    def drawn(self, r, fresh, log_probs, end, failure=None):
        with self.lock:
            r.drawn += fresh
            r.log_probs += log_probs
            r.versions += [self.version] * len(fresh)
            r.failure = failure or r.failure
            if end or failure:
                r.over.set()

    def ask(self, seed, most, ids=PROMPT):
        r = types.SimpleNamespace(
            ids=list(ids), temperature=1.0, top_p=1.0, top_k=0, seed=seed, most=most, words=[], stops=[], ignore_eos=True, drawn=[], log_probs=[],
            versions=[], failure=None, over=threading.Event())
        self.engine.prepare(r)
        self.engine.start(r)
        return r

    def publish(self, version, change, under_way):
        """As model.switch does, while the requests that `under_way` sends are being answered; gives them."""
        e, policy = self.engine, self.policies[version]
        e.settings = tokens.Settings(change, self.form)
        sequences = [PROMPT[:200], PROMPT[::-1], [5, 6, 7, 8, 9]]
        wanted = canary.Canary(sum(sequences, []), [len(s) for s in sequences], np.concatenate([policy.log_probs(s, 1) for s in sequences]), 384, 500)
        e.touch(wanted.sequences)
        flying = under_way()
        while min(len(r.drawn) for r in flying) < 3:
            time.sleep(0.001)
        began = time.monotonic()
        e.hold()
        e.load(self.publications[version])
        with self.lock:
            self.version = version
        e.go_on()
        held = time.monotonic() - began
        proof = wanted.prove(e, version, canary.bound("", e.precision))
        e.keep()
        print("%s, %s, version %d: held %.2f s, canary mean %.2g max %.2g nats" % (self.form, change, version, held, proof["warm_mean"], proof["warm_max"]))
        return flying

    def check(self, r, change):
        """Every token's log-prob against the weights of its stamp, and the keys that the setting says."""
        assert r.over.wait(120) and not r.failure, r.failure
        assert len(r.drawn) == r.most and r.versions == sorted(r.versions), (len(r.drawn), r.versions)
        ids, worst, sequence, at = r.ids + r.drawn, 0.0, None, 0
        for version in sorted(set(r.versions)):
            count, policy = r.versions.count(version), self.policies[version]
            if sequence is None or change == "recompute":
                sequence = reference.Sequence(2)
            for k in range(at, at + count):
                logits = policy.feed(sequence, ids[sequence.length:len(r.ids) + k])
                expected = logits[r.drawn[k]] - logits.max() - np.log(np.exp(logits - logits.max()).sum())
                worst = max(worst, abs(expected - r.log_probs[k]))
            at += count
        assert worst < BOUND, (change, worst, r.versions.count(r.versions[-1]))
        return worst


def main(work, form):
    flight = Flight(pathlib.Path(work), form)
    if form == "adapter":
        before = flight.ask(3, 20)
        print("adapter: before any publication, off the base by %.2g nats" % flight.check(before, "keep"))
    for version, change in ((1, "recompute"), (2, "keep"), (3, "keep"), (4, "recompute")):
        flying = flight.publish(version, change, lambda: [flight.ask(seed, 440 + seed, PROMPT[:40 + seed]) for seed in range(6)])
        worst = max(flight.check(r, change) for r in flying)
        after = flight.ask(9, 12)  # a prompt that came before each publish: its keys must be of the weights that serve now
        mixed = sum(len(set(r.versions)) > 1 for r in flying)
        print("%s, %s: %d of 6 sequences over the change, at most %.2g nats off; the prompt that came before %.2g" % (
            form, change, mixed, worst, flight.check(after, change)))
        assert mixed, "nothing was under way"
    if form == "adapter":
        adapter, merged = tiny.adapt(flight.base, pathlib.Path(work) / "wide", 9, rank=128)
        try:
            flight.engine.load(tokens.Publication(merged / "model.safetensors", 9, "0" * 64, adapter))
            raise AssertionError("adapters of rank 128 were taken up")
        except tokens.Refused as refused:
            print("adapter: %s" % refused)
    flight.engine.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
