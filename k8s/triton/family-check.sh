#!/usr/bin/env bash
# Trains a tiny policy of a family that the embedded transformer does not know (FAMILY, a model type of transformers; gpt_neox), learnt by
# torch and sampled by a real tritonserver (ENGINE: transformers, or vllm), on this machine's CPUs:
#
#   family-check.sh [--install]
#
# What is refused without --inference, updates with a kill -9 and a resume between, then adapters, whose targets are the family's own. Its
# vocabulary has rows beyond the tokenizer's tokens. --install makes the torch backend's environment where it is missing. Exit code 2: not
# run, for want of it or of a tritonserver.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
cd "$root"
port=${FOOTHOLD_PORT:-9281}
work=$root/target/family
kind=${FAMILY:-gpt_neox}
engine=${ENGINE:-transformers}
torch=$(PYTHON=${PYTHON:-python3.11} bash services/learner/torch/env.sh ${1:+"$1"}) || { echo "family: NOT RUN: no Python environment for the torch backend (./foothold torch install makes it)"; exit 2; }
mkdir -p "$work"
rm -rf "$work/policy" "${work:?}/home"
made=$(PYTHONDONTWRITEBYTECODE=1 "$torch" -W ignore "$here/family.py" "$work/policy" "$kind" 2> "$work/make.log") || { tail -5 "$work/make.log"; echo "family: NO POLICY COULD BE MADE"; exit 1; }
failed() { tail -20 "$1"; echo "family: $2"; exit 1; }
train() { # id, more arguments
  ./foothold train "$here/family-check.yaml" --id "$1" --home "$work/home" --set policy.base="$work/policy" "${@:2}"
}
! train refused > "$work/refused.log" 2>&1 || failed "$work/refused.log" "A RUN WITHOUT A SERVER WAS NOT REFUSED"
for word in --inference vllm "triton start --engine transformers --policy $work/policy"; do
  grep -qF -e "$word" "$work/refused.log" || failed "$work/refused.log" "THE REFUSAL DOES NOT NAME $word"
done
export FOOTHOLD_ADMIN_SECRET=secret-$$ FOOTHOLD_SAMPLER_ADMIN_SECRET=secret-$$ OMP_NUM_THREADS=1
export FOOTHOLD_VLLM='{"max_model_len": 512, "dtype": "float32", "max_num_seqs": 16, "enforce_eager": true, "gpu_memory_utilization": 0.1}'
export VLLM_CPU_OMP_THREADS_BIND=nobind VLLM_CPU_KVCACHE_SPACE=1 HF_HUB_OFFLINE=1 VLLM_NO_USAGE_STATS=1
"$here/start.sh" --engine "$engine" "$work/server" "$work/policy" "$port" > "$work/start.log" 2>&1 || { tail -5 "$work/start.log"; echo "family: NOT RUN: no tritonserver can be started here"; exit 2; }
run=
end() { [ -z "$run" ] || kill -9 "$run" 2> /dev/null || true; "$here/stop.sh" "$work/server" > /dev/null || true; }
trap end EXIT
echo "family: $kind, $made, sampled by $engine in tritonserver after $(sed -n 's/.*ready after \([0-9]*\) s.*/\1/p' "$work/start.log") s; without --inference refused with both engines' names"

updates() { find "$work/home/runs/killed/completions" -name 'update*' 2> /dev/null | wc -l; }
train killed --inference "127.0.0.1:$port" > "$work/killed.log" 2>&1 &
run=$!
until [ "$(updates)" -ge 2 ]; do
  kill -0 "$run" 2> /dev/null || { run=; failed "$work/killed.log" "THE RUN FAILED"; }
  sleep 0.1
done
kill -9 "$run"
wait "$run" 2> /dev/null || true
run=
train killed --resume --inference "127.0.0.1:$port" > "$work/resumed.log" 2>&1 || failed "$work/resumed.log" "THE RUN COULD NOT BE RESUMED"
audit=$(./foothold ledger audit killed --home "$work/home") || failed "$work/resumed.log" "THE LEDGER IS NOT SOUND: $audit"
grep -q "run killed: finished, update 4 of 4" <<< "$audit" || failed "$work/resumed.log" "THE RUN DID NOT END: $audit"
head -1 "$work/killed.log" | sed 's|^|family: |'
most=$(grep -ho '"log_prob_difference_max":[0-9.eE+-]*' "$work"/home/runs/killed/learner/manifests/* | cut -d: -f2 | sort -g | tail -1)
echo "family: four updates with a kill -9 and a resume, ledger sound; log-probs of sampler and learner differ by $most nats at most, tokens without text among them"
./foothold eval "$here/family-check.yaml" --policy "$work/policy" --home "$work/home/evaluation" --inference "127.0.0.1:$port" > "$work/eval.log" 2>&1 || failed "$work/eval.log" "THE POLICY COULD NOT BE EVALUATED"
grep -q '"pass@1"' "$work/eval.log" || failed "$work/eval.log" "THE EVALUATION SAYS NOTHING"

train adapters --inference "127.0.0.1:$port" --set optimizer.lora.rank=4 --set updates=2 --set evaluation.every=100 > "$work/adapters.log" 2>&1 || failed "$work/adapters.log" "ADAPTERS COULD NOT BE TRAINED"
targets=$(sed -n 's/.*"target_modules": \[\(.*\)\].*/\1/p' <(tr -d '\n' < "$(find "$work/home/runs/adapters" -name adapter_config.json | sed -n 1p)"))
echo "family: evaluated, and two updates of adapters on $(xargs <<< "$targets")"
! train wrong --inference "127.0.0.1:$port" --set optimizer.lora.rank=4 --set optimizer.lora.targets=no_such_layer > "$work/wrong.log" 2>&1 || failed "$work/wrong.log" "A TARGET THAT THE MODEL LACKS WAS ACCEPTED"
grep -o "LoRA target 'no_such_layer' is no linear layer of.*)" "$work/wrong.log" | sed -n 1p | sed 's|^|family: |' | grep . || failed "$work/wrong.log" "THE REFUSAL DOES NOT NAME THE LAYERS"
