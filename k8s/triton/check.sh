#!/usr/bin/env bash
# Asks a real tritonserver for conformance, and does one short run twice, sampled by our own policy server and by a real tritonserver with the reference engine, and compares the
# parameter digests: equal only if both servers drew the same tokens in every rollout. Exit code 2: this machine
# cannot run a tritonserver. The same server scores a run by the reward model of the examples.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
cd "$root"
work=$root/target/triton
grpc=${1:-9211}
[ "$("${PYTHON:-python3.11}" -c 'print(311)' 2> /dev/null)" = 311 ] || { echo "triton: no Python 3.11 on this machine"; exit 2; }
rm -rf "$work/own" "$work/server-run"
export FOOTHOLD_ADMIN_SECRET=secret-$$
export FOOTHOLD_SAMPLER_ADMIN_SECRET=$FOOTHOLD_ADMIN_SECRET
"$here/start.sh" --engine reference --also services/foothold/examples/reward-model/repository "$work" services/foothold/policies/dial "$grpc" || { echo "triton: no tritonserver can be started here"; exit 2; }
trap '"$here/stop.sh" "$work" > /dev/null || true' EXIT
"$work/venv/bin/python" -W ignore "$here/engines_test.py" > "$work/engines.log" 2>&1 || { cat "$work/engines.log"; echo "triton: THE MODEL'S ENGINES FAIL THEIR TESTS"; exit 1; }
echo "triton: engines reference and vllm (a stand-in for its AsyncLLM): $(grep '^Ran' "$work/engines.log")"
digest() { # home, more arguments
  local home=$1; shift
  ./foothold train "$here/check.yaml" --id check --home "$home" "$@" >&2
  ./foothold ledger audit check --home "$home" | sed -n 's/.*digest //p'
}
own=$(digest "$work/own" --one-process)
theirs=$(digest "$work/server-run" --inference "127.0.0.1:$grpc")
echo "triton: digest with the policy server $own"
echo "triton: digest with tritonserver      $theirs"
[ -n "$own" ] && [ "$own" = "$theirs" ] || { echo "triton: THE SERVERS DREW DIFFERENT TOKENS"; exit 1; }
suite=$(./foothold triton conformance --target "127.0.0.1:$grpc" --metrics "http://127.0.0.1:$((grpc + 2))/metrics" --admin-secret "$FOOTHOLD_ADMIN_SECRET") || { echo "$suite"; echo "triton: THE SERVER DOES NOT CONFORM"; exit 1; }
echo "triton: conformance of tritonserver: $(tail -1 <<< "$suite")"
rm -rf "$work/scored"
scored() { # model, more arguments
  local model=$1; shift
  ./foothold train services/foothold/examples/reward-model/run.yaml --id scored --home "$work/scored" --one-process --set updates=1 --set evaluation.samples=1 \
    --set "verification.rewards.2.reward_model.server=grpc://127.0.0.1:$grpc" --set "verification.rewards.2.reward_model.model=$model" "$@" > "$work/scored.log" 2>&1
}
! scored lenght --dry-run || { echo "triton: A REWARD MODEL THAT IS NOT THERE IS NOT MISSED"; exit 1; }
grep -q "the server has no such model (did you mean 'length'?)" "$work/scored.log" || { tail -5 "$work/scored.log"; echo "triton: NOBODY SAYS WHICH REWARD MODEL IS NOT THERE"; exit 1; }
scored length || { tail -5 "$work/scored.log"; echo "triton: A RUN WITH A REWARD MODEL FAILS"; exit 1; }
# The numbers are those of the model: 1 - characters / 200, without the special tokens of the policy's chat format.
"$work/venv/bin/python" - "$work"/scored/runs/scored/completions/update-*.jsonl <<'P'
import json, re, sys
lines = [json.loads(line) for name in sys.argv[1:] for line in open(name)]
assert lines
for line in lines:
    said = re.sub(r"<\|[^|]*\|>$", "", line["response"])
    assert abs(line["rewards"]["short"] - (1 - len(said) / 200)) < 1e-6, line
print(f"triton: a reward model on tritonserver scored {len(lines)} rollouts of a run as it should")
P
"$here/stop.sh" "$work"
# A policy whose name, vocabulary and chat template hold letters beyond ASCII, served in the C locale.
rm -rf "$work/grün"
"$work/venv/bin/python" "$here/tiny.py" "$work/grün/π"
LC_ALL=C "$here/start.sh" --engine uniform "$work" "$work/grün/π" "$grpc"
"$here/client.sh" "$here/texts_check.py" "127.0.0.1:$grpc" > "$work/texts.log" 2>&1 || {
  code=$?
  cat "$work/texts.log"
  [ $code != 2 ] || exit 2
  echo "triton: TEXTS BEYOND ASCII DO NOT PASS"
  exit 1
}
echo "triton: $(tail -1 "$work/texts.log")"
"$here/stop.sh" "$work"
left=$("$here/start-check.sh" "$work" "$grpc") || { echo "$left"; echo "triton: A START LEFT PROCESSES"; exit 1; }
echo "triton: $left"
echo "triton: a real tritonserver drew the same tokens as the policy server in every rollout"
