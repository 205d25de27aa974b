#!/usr/bin/env bash
# The torch backend as a whole, on this machine's CPUs with two processes:
#
#   check.sh [--install]
#
# A run that is not interrupted, then the same one whose rank 1 is killed (kill -9) in the middle of an update: both end with the same
# digest, and the ledger of the second is sound. --install makes the Python environment where it is missing (env.sh). Exit code 2: not run,
# for want of it.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../../.." && pwd)
cd "$root"
python=$("$here/env.sh" ${1:+"$1"}) || { echo "torch: NOT RUN: no Python environment for the torch backend (./foothold torch install makes it)"; exit 2; }
work=${WORK:-$root/target/torch}
rm -rf "$work"
mkdir -p "$work"
echo "torch: $("$python" -c 'import torch, transformers; print("torch", torch.__version__, "transformers", transformers.__version__)')"
cat > "$work/r.yaml" << YAML
method: pope-dial
seed: 5
updates: ${UPDATES:-6}
policy: {base: $root/services/foothold/policies/dial}
problems:
  train: {family: dial, level: medium, count: 24, seed: 13}
  evaluate:
    medium: {family: dial, level: medium, count: 12, seed: 1003, split: test}
prompts: {root: "<|solve|>{problem}<|assistant|>", guided: "<|continue|>{problem};\n{prefix}<|assistant|>", thought_delimiter: ";\n"}
sampling: {groups_per_update: 4, rollouts_per_group: 4}
evaluation: {every: 10, samples: 2}
checkpoint: {every: 2, keep: 2}
learner: {backend: torch, torch: {processes: 2, device: cpu}}
YAML
digest() { # home: digest of the last update; the run must be finished and sound
  local out
  out=$(./foothold ledger audit r --home "$1") || { echo "$out" >&2; echo "torch: the ledger of $1 is not sound" >&2; return 1; }
  grep -q "run r: finished" <<< "$out" || { echo "$out" >&2; echo "torch: the run of $1 is not finished" >&2; return 1; }
  sed -n 's/.*digest //p' <<< "$out"
}
below() { # process: all processes below it
  local p
  for p in $(ps -o pid= --ppid "$1"); do echo "$p"; below "$p"; done
}
./foothold train "$work/r.yaml" --id r --home "$work/whole" > "$work/whole.log" 2>&1 || { tail -30 "$work/whole.log"; echo "torch: THE RUN FAILED"; exit 1; }
want=$(digest "$work/whole")
echo "torch: ${UPDATES:-6} updates on two processes, digest $want"

./foothold train "$work/r.yaml" --id r --home "$work/killed" > "$work/killed.log" 2>&1 &
train=$!
trap 'kill "$train" 2> /dev/null || true' EXIT
until grep -qs 'update_done {"update":3,' "$work/killed/foothold.log"; do
  kill -0 "$train" 2> /dev/null || { tail -30 "$work/killed.log"; echo "torch: THE RUN FAILED"; exit 1; }
  sleep 0.1
done
rank=
for p in $(below "$train"); do
  # What ends meanwhile has no environment any more.
  if tr '\0' '\n' < "/proc/$p/environ" 2> /dev/null | grep -x RANK=1 > /dev/null; then rank=$p; fi
done
[ -n "$rank" ] || { echo "torch: no process of rank 1 is to be seen below the run"; exit 1; }
kill -9 "$rank"
wait "$train" || { tail -30 "$work/killed.log"; echo "torch: THE RUN DID NOT OUTLIVE ITS RANK"; exit 1; }
trap - EXIT
got=$(digest "$work/killed")
grep -qs "rank 1 of 2 was ended by signal 9" "$work/killed/foothold.log" "$work/killed/learner.log" "$work/killed.log" || { echo "torch: nothing tells what became of rank 1"; exit 1; }
[ "$got" = "$want" ] || { echo "torch: after kill -9 of rank 1 the digest is $got, without it $want"; exit 1; }
echo "torch: kill -9 of rank 1 in the middle of a run: same digest, ledger sound"
