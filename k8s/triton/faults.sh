#!/usr/bin/env bash
# Kills the model process, then the whole of a real tritonserver, in the middle of an asynchronous run, and starts it again each time; then
# stops its processes for a while, which leaves connections open that nobody serves. The run must end, and its ledger must have lost
# no rollout and trained none twice. Exit code 2: no tritonserver can be started here.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
cd "$root"
port=${1:-9241}
work=$root/target/triton-faults
rm -rf "${work:?}/home"
mkdir -p "$work"
start() { ./foothold triton start --dir "$root/target/triton" --port "$port" > "$work/start.log" 2>&1 || { tail -5 "$work/start.log"; echo "faults: no tritonserver can be started here"; exit 2; }; }
server() { cat "$root/target/triton/server.pid"; }
updates() { find "$work/home/runs/faults/completions" -name 'update*' 2> /dev/null | wc -l; }
reach() { # so many updates, seconds
  for _ in $(seq "$(($2 * 5))"); do [ "$(updates)" -ge "$1" ] && return; kill -0 "$run" 2> /dev/null || break; sleep 0.2; done
  tail -20 "$work/run.log"; echo "faults: THE RUN DID NOT REACH UPDATE $1"; exit 1
}
start
./foothold train "$here/check.yaml" --id faults --home "$work/home" --inference "127.0.0.1:$port" \
  --set updates=18 --set staleness=1 --set loss.ratio=token --set evaluation.every=100 --set max_log_prob_difference=1e-3 > "$work/run.log" 2>&1 &
run=$!
source "$here/processes.sh"
stubs() { members "$root/target/triton" | grep -vx "$(server)" || true; }
end() {
  local left
  kill "$run" 2> /dev/null || true
  mapfile -t left < <(members "$root/target/triton")
  kill -CONT "${left[@]}" 2> /dev/null || true
  end_members "$root/target/triton"
}
trap end EXIT
reach 3 120
pkill -9 -P "$(server)" -f triton_python_backend_stub
echo "faults: model process killed after update $(updates)"
sleep 9
kill -9 "$(server)"; sleep 1
start
reach "$(($(updates) + 3))" 120
kill -9 "$(server)"; sleep 1
echo "faults: server killed after update $(updates)"
start
reach "$(($(updates) + 2))" 120
mapfile -t processes < <(server; stubs)
kill -STOP "${processes[@]}"
echo "faults: server and model stopped after update $(updates)"
sleep 15
kill -CONT "${processes[@]}"
wait "$run" || { tail -20 "$work/run.log"; echo "faults: THE RUN FAILED"; exit 1; }
./foothold ledger audit faults --home "$work/home" > "$work/audit.log" || { cat "$work/audit.log"; echo "faults: THE LEDGER IS NOT SOUND"; exit 1; }
sed 's|^|faults: |' "$work/audit.log"
./foothold triton stop --dir "$root/target/triton" > /dev/null
