"""Asks a real tritonserver with engine vllm for what its stand-in cannot show: vllm_check.py HOST:PORT POLICY_A POLICY_B. Both policies
are of tiny.py; the server may have sampled another version for a run before. The reference engine, in float64, says what the log-probs must be. Kills vLLM's engine process in
the end, named in argument 4 if given."""
import hashlib
import os
import pathlib
import signal
import sys
import time

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "model-repository/policy/1"))
import reference
import texts_check
from ask import Refused, Server

PROMPT = [3 + (i * 37 + i * i) % 370 for i in range(324)]  # longer than two blocks of the prefix cache on CPUs (128)
SHORT = [5, 6, 7]


class Weights:
    def __init__(self, directory):
        path = pathlib.Path(directory).resolve() / "model.safetensors"
        self.uri, self.digest, self.policy = path.as_uri(), hashlib.sha256(path.read_bytes()).hexdigest(), reference.Policy(directory)

    def log_probs(self, prompt, ids):
        return np.array(self.policy.log_probs(prompt + ids, 1)[-len(ids):])

    def canary(self):
        sequences = [PROMPT[:200], PROMPT[::-1], [5, 6, 7, 8, 9]]
        return dict(canary_ids=sum(sequences, []), canary_lengths=[len(s) for s in sequences],
                    canary_log_probs=[float(x) for s in sequences for x in self.policy.log_probs(s, 1)])


def refusal(server, **inputs):
    began = time.monotonic()
    try:
        server.wait(server.send(**inputs))
    except Refused as refused:
        return str(refused), time.monotonic() - began
    raise AssertionError("not refused: %s" % list(inputs.items())[-1:])


def main(target, a, b, engine):
    a, b = Weights(a), Weights(b)
    with Server(target, os.environ.get("FOOTHOLD_ADMIN_SECRET", "")) as server:
        texts_check.check(server)
        print("texts beyond ASCII pass")
        for name, value in (("top_p", 0.0), ("top_p", 1.5), ("temperature", -1.0), ("temperature", 2.5), ("top_k", -5), ("stop_strings", [""]),
                            ("stop_strings", [b"\xff"]), ("stop_token_ids", [999999])):
            text, seconds = refusal(server, input_ids=SHORT, max_tokens=3, random_seed=1, **{name: value})
            assert seconds < 10 and name in text, (name, text, seconds)
        assert (server.status()["running"], server.status()["last_error"]) == (0, ""), server.status()
        print("8 arguments that vLLM refuses are refused at once")

        def ask(weights, state):
            """The same prompt each time: its keys must be of the weights that serve now."""
            ids, log_probs, _ = server.tokens(server.send(
                input_ids=PROMPT, max_tokens=8, random_seed=5, ignore_eos=True, policy_digest=weights.digest))
            off = np.abs(np.array(log_probs) - weights.log_probs(PROMPT, ids)).max()
            print("%s: largest difference from the reference engine %.2g nats" % (state, off))
            assert off < 1e-3, off

        def publish(version, weights, numbers, op="update"):
            return server.wait(server.send(op=op, weights_uri=weights.uri, weights_digest=weights.digest, policy_version=version, **numbers))

        publish(0, a, a.canary(), op="reset")  # as a run does that starts on a server which has sampled for another
        ask(a, "version 0, A"), ask(a, "version 0, A again, cached")
        for version, weights, name in ((1, b, "B"), (2, a, "A"), (3, b, "B")):
            flying = [server.send(input_ids=SHORT, max_tokens=400, random_seed=i, ignore_eos=True, stream_interval=4) for i in range(12)]
            began = time.monotonic()
            publish(version, weights, weights.canary())
            proof = server.status()["canary"]
            print("publish of %s: %.1f s, held %.2f s, canary cold mean %.2g max %.2g, warm mean %.2g max %.2g" % (
                name, time.monotonic() - began, server.status()["pause_micros"] / 1e6, *(proof[k] for k in ("cold_mean", "cold_max", "warm_mean", "warm_max"))))
            ask(weights, "version %d, %s, the prompt that came before" % (version, name))
            seen = set()
            for one in flying:
                ids, _, versions = server.tokens(one)
                assert len(ids) == 400 and versions == sorted(versions), (len(ids), versions)
                seen |= set(versions)
            print("12 sequences under way got all their tokens, of versions %s" % sorted(seen))
        with Server(target) as other:  # an error says nothing of whose it is: a connection of its own
            named = other.send(input_ids=SHORT, max_tokens=400, random_seed=9, ignore_eos=True, stream_interval=4, policy_version=3, policy_digest=b.digest)
            publish(4, a, {})
            try:
                other.wait(named)
                print("a request that names its policy had ended before the publish")
            except Refused as refused:
                assert "is not the policy asked for" in str(refused), refused
                print("a request that names its policy ends with: %s" % refused)
        assert server.status()["running"] == 0, server.status()
        ask(a, "version 4, A, published without a canary")
        try:
            publish(5, a, b.canary())
            raise AssertionError("weights that are not those of the canary were taken")
        except Refused as refused:
            assert "canary: version 5" in str(refused), refused
            print("other weights: %s" % refused)
        assert "no proved policy" in refusal(server, input_ids=SHORT, max_tokens=3, random_seed=1)[0]
        publish(5, a, a.canary())
        ask(a, "version 5, A, after the refusal")
        if not engine:
            return
        server.send(input_ids=SHORT, max_tokens=400, random_seed=1, ignore_eos=True, stream_interval=1)
        time.sleep(1)
        os.kill(int(engine), signal.SIGKILL)
    began = time.monotonic()
    while time.monotonic() - began < 60:
        with Server(target, patience=5) as server:
            try:
                server.status()
            except Exception as gone:
                print("engine process killed: after %.0f s the model's process is gone (%s)" % (time.monotonic() - began, str(gone)[:80] or type(gone).__name__))
                return
        time.sleep(1)
    raise AssertionError("a server whose engine is dead still answers")


if __name__ == "__main__":
    main(*(sys.argv[1:] + [None])[:4])
