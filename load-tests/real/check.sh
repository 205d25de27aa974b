#!/usr/bin/env bash
# check.sh [HOME] [train's options]: the example smollm2-grpo.yaml as a newcomer runs it, learner and policy server as child processes,
# and what must come of it: held-out pass@1 of at most .30 before and at least .45 after eight updates, and nine of ten answers ended.
# Ends with 2 where the model cannot be had. Without HOME what the run wrote is removed.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
model=$("$root/load-tests/real/model.sh") || exit 2
if [ $# -gt 0 ]; then
  home=$1
  shift
  mkdir -p "$home"
else
  home=$(mktemp -d)
  trap 'rm -rf "$home"' EXIT
fi
"$root/foothold" train "$root/services/foothold/examples/smollm2-grpo.yaml" --id smollm2 --home "$home" --set policy.base="$model" "$@" \
  | tee "$home/smollm2.out"
python3 - "$home/smollm2.out" << 'CHECK'
import re
import sys

with open(sys.argv[1], encoding="utf-8") as lines:
    found = re.findall(r"held-out: pass@1 ([\d.]+) .*; ([\d.]+) ended before their limit", lines.read())
if len(found) < 2:
    sys.exit("real model: the run told no evaluation before and after")
(before, _), (after, ended) = (map(float, found[0]), map(float, found[-1]))
print(f"real model: held-out pass@1 {before:.3f} -> {after:.3f}, {ended:.3f} of the answers ended")
if not (before <= 0.30 and after >= 0.45 and ended >= 0.9):
    sys.exit("real model: NOT AS EXPECTED (at most .30 before, at least .45 after, at least .9 ended)")
CHECK
