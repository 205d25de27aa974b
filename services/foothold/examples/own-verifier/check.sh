#!/usr/bin/env bash
# Makes Python stubs of the contracts, starts verifier.py and does a short run that it judges. Exit code 2: no Python here.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../../../.." && pwd)
work=$root/target/own-verifier
python=${PYTHON:-python3}
"$python" -c 'import venv, ensurepip' 2> /dev/null || { echo "own verifier: no Python with venv on this machine"; exit 2; }
rm -rf "$work" && mkdir -p "$work"
"$python" -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check grpcio==1.85.1 grpcio-tools==1.85.1 || { echo "own verifier: pip cannot install grpcio"; exit 2; }
"$work/venv/bin/python" -m grpc_tools.protoc -I "$root/contracts/src/main/proto" --python_out="$work" --grpc_python_out="$work" foothold/v1/common.proto foothold/v1/verifier.proto
PYTHONPATH=$work "$work/venv/bin/python" "$here/verifier.py" 127.0.0.1:9310 &
server=$!
trap 'kill $server 2> /dev/null || true' EXIT
cd "$root"
./foothold train "$here/run.yaml" --id own-verifier --home "$work/home" --one-process > "$work/run.log" 2>&1 || { cat "$work/run.log"; exit 1; }
grep -q '"rule":"own verifier"' "$work"/home/runs/own-verifier/completions/*.jsonl || { echo "own verifier: NO VERDICT OF ITS OWN"; find "$work/home" | sed -n 1,40p; exit 1; }
echo "own verifier: judged $(cat "$work"/home/runs/own-verifier/completions/*.jsonl | wc -l) trained rollouts"
