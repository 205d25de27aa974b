#!/usr/bin/env bash
# Measures the peers and Foothold in one sitting and prints the ratios. Needs Python 3 with venv; installs into the given directory.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
venv=${1:?usage: compare.sh DIRECTORY_OF_A_VENV [THREADS]}
threads=${2:-1}
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/pip" -q install -r "$here/requirements.txt"
out=$(mktemp)
(
  cd "$here"
  "$venv/bin/python" hf_generate.py "$threads"
  "$venv/bin/python" eager.py "$threads"
  # Whole runs may use both cores: TRL by two intra-op threads, Foothold by sampling and learning beside each other.
  "$venv/bin/python" trl_grpo.py 2 | tail -1
) 2> /dev/null | tee "$out"
home=$(mktemp -d)
"$here/../../foothold" bench --json --threads "$threads" --only engine,learner | tee -a "$out"
"$here/../../foothold" bench --json --only run --home "$home" | tee -a "$out"
rm -rf "$home"
"$venv/bin/python" - "$out" <<'P'
import json, sys
rows = [json.loads(line) for line in open(sys.argv[1])]


def find(key, name):
    return next(r for r in rows if name in r.get("peer", "") + r.get("system", "") and key in r)[key]


peer, ours = find("useful_tokens_per_s", "hf generate"), find("useful_tokens_per_s", "foothold engine")
print("engine / hf generate:", {b: round(ours[b] / peer[b], 2) for b in peer})
for what in ("dense", "ragged"):
    key = "learner_trained_tokens_per_s"
    print(f"learner / eager pytorch, {what}:", round(find(key, "foothold learner, " + what) / find(key, "eager pytorch, " + what), 2))
key = "trained_rollouts_per_s"
print("whole run / trl:", round(find(key, "whole asynchronous") / find(key, "trl grpo"), 2))
P
rm -f "$out"
