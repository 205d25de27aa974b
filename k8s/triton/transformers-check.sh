#!/usr/bin/env bash
# Engine transformers: its tests on tiny models of many families, then inside a real tritonserver a training run on merged weights and
# conformance, and one whose adapters are taken up as adapters:
#
#   transformers-check.sh [--install]
#
# --install makes the environment of the learner's torch backend where it is missing (minutes, 5.6 GB). Exit code 2: not run, for want of
# it or of a tritonserver.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
cd "$root"
port=${FOOTHOLD_PORT:-9271}
work=$root/target/transformers
python=$(bash services/learner/torch/env.sh ${1:+"$1"}) || { echo "transformers: NOT RUN: no environment of the torch backend (k8s/triton/transformers-check.sh --install makes it)"; exit 2; }
mkdir -p "$work"
rm -rf "${work:?}/policy" "${work:?}/home"
OMP_NUM_THREADS=1 "$python" -W ignore "$here/transformers_test.py" > "$work/tests.log" 2>&1 || { tail -40 "$work/tests.log"; echo "transformers: THE ENGINE FAILS ITS TESTS"; exit 1; }
echo "transformers: tests of the engine outside Triton: $(grep '^Ran' "$work/tests.log")"
"$python" "$here/tiny.py" "$work/policy"
export FOOTHOLD_ADMIN_SECRET=secret-$$ FOOTHOLD_SAMPLER_ADMIN_SECRET=secret-$$ OMP_NUM_THREADS=1
start() { # more arguments of start.sh
  "$here/start.sh" --engine transformers "$@" "$work/server" "$work/policy" "$port" > "$work/start.log" 2>&1 || { cat "$work/start.log"; echo "transformers: NOT RUN: no tritonserver can be started here"; exit 2; }
}
train() { # run, more arguments; a loss beyond the default bound of 1e-5 nats stops it
  local id=$1; shift
  ./foothold train "$here/vllm-check.yaml" --id "$id" --home "$work/home" --set policy.base="$work/policy" --inference "127.0.0.1:$port" "$@" > "$work/train-$id.log" 2>&1 \
    && ./foothold ledger audit "$id" --home "$work/home" > "$work/audit-$id.log" 2>&1 || { tail -20 "$work/train-$id.log"; tail -20 "$work/server/server.log"; echo "transformers: RUN $id FAILED"; exit 1; }
}
trap '"$here/stop.sh" "$work/server" > /dev/null || true' EXIT
start
train merged
echo "transformers: four updates of merged weights in tritonserver, every token within the default bound of 1e-5 nats of the learner"
suite=$(./foothold triton conformance --target "127.0.0.1:$port" --metrics "http://127.0.0.1:$((port + 2))/metrics" --admin-secret "$FOOTHOLD_ADMIN_SECRET") || {
  echo "$suite"; echo "transformers: THE SERVER DOES NOT CONFORM"; exit 1; }
echo "transformers: conformance: $(tail -1 <<< "$suite")"
"$here/stop.sh" "$work/server" > /dev/null
start --adapters adapter --weight-change keep
train adapters --set optimizer.lora.rank=4 --set optimizer.lora.alpha=8
# Such a server refuses a version that names no adapters: one that it serves came as adapters.
version=$(curl -fsS "http://127.0.0.1:$((port + 2))/metrics" | sed -n 's/^foothold_policy_version{.*} //p')
[ "${version%%.*}" -ge 1 ] || { echo "transformers: NO VERSION WAS TAKEN UP (the server has $version)"; exit 1; }
echo "transformers: four updates within the same bound, the last version (${version%%.*}) taken up as adapters"
