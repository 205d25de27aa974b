#!/usr/bin/env bash
# Asks a real vLLM, on this machine's CPUs inside a real tritonserver, for what the stand-in in engines_test.py cannot show:
#
#   vllm-check.sh [--install]
#
# --install makes vLLM's environment where it is missing (vllm-env.sh: minutes, 6.2 GB). Exit code 2: not run, for want of it or of
# a tritonserver.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
cd "$root"
source "$here/processes.sh"
port=${FOOTHOLD_PORT:-9261}
work=$root/target/vllm
site=$("$here/vllm-env.sh" ${1:+"$1"}) || { echo "vllm: NOT RUN: no environment for engine vllm (k8s/triton/vllm-check.sh --install makes it)"; exit 2; }
mkdir -p "$work"
rm -rf "$work/a" "$work/b" "${work:?}/home"
for seed in a:0 b:1; do PYTHONPATH=$site "${PYTHON:-python3.11}" "$here/tiny.py" "$work/${seed%:*}" "${seed#*:}"; done
export FOOTHOLD_ADMIN_SECRET=secret-$$ FOOTHOLD_SAMPLER_ADMIN_SECRET=secret-$$
export FOOTHOLD_VLLM='{"max_model_len": 512, "dtype": "float32", "max_num_seqs": 16, "enforce_eager": true, "gpu_memory_utilization": 0.1}'
export VLLM_CPU_OMP_THREADS_BIND=nobind OMP_NUM_THREADS=1 VLLM_CPU_KVCACHE_SPACE=1 HF_HUB_OFFLINE=1 VLLM_NO_USAGE_STATS=1
"$here/start.sh" --engine vllm "$work/server" "$work/a" "$port" > "$work/start.log" 2>&1 || { cat "$work/start.log"; echo "vllm: NOT RUN: no tritonserver can be started here"; exit 2; }
trap '"$here/stop.sh" "$work/server" > /dev/null' EXIT
echo "vllm: vllm-cpu $(sed -n 's/^vllm-cpu==//p' "$here/requirements-vllm.txt") in tritonserver, ready after $(sed -n 's/.*ready after \([0-9]*\) s.*/\1/p' "$work/start.log") s"
./foothold train "$here/vllm-check.yaml" --id vllm --home "$work/home" --set policy.base="$work/a" --inference "127.0.0.1:$port" > "$work/train.log" 2>&1 || {
  tail -20 "$work/train.log"; echo "vllm: THE RUN FAILED"; exit 1; }
echo "vllm: four updates sampled by vLLM, every token within the default bound of 1e-5 nats of the learner"
suite=$(./foothold triton conformance --target "127.0.0.1:$port" --metrics "http://127.0.0.1:$((port + 2))/metrics" --admin-secret "$FOOTHOLD_ADMIN_SECRET") || {
  echo "$suite"; echo "vllm: THE SERVER DOES NOT CONFORM"; exit 1; }
echo "vllm: conformance: $(tail -1 <<< "$suite")"
engine=
for p in $(members "$work/server"); do if grep -qa EngineCore "/proc/$p/cmdline"; then engine=$p; fi; done
[ -n "$engine" ] || { echo "vllm: no process of the engine is to be seen below $work/server"; exit 1; }
"$here/client.sh" "$here/vllm_check.py" "127.0.0.1:$port" "$work/a" "$work/b" "$engine" > "$work/check.log" 2>&1 || {
  tail -30 "$work/check.log"; tail -20 "$work/server/server.log"; echo "vllm: THE SERVER FAILED"; exit 1; }
sed 's|^|vllm: |' "$work/check.log"
trap - EXIT
"$here/stop.sh" "$work/server" > /dev/null || true
for form in merged adapter; do
  PYTHONPATH=$site "${PYTHON:-python3.11}" "$here/vllm_flight.py" "$work/flight-$form" "$form" > "$work/flight-$form.log" 2>&1 || {
    tail -40 "$work/flight-$form.log"; echo "vllm: A CHANGE OF WEIGHTS IN FLIGHT FAILED ($form)"; exit 1; }
  grep "^$form" "$work/flight-$form.log" | sed 's|^|vllm: |'
done
