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
wanted=$(sha256sum "$here/requirements-vllm.txt" | cut -c1-12)
env=${XDG_CACHE_HOME:-$HOME/.cache}/foothold/vllm-$wanted
if [ ! -e "$env/.complete" ]; then
  [ "${1:-}" = --install ] || { echo "vllm-env: no environment for engine vllm (looked for $env; --install makes it)" >&2; exit 2; }
  mkdir -p "$(dirname "$env")"
  exec 9> "$env.lock"
  flock 9 # another start may be making it
  if [ ! -e "$env/.complete" ]; then
    echo "vllm-env: making $env, several minutes" >&2
    rm -rf "$env"
    "${PYTHON:-python3.11}" -m venv "$env" >&2
    timeout 1200 "$env/bin/pip" install --quiet --disable-pip-version-check --no-deps -r "$here/requirements-vllm.txt" >&2 || {
      echo "vllm-env: pip could not install $here/requirements-vllm.txt within 20 minutes" >&2; exit 2; }
    touch "$env/.complete"
  fi
fi
packages "$env"
