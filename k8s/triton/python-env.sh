#!/usr/bin/env bash
# Prints the directory of a Python environment with the packages that a file pins, all of them by name and version:
#
#   python-env.sh NAME REQUIREMENTS [--install]
#
# It is ${XDG_CACHE_HOME:-~/.cache}/foothold/NAME-HASH, outside every checkout, where HASH is that of the file; --install makes it where it is
# missing (PYTHON, python3.11 by default, and PyPI or what pip is configured for). Exit code 2: there is none.
set -euo pipefail
[ $# -ge 2 ] || { echo "python-env: NAME and REQUIREMENTS are needed" >&2; exit 2; }
name=$1 requirements=$2
env=${XDG_CACHE_HOME:-$HOME/.cache}/foothold/$name-$(sha256sum "$requirements" | cut -c1-12)
if [ ! -e "$env/.complete" ]; then
  [ "${3:-}" = --install ] || { echo "$name: no Python environment (looked for $env; --install makes it)" >&2; exit 2; }
  mkdir -p "$(dirname "$env")"
  exec 9> "$env.lock"
  flock 9 # another start may be making it
  if [ ! -e "$env/.complete" ]; then
    echo "$name: making $env, several minutes" >&2
    rm -rf "$env"
    "${PYTHON:-python3.11}" -m venv "$env" >&2 || { echo "$name: ${PYTHON:-python3.11} could not make an environment" >&2; exit 2; }
    timeout 1200 "$env/bin/pip" install --quiet --disable-pip-version-check --no-deps -r "$requirements" >&2 || {
      echo "$name: pip could not install $requirements within 20 minutes" >&2; exit 2; }
    touch "$env/.complete"
  fi
fi
echo "$env"
