#!/usr/bin/env bash
# Prints the Python that the torch backend runs with:
#
#   env.sh [--install] [--gpu] [--venv DIR]
#
# FOOTHOLD_TORCH_ENV names an environment that has the packages of requirements.txt already. Otherwise it is the one in
# ${XDG_CACHE_HOME:-~/.cache}/foothold/torch-HASH, outside every checkout, where HASH is that of requirements.txt; --install makes it where
# it is missing, --venv puts it somewhere else (the cache then has a link to it), --gpu refuses an environment whose torch sees no CUDA
# device. PYTHON names the interpreter to make it with (3.11 or newer). Exit code 2: there is none.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
fail() { echo "$*" >&2; exit 2; }
install='' gpu='' venv=''
while [ $# -gt 0 ]; do
  case "$1" in
    --install) install=1 ;;
    --gpu) gpu=1 ;;
    --venv) [ $# -gt 1 ] && [ -n "$2" ] || fail "--venv needs a directory"; venv=$2; shift ;;
    *) fail "unknown argument '$1' (expected --install, --gpu or --venv DIR)" ;;
  esac
  shift
done

# The first Python that is new enough and can make environments.
find_python() {
  local c found=''
  for c in ${PYTHON:-python3.11 python3.12 python3.13 python3}; do
    command -v "$c" > /dev/null 2>&1 || continue
    found="$found $("$c" -V 2>&1 | sed -n 1p)"
    "$c" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null || continue
    "$c" -c 'import venv, ensurepip' 2> /dev/null || fail "$c has no module venv (Debian: apt-get install python3-venv)"
    echo "$c"
    return
  done
  fail "no Python 3.11 or newer found (looked for ${PYTHON:-python3.11, python3.12, python3.13, python3}; found:${found:- none}). Debian: apt-get install python3 python3-venv; PYTHON names another one"
}

# Several gigabytes: nothing is left half made under its name.
make() {
  local python
  python=$(find_python) || exit 2
  if [ -n "$venv" ]; then
    [ ! -e "$venv" ] || [ -z "$(ls -A "$venv")" ] || fail "--venv $venv is not empty"
    mkdir -p "$venv"
    rm -rf "$env"
    ln -s "$(cd "$venv" && pwd)" "$env"
  elif [ -L "$env" ]; then
    rm "$env"
  else
    rm -rf "$env"
  fi
  echo "making $env with $("$python" -V): several minutes, about 6 GB on disk" >&2
  "$python" -m venv "$env/" >&2 || fail "$python could not make an environment in $env"
  timeout 2400 "$env/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt" >&2 || {
    fail "pip could not install $here/requirements.txt: its reason stands above (no package registry can be reached, or a package is not there for $("$python" -V))"; }
  touch "$env/.complete"
}

if [ -n "${FOOTHOLD_TORCH_ENV:-}" ]; then
  [ -x "$FOOTHOLD_TORCH_ENV/bin/python" ] || fail "FOOTHOLD_TORCH_ENV names '$FOOTHOLD_TORCH_ENV', which has no bin/python"
  env=$FOOTHOLD_TORCH_ENV
else
  wanted=$(sha256sum "$here/requirements.txt" | cut -c1-12)
  cache=${XDG_CACHE_HOME:-$HOME/.cache}/foothold
  env=$cache/torch-$wanted
  if [ ! -e "$env/.complete" ]; then
    if [ -z "$install" ]; then
      others=$(find "$cache" -maxdepth 2 -path "$cache/torch-*/.complete" -printf '%h ' 2> /dev/null || true)
      fail "there is no environment for the torch backend (looked for $env${others:+; of other versions there are: $others}): run ./foothold torch install"
    fi
    mkdir -p "$cache"
    exec 9> "$env.lock"
    flock 9 # another one may be making it
    [ -e "$env/.complete" ] || make
  elif [ -n "$venv" ] && [ "$(readlink -f "$venv")" != "$(readlink -f "$env")" ]; then
    fail "the environment is there already, at $(readlink -f "$env"): delete it to have it at $venv"
  fi
fi
if [ -n "$gpu" ]; then
  "$env/bin/python" -c 'import sys, torch; sys.exit(not torch.cuda.is_available())' ||
    fail "torch of $env sees no CUDA device (nvidia-smi says what the driver sees); without --gpu the environment serves on the CPU"
fi
echo "$env/bin/python"
