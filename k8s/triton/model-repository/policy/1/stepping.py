"""What engines share whose tokens the model's own thread draws, one of each sequence at a step, with the contract's noise."""
import collections

MASK, GOLDEN = (1 << 64) - 1, 0x9E3779B97F4A7C15


def uniform(seed, position):
    """The contract's noise at a response position: top 24 bits of SplitMix64's finalizer as a number in [0, 1)."""
    x = (seed + (position + 1) * GOLDEN) & MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
    return ((x ^ (x >> 31)) >> 40) * 2.0 ** -24


class Stepping:
    """Sequences under way, and what ends them. Belongs to the model's thread; `step` is the subclass's."""

    dead, scores_held = None, True

    def __init__(self, files, deliver):
        """files: a tokens.Directory. deliver: model.drawn, called for every token that is drawn."""
        self.files, self.deliver, self.active = files, deliver, collections.deque()
        self._pieces = None

    @property
    def busy(self):
        """Whether a step would draw something."""
        return bool(self.active)

    def prepare(self, r):
        """Every request that the contract allows can be drawn."""

    def start(self, r):
        """Takes a request up."""
        self.active.append(r)

    def stop(self, r):
        """Forgets a request that is under way."""
        self.active.remove(r)

    def end(self, r, token, fresh=1):
        """Reason and index of what ends a sequence with this token, the last of so many fresh ones; None when it goes on."""
        if token in self.files.ends and not r.ignore_eos:
            return "stop", -1
        if token in r.stops:
            return "stop_token", r.stops.index(token)
        if r.words:
            if self._pieces is None:
                self._pieces = self.files.pieces()
            if r.text is None:
                r.text = b"".join(self._pieces[i] for i in r.ids[r.prompt:])
            before, r.text = len(r.text), r.text + self._pieces[token]
            for i, word in enumerate(r.words):
                if r.text.find(word, max(0, before - len(word) + 1)) >= 0:
                    return "stop_string", i
        return ("length", -1) if len(r.ids) + fresh - r.inputs >= r.most else None

    def hold(self):
        """Nothing is drawn between two steps anyway."""

    def go_on(self):
        """See hold."""

    def keep(self):
        """The weights that were loaded last are the policy."""

    def undo(self):
        """Goes back to the weights before the last load; False where the engine has no others."""
        return True

    def touch(self, sequences):
        """Nothing outlives a request here."""

    def close(self):
        """Nothing to end."""
