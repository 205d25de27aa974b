"""A request for tokens: its arguments, checked in this one place for every engine."""
import math

import numpy as np

from tokens import Refused, text_of


class Generation:
    """A generation under way. Arguments that no engine can take are refused here, before any engine sees them."""

    def __init__(self, model, request, sender, inputs):
        one = lambda name, default: inputs[name].reshape(-1)[0].item() if name in inputs else default
        self.id, self.sender, self.aborted = request.request_id(), sender, False
        self.ids = [int(i) for i in inputs.get("input_ids", [])]
        if not self.ids or "max_tokens" not in inputs or "random_seed" not in inputs:
            raise Refused("op 'generate' needs inputs 'input_ids', 'max_tokens' and 'random_seed'")
        self.prompt, self.inputs = one("prompt_length", len(self.ids)), len(self.ids)
        self.most, self.seed = one("max_tokens", 0), one("random_seed", 0)
        files = model.engine.files
        if self.most < 1 or self.inputs + self.most > files.longest:
            raise Refused("max_tokens must be 1..%d, got %d" % (files.longest - self.inputs, self.most))
        if min(self.ids) < 0 or max(self.ids) >= files.vocabulary:
            raise Refused("input_ids must be 0..%d" % (files.vocabulary - 1))
        if not 1 <= self.prompt <= self.inputs:
            raise Refused("prompt_length must be 1..%d, got %d" % (self.inputs, self.prompt))
        self.temperature, self.top_p, self.top_k = one("temperature", 1.0), one("top_p", 1.0), one("top_k", 0)
        if not 0 <= self.temperature < math.inf or not 0 < self.top_p <= 1 or self.top_k < 0:
            raise Refused("need temperature >= 0, top_p in (0, 1], top_k >= 0: got temperature %g, top_p %g, top_k %d" % (
                self.temperature, self.top_p, self.top_k))
        self.stops = [int(i) for i in inputs.get("stop_token_ids", np.array([], np.int32)).reshape(-1)]
        if any(not 0 <= i < files.vocabulary for i in self.stops):
            raise Refused("stop_token_ids must be 0..%d, got %s" % (files.vocabulary - 1, self.stops))
        self.words = [w if isinstance(w, bytes) else str(w).encode("utf-8") for w in inputs.get("stop_strings", np.array([], dtype=object)).reshape(-1)]
        for word in self.words:
            if not text_of("stop_strings", word):
                raise Refused("stop_strings must not hold an empty text: every sequence would end with it")
        self.ignore_eos, self.interval = one("ignore_eos", False), one("stream_interval", 16)
        if self.interval < 0:
            raise Refused("stream_interval must be >= 0, got %d" % self.interval)
        self.policy_version = one("policy_version", None)
        self.policy_digest = text_of("policy_digest", inputs["policy_digest"].reshape(-1)[0]) if "policy_digest" in inputs else None
        self.text, self.tokens, self.log_probs, self.sent, self.version = None, [], [], 0, model.version
        model.demand_policy(self, one("min_policy_version", 0))
