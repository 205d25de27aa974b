"""Uniform engine: no model at all, every token is as likely as any other. What is left is the cost of server and sampler."""
import math

import tokens
from canary import Score
from stepping import Stepping, uniform

AT_ONCE = 16  # tokens of a sequence in one step


class Engine(Stepping):
    """Samples a few tokens of each sequence in turn, with the contract's noise. Belongs to the model's thread."""

    weight_changes, adapter_forms, precision = ("keep",), ("merged",), "float32"

    def __init__(self, directory, deliver, settings):
        super().__init__(tokens.Directory(directory), deliver)

    def step(self):
        size = self.files.vocabulary
        log_prob = -math.log(size)
        for _ in range(len(self.active)):
            r, drawn, end = self.active.popleft(), [], None
            while end is None and len(drawn) < AT_ONCE:
                token = int(size * uniform(r.seed, len(r.ids) + len(drawn) - r.prompt))
                drawn.append(token)
                end = self.end(r, token, len(drawn))
            if not end:
                self.active.append(r)
            self.deliver(r, drawn, [log_prob] * len(drawn), end)

    def load(self, publication):
        """Weights change nothing."""

    def score(self, sequences, warm):
        """Says what it is: a learner's canary refuses it unless the bound is as wide as all log-probs are."""
        return [Score(0, [-math.log(self.files.vocabulary)] * (len(s) - 1)) for s in sequences]
