#!/usr/bin/env bash
# Measures the peers and Foothold by turns, several rounds in one sitting, and prints the median over the rounds of each ratio with the
# lowest and the highest. Needs Python 3 with venv; installs into the given directory.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
venv=${1:?usage: compare.sh DIRECTORY_OF_A_VENV [THREADS] [ROUNDS]}
threads=${2:-1}
rounds=${3:-5}
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/pip" -q install -r "$here/requirements.txt"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Peers run under the scheduling that the launcher gives Foothold.
batch=
chrt -b 0 true 2> /dev/null && batch="chrt -b 0"
peer() { (cd "$here" && $batch "$venv/bin/python" "$@" 2> "$work/err") || { cat "$work/err" >&2; exit 1; }; }
ours() { "$here/../../foothold" bench --json "$@" 2> "$work/err" || { cat "$work/err" >&2; exit 1; }; }
for ((round = 1; round <= rounds; round++)); do
  echo "round $round of $rounds" >&2
  # Whole runs may use both cores: TRL by two intra-op threads, Foothold by sampling and learning beside each other.
  {
    peer hf_generate.py "$threads"
    ours --threads "$threads" --only engine
    peer eager.py "$threads"
    ours --threads "$threads" --only learner
    peer trl_grpo.py 2 | tail -1
    ours --only run --home "$work/home-$round"
  } | tee "$work/round-$round.json"
done
"$venv/bin/python" - "$work"/round-*.json <<'P'
import json, statistics, sys
rounds = [[json.loads(line) for line in open(file)] for file in sys.argv[1:]]


def find(rows, key, name):
    return next(r for r in rows if name in r.get("peer", "") + r.get("system", "") and key in r)[key]


def show(what, values):
    print(f"{what}: {statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})")


def ratio(key, ours, peer, pick=lambda x: x):
    return [pick(find(rows, key, ours)) / pick(find(rows, key, peer)) for rows in rounds]


for batch in ("1", "16", "64", "256"):
    show(f"engine / hf generate, batch {batch}", ratio("useful_tokens_per_s", "foothold engine", "hf generate", lambda x: x[batch]))
for what in ("dense", "ragged"):
    show(f"learner / eager pytorch, {what}", ratio("learner_trained_tokens_per_s", "foothold learner, " + what, "eager pytorch, " + what))
show("whole run / trl", ratio("trained_rollouts_per_s", "whole asynchronous", "trl grpo"))
for rollouts in (96, 384):
    show(f"sampling phases / engine alone, {rollouts} rollouts",
         [find(rows, "share_of_engine_alone", f"synchronous run, {rollouts} ") for rows in rounds])
P
