#!/usr/bin/env bash
# Prints the packages' folder of the Python environment that engine vllm runs in:
#
#   vllm-env.sh [--install]
#
# FOOTHOLD_VLLM_ENV names an environment (Python 3.11) that has vllm already, such as one for GPUs. Otherwise it is the one of
# requirements-vllm.txt, in ${XDG_CACHE_HOME:-~/.cache}/foothold, outside every checkout; --install makes it where it is missing (PyPI, about
# 3 GB of downloads, 6.2 GB on disk). Exit code 2: there is none.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
packages() { "$1/bin/python" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])'; }
if [ -n "${FOOTHOLD_VLLM_ENV:-}" ]; then
  site=$(packages "$FOOTHOLD_VLLM_ENV") && [ -d "$site/vllm" ] || { echo "vllm-env: FOOTHOLD_VLLM_ENV names '$FOOTHOLD_VLLM_ENV', which has no package vllm" >&2; exit 2; }
  echo "$site"
  exit 0
fi
env=$("$here/python-env.sh" vllm "$here/requirements-vllm.txt" "$@") || exit 2
packages "$env"
