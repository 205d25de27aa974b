"""Proof that an engine answers with the weights that were published: the learner's log-probs of fixed sequences against the engine's own."""
import collections

import numpy as np

from tokens import Refused

INPUTS = ("canary_ids", "canary_lengths", "canary_log_probs")

Bound = collections.namedtuple("Bound", "mean max")

BOUNDS = {"float32": Bound(1e-3, 1e-2), "bfloat16": Bound(0.15, 2.0), "float16": Bound(0.15, 2.0)}
"""What an engine may differ from the learner, in nats, by the dtype that it computes in."""

Score = collections.namedtuple("Score", "cached log_probs")
"""Of one sequence: how many of its tokens came from a cache, and the natural log-probs (temperature 1, full support) of its last tokens;
of all after the first if nothing was cached."""


class Disproved(Exception):
    """The engine does not answer with the weights that were published; the text begins with 'canary:'."""


def bound(text, precision):
    """The bound to hold an engine to: "MEAN,MAX" in nats, or without it that of the engine's dtype."""
    if not text:
        return BOUNDS[precision]
    try:
        out = Bound(*map(float, text.split(",")))
    except (ValueError, TypeError):
        out = None
    if out is None or not 0 <= out.mean <= out.max:
        raise ValueError("FOOTHOLD_CANARY_BOUND must be MEAN,MAX in nats with 0 <= MEAN <= MAX, such as 0.001,0.01: got '%s'" % text)
    return out


class Canary:
    """Sequences of tokens, and what the learner says of them under the weights that are being published."""

    def __init__(self, ids, lengths, log_probs, vocabulary, longest):
        if len(lengths) == 0 or min(lengths) < 2 or sum(lengths) != len(ids) or len(ids) - len(lengths) != len(log_probs):
            raise Refused("canary: lengths must be at least 2 and add up to the %d canary_ids, with a log-prob for every token after the first of each: got lengths %s and %d log-probs" % (
                len(ids), [int(n) for n in lengths], len(log_probs)))
        if min(ids) < 0 or max(ids) >= vocabulary:
            raise Refused("canary_ids must be 0..%d" % (vocabulary - 1))
        self.sequences, self.expected, at = [], [], 0
        for k, length in enumerate(int(n) for n in lengths):
            # The log-probs of a prefix do not change with what follows it.
            self.sequences.append([int(i) for i in ids[at:at + min(length, longest)]])
            self.expected.append(np.asarray(log_probs[at - k:at - k + len(self.sequences[-1]) - 1], np.float64))
            at += length

    def differences(self, scores):
        """Mean and largest |difference| in nats over all tokens scored; infinite where something is not finite."""
        pairs = [(np.asarray(s.log_probs, np.float64), e[len(e) - len(s.log_probs):]) for s, e in zip(scores, self.expected)]
        off = np.abs(np.concatenate([a - e for a, e in pairs]))
        if not len(off):  # everything came from the cache; the cold scores were whole
            return 0.0, 0.0
        return (float(off.mean()), float(off.max())) if np.isfinite(off).all() else (np.inf, np.inf)

    def prove(self, engine, version, limit):
        """Scores every sequence with caches cold, and again so that they are hit. Gives what status tells of it."""
        proof = {"version": version}
        for state in ("cold", "warm"):
            scores = engine.score(self.sequences, state == "warm")
            if state == "cold" and any(s.cached for s in scores):
                raise Disproved("canary: version %d: keys of older weights outlived the change of weights: %s of %s tokens of the sequences came from the prefix cache" % (
                    version, [s.cached for s in scores], [len(s) for s in self.sequences]))
            mean, most = self.differences(scores)
            if not (mean <= limit.mean and most <= limit.max):
                raise Disproved("canary: version %d: with caches %s the server's log-probs differ from the learner's by %.3g nats on average and %.3g at most (bound %g and %g): it does not sample the weights that were published" % (
                    version, state, mean, most, limit.mean, limit.max))
            proof[state + "_mean"], proof[state + "_max"] = mean, most
        return proof


def canary_of(inputs, files):
    """The canary among flat inputs; None if there is none."""
    given = [name for name in INPUTS if name in inputs]
    if not given:
        return None
    if len(given) < len(INPUTS):
        raise Refused("inputs %s come together or not at all: got only %s" % (", ".join(INPUTS), ", ".join(given)))
    return Canary(*(inputs[name] for name in INPUTS), files.vocabulary, files.longest - 1)
