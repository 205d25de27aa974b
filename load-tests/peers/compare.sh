#!/usr/bin/env bash
# Measures the peers and Foothold in one sitting and prints the ratios. Needs Python 3 with venv; installs into the given directory.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
venv=${1:?usage: compare.sh DIRECTORY_OF_A_VENV [THREADS]}
threads=${2:-1}
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/pip" -q install -r "$here/requirements.txt"
out=$(mktemp)
(cd "$here" && "$venv/bin/python" hf_generate.py "$threads" && "$venv/bin/python" eager.py "$threads") 2> /dev/null | tee "$out"
"$here/../../foothold" bench --json --threads "$threads" | tee -a "$out"
"$venv/bin/python" - "$out" <<'P'
import json, sys
rows = [json.loads(line) for line in open(sys.argv[1])]
peer = next(r for r in rows if r.get("peer") == "hf generate")["useful_tokens_per_s"]
ours = next(r for r in rows if r.get("system") == "foothold engine")["useful_tokens_per_s"]
print("engine / hf generate:", {b: round(ours[b] / peer[b], 2) for b in peer})
eager = next(r for r in rows if r.get("peer") == "eager pytorch")["learner_trained_tokens_per_s"]
for r in rows:
    if "learner" in r.get("system", ""):
        print(r["system"], "/ eager:", round(r["learner_trained_tokens_per_s"] / eager, 2))
P
rm -f "$out"
