#!/usr/bin/env bash
# large.sh [0.6b|0.6b-lora|1.7b-lora]: a policy of the shape of Qwen3-0.6B or 1.7B with random weights, through all that a learner does with
# it in a process with a heap of 512 MiB: opened, scored, one update of all weights or two of adapters, published, checkpointed, served, and
# gone on from. Prints seconds and the most resident memory of each part. Takes up to 30 GB below ${TMPDIR:-/tmp} and removes it.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
shape=${1:-0.6b}
case $shape in 0.6b | 0.6b-lora | 1.7b-lora) ;; *) echo "large.sh: shape '$shape' (expected 0.6b, 0.6b-lora or 1.7b-lora)" >&2; exit 2 ;; esac
JAVA_HOME=$("$root/foothold" jdk)
export JAVA_HOME
cd "$root"
export JAVA_TOOL_OPTIONS=-Djava.io.tmpdir=${TMPDIR:-/tmp}
exec mvn -B -ntp -q -pl services/learner -am -Dquick -DskipTests=false -Dtest=LargePolicyTest -Dsurefire.failIfNoSpecifiedTests=false \
  -Dfoothold.large="$shape" test
