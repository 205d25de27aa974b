#!/usr/bin/env bash
# check.sh [HOME] [train's options]: the example smollm2-grpo.yaml as a newcomer runs it, learner and policy server as child processes,
# and what must come of it: held-out pass@1 of at most .30 before and at least .45 after six updates, and nine of ten answers ended.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
if [ $# -gt 0 ]; then home=$1; shift; else home=$(mktemp -d); fi
model=$("$root/load-tests/real/model.sh")
"$root/foothold" train "$root/services/foothold/examples/smollm2-grpo.yaml" --id smollm2 --home "$home" \
  --set policy.base="$model" "$@"
python3 - "$home/runs/smollm2" << 'CHECK'
import json
import sys

with open(sys.argv[1] + "/events.jsonl", encoding="utf-8") as lines:
    done = [event for event in map(json.loads, lines) if event["kind"] == "evaluation_done"]
before, after = done[0]["data"], done[-1]["data"]
figures = f"held-out pass@1 {before['pass@1']:.3f} -> {after['pass@1']:.3f}, {after['finished_share']:.3f} of answers ended"
print("real model: " + figures)
if not (before["pass@1"] <= 0.30 and after["pass@1"] >= 0.45 and after["finished_share"] >= 0.9):
    sys.exit("real model: NOT AS EXPECTED (at most .30 before, at least .45 after, at least .9 ended)")
CHECK
