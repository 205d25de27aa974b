#!/usr/bin/env bash
# Runs a script with NVIDIA's client: client.sh SCRIPT [ARGUMENT...]. Exit code 2: no Python for that client here.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
venv=$here/../../target/conformance/venv
python=${PYTHON:-python3}
if [ ! -e "$venv/.complete" ]; then
  "$python" -c 'import venv, ensurepip' 2> /dev/null || { echo "no Python with venv: NVIDIA's client was not run"; exit 2; }
  mkdir -p "$(dirname "$venv")"
  rm -rf "$venv"
  "$python" -m venv "$venv"
  "$venv/bin/pip" install -q --disable-pip-version-check 'tritonclient[grpc]==2.51.0' || { echo "pip cannot install tritonclient"; exit 2; }
  touch "$venv/.complete"
fi
exec "$venv/bin/python" -W ignore "$@"
