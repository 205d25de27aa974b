# shellcheck shell=bash
# To be sourced by the scripts beside it: what a run on the dial in processes of its own needs.

# The checkout.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# A script that ends because a command failed says which.
set -E
trap 'echo "${BASH_SOURCE[0]##*/}: line $LINENO: $BASH_COMMAND: exit code $?" >&2' ERR

# Ends the script, or the function whose words are asked for: words.
fail() { echo "$(basename "$0" .sh): $*" >&2; exit 1; }

# A run of the dial: file, seed, updates, groups an update, updates between evaluations, updates between checkpoints.
dial_run() {
  cat > "$1" << YAML
method: pope-dial
seed: $2
updates: $3
policy: {base: $root/services/foothold/policies/dial}
problems:
  train: {family: dial, level: medium, count: 24, seed: 13}
  evaluate:
    medium: {family: dial, level: medium, count: 12, seed: 1003, split: test}
prompts: {root: "<|solve|>{problem}<|assistant|>", guided: "<|continue|>{problem};\n{prefix}<|assistant|>", thought_delimiter: ";\n"}
sampling: {groups_per_update: $4, rollouts_per_group: 4}
evaluation: {every: $5, samples: 2}
checkpoint: {every: $6, keep: 2}
YAML
}

# The digest of the last update of a home's run r, which must be finished and sound.
audit() {
  local out
  out=$("$root/foothold" ledger audit r --home "$1") || fail "the ledger of $1 is not sound: $out"
  grep -q "run r: finished" <<< "$out" || fail "the run of $1 is not finished: $out"
  sed -n 's/.*digest //p' <<< "$out"
}

# A port that nobody has on any address.
free_port() { python3 -c 'import socket; s=socket.socket(); s.bind(("0.0.0.0",0)); print(s.getsockname()[1])'; }
