#!/usr/bin/env bash
# Measures the peers and Foothold by turns, several rounds in one sitting, and prints the median over the rounds of each ratio with the
# lowest and the highest. Needs Python 3 with venv; installs into the given directory. With the directory of a model of real size that
# model is measured, and what is compared is the time of all threads: a round takes many minutes, which on a shared machine are not alike.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
venv=${1:?usage: compare.sh DIRECTORY_OF_A_VENV [THREADS] [ROUNDS] [MODEL]}
threads=${2:-1}
rounds=${3:-5}
model=${4:+$(cd "$4" && pwd)}
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
  if [ -n "$model" ]; then
    {
      peer hf_generate.py "$threads" "$model"
      ours --threads "$threads" --only engine --model "$model"
      peer eager.py "$threads" "$model"
      ours --threads "$threads" --only learner --model "$model"
      peer trl_grpo.py "$threads" "$model" | tail -1
      ours --threads "$threads" --only run --model "$model" --home "$work/home-$round"
      peer trl_grpo.py "$threads" "$model" full | tail -1
      ours --threads "$threads" --only run --model "$model" --full --home "$work/home-full-$round"
    } | tee "$work/round-$round.json"
    continue
  fi
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


def find(rows, key, name, skip=0):
    return [r for r in rows if name in r.get("peer", "") + r.get("system", "") and key in r][skip][key]


def show(what, values):
    print(f"{what}: {statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})")


def ratio(key, ours, peer, pick=lambda x: x):
    return [pick(find(rows, key, ours)) / pick(find(rows, key, peer)) for rows in rounds]


if any("useful_tokens_per_cpu_s" in r and "256" not in r["useful_tokens_per_cpu_s"] for r in rounds[0]):
    for batch in ("1", "16", "64"):
        show(f"engine / hf generate, batch {batch}", ratio("useful_tokens_per_cpu_s", "foothold engine", "hf generate", lambda x: x[batch]))
    for batch in ("16", "64"):
        show(f"engine, prompts shared by 8 / hf generate, batch {batch}",
             ratio("useful_tokens_per_cpu_s", "foothold engine, prompts shared", "hf generate", lambda x: x[batch]))
    for ours, peer in (("dense", "dense"), ("shared", "dense"), ("adapters", "adapters")):
        show(f"learner, {ours} / eager pytorch, {peer}",
             ratio("learner_trained_tokens_per_cpu_s", "foothold learner, " + ours, "eager pytorch, " + peer))
    for which, (ours, skip) in {"adapters": ("adapters of rank", 0), "all weights": ("all weights", 1)}.items():
        show(f"whole run / trl, {which}",
             [find(rows, "trained_rollouts_per_cpu_s", "whole GRPO run, " + ours)
              / find(rows, "trained_rollouts_per_cpu_s", "trl grpo", skip) for rows in rounds])
    sys.exit()
for batch in ("1", "16", "64", "256"):
    show(f"engine / hf generate, batch {batch}", ratio("useful_tokens_per_s", "foothold engine", "hf generate", lambda x: x[batch]))
for what in ("dense", "ragged"):
    show(f"learner / eager pytorch, {what}", ratio("learner_trained_tokens_per_s", "foothold learner, " + what, "eager pytorch, " + what))
show("whole run / trl", ratio("trained_rollouts_per_s", "whole asynchronous", "trl grpo"))
for rollouts in (96, 384):
    show(f"sampling phases / engine alone, {rollouts} rollouts",
         [find(rows, "share_of_engine_alone", f"synchronous run, {rollouts} ") for rows in rounds])
P
