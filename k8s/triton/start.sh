#!/usr/bin/env bash
# Starts a real NVIDIA Triton (2.51, from the PyPI wheel nvidia-pytriton) on loopback with the policy model of this directory,
# without Docker and without a GPU. Needs Linux x86-64 with glibc >= 2.35, Python 3.11 with its shared library, PyPI at the first run.
#
#   start.sh [--engine NAME] [--weight-change NAME] [--adapters NAME] [--also REPOSITORY] [--timeout SECONDS] DIR POLICY [GRPC_PORT]
#
# DIR keeps the virtual environment, the server, its log and its process id (server.pid); POLICY is a Hugging Face directory. HTTP is served
# on the port behind GRPC_PORT, metrics on the one behind that. The last line on stdout is the process id; stop.sh DIR stops the server.
# Engines: reference (default, or FOOTHOLD_ENGINE), transformers and vllm (their environments are made the first time, several minutes:
# that of the learner's torch backend, and vllm-env.sh's), uniform. --weight-change (recompute, keep) and --adapters (merged, adapter) are the
# model's settings of these names, by default the engine's first choice (README.md). --also serves the models of a directory beside it, such as a reward model.
# It waits for the server as long as the server lives, for vLLM may compile for minutes, or so many seconds. When it gives up, is ended, or
# its caller dies, nothing of the server is left.
set -euo pipefail
fail() { echo "start.sh: $*" >&2; exit 1; }
usage="usage: start.sh [--engine NAME] [--weight-change NAME] [--adapters NAME] [--also REPOSITORY] [--timeout SECONDS] DIR POLICY [GRPC_PORT]"
engine=${FOOTHOLD_ENGINE:-reference}
timeout=0
also=
while [[ ${1:-} == --* ]]; do
  [ $# -ge 2 ] || fail "$usage"
  case $1 in
    --engine) engine=$2 ;;
    --weight-change) export FOOTHOLD_WEIGHT_CHANGE=$2 ;;
    --adapters) export FOOTHOLD_ADAPTERS=$2 ;;
    --also) also=$2; [ -d "$also" ] || fail "--also $also is no directory" ;;
    --timeout) timeout=$2; [[ $timeout =~ ^[1-9][0-9]*$ ]] || fail "--timeout must be whole seconds, got '$2'" ;;
    *) fail "unknown option $1; $usage" ;;
  esac
  shift 2
done
[[ $engine =~ ^(reference|transformers|vllm|uniform)$ ]] || fail "engine '$engine' is not known (expected reference, transformers, vllm or uniform)"
[ $# -ge 2 ] || fail "$usage"
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
mkdir -p "$1"
dir=$(cd "$1" && pwd)
[[ $dir =~ ^[A-Za-z0-9_./+-]+$ ]] || fail "Triton's python backend cannot start below '$dir': take a path without blanks or odd characters"
[ -f "$2/config.json" ] || fail "$2 is no Hugging Face directory: config.json is missing"
policy=$(cd "$2" && pwd)
source "$here/processes.sh"
caller=$PPID
grpc=${3:-9211}
http=$((grpc + 1))
metrics=$((grpc + 2))
running=$(cat "$dir/server.pid" 2> /dev/null || true)
[ -z "$running" ] || ! members "$dir" | grep -x "$running" > /dev/null || fail "a server of $dir runs already, process $running (stop.sh ends it)"
end_members "$dir" # what a server that was killed left behind
for port in "$grpc" "$http" "$metrics"; do
  ! (exec 3<> "/dev/tcp/127.0.0.1/$port") 2> /dev/null || fail "port $port on 127.0.0.1 is in use"
done
glibc=$(getconf GNU_LIBC_VERSION 2> /dev/null | awk '{print $2}')
[ "$(printf '2.35\n%s\n' "${glibc:-0}" | sort -V | sed -n 1p)" = 2.35 ] || fail "glibc >= 2.35 is needed, found ${glibc:-none}"
python=
for candidate in "${PYTHON:-}" python3.11 python3; do
  [ -n "$candidate" ] && [ "$("$candidate" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2> /dev/null)" = 3.11 ] && python=$candidate && break
done
[ -n "$python" ] || fail "Python 3.11 is needed (Triton's stub is built against it): none found as \$PYTHON, python3.11 or python3"
library=$("$python" - <<'P'
import os, sys, sysconfig
v = sysconfig.get_config_vars()
places = [v.get("LIBDIR"), os.path.join(sys.base_prefix, "lib"), "/usr/lib/" + (v.get("MULTIARCH") or ""), "/usr/lib", "/usr/lib64"]
print(next((p for p in places if p and os.path.exists(os.path.join(p, "libpython3.11.so.1.0"))), ""))
P
)
[ -n "$library" ] || fail "libpython3.11.so.1.0 was not found (Debian: apt-get install libpython3.11)"
if ! cmp -s "$here/requirements.txt" "$dir/venv/.complete"; then
  "$python" -m venv "$dir/venv" || fail "cannot make a virtual environment (Debian: apt-get install python3.11-venv)"
  "$dir/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps -r "$here/requirements.txt"
  cp "$here/requirements.txt" "$dir/venv/.complete"
fi
site=$("$dir/venv/bin/python" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')
if [ ! -e "$dir/server/.complete" ]; then
  rm -rf "$dir/server"
  cp -r "$site/pytriton/tritonserver" "$dir/server"
  cp "$dir/server/python_backend_stubs/3.11/triton_python_backend_stub" "$dir/server/backends/python/"
  chmod +x "$dir/server/bin/tritonserver" "$dir/server/backends/python/triton_python_backend_stub"
  touch "$dir/server/.complete"
fi
rm -f "$site"/foothold-*.pth
packages=
case $engine in
  vllm) packages=$(PYTHON=$python "$here/vllm-env.sh" --install) || fail "no environment for engine vllm" ;;
  transformers)
    torch=$(PYTHON=$python bash "$here/../../services/learner/torch/env.sh" --install) || fail "no environment for engine transformers"
    packages=$("$torch" -c 'import sys, sysconfig; print(sysconfig.get_paths()["purelib"] if sys.version_info[:2] == (3, 11) else "")')
    [ -n "$packages" ] || fail "engine transformers needs packages of Python 3.11, and $torch is $("$torch" -V): name another environment in FOOTHOLD_TORCH_ENV"
    ;;
esac
[ -z "$packages" ] || echo "$packages" > "$site/foothold-engine.pth" # Triton's interpreter takes no notice of PYTHONPATH
rm -rf "$dir/models"
cp -r "$here/model-repository" "$dir/models" # the stub writes __pycache__ beside model.py
[ -z "$also" ] || cp -r "$also/." "$dir/models"
rm -f "$dir/policy" "$dir/ready" "$dir/server.pid"
ln -s "$policy" "$dir/policy" # paths in the model's process are ASCII: Triton's interpreter runs in the C locale
export LD_LIBRARY_PATH="$site/nvidia_pytriton.libs:$library${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" PYTHONPATH="$site" PATH="$dir/venv/bin:$PATH"
export FOOTHOLD_POLICY=$dir/policy FOOTHOLD_ENGINE=$engine OPENBLAS_NUM_THREADS=1
FOOTHOLD_TRITON_DIR=$dir setsid "$dir/server/bin/tritonserver" --model-repository="$dir/models" --backend-directory="$dir/server/backends" \
  --model-control-mode=explicit --load-model='*' --allow-gpu-metrics=false \
  --metrics-address=127.0.0.1 --metrics-port="$metrics" \
  --http-address=127.0.0.1 --http-port="$http" --grpc-address=127.0.0.1 --grpc-port="$grpc" \
  --backend-config=python,shm-default-byte-size=4194304 > "$dir/server.log" 2>&1 < /dev/null &
pid=$!
SECONDS=0
echo "$pid" > "$dir/server.pid"
trap 'end_members "$dir"; rm -f "$dir/server.pid"' EXIT
trap 'exit 1' HUP INT TERM
# Where this script is killed, nobody else would end the server.
# shellcheck disable=SC2016 # its own arguments
setsid bash -c 'while kill -0 "$1" 2> /dev/null; do [ ! -e "$3/ready" ] || exit 0; sleep 0.5; done; [ -e "$3/ready" ] || pkill -KILL -s "$2"' \
  guard $$ "$pid" "$dir" > /dev/null 2>&1 < /dev/null &
until curl -fsS "http://127.0.0.1:$http/v2/health/ready" > /dev/null 2>&1; do
  kill -0 "$pid" 2> /dev/null || { tail -n 25 "$dir/server.log" >&2; fail "the server ended before it was ready; its log is $dir/server.log"; }
  read -r _ _ _ parent _ < "/proc/$$/stat"
  [ "$parent" = "$caller" ] || fail "the caller has died: the server is ended"
  [ "$timeout" = 0 ] || [ "$SECONDS" -lt "$timeout" ] || { tail -n 25 "$dir/server.log" >&2; fail "the server was not ready after $timeout s; its log is $dir/server.log"; }
  sleep 0.2
done
touch "$dir/ready"
trap - EXIT
echo "start.sh: ready after $SECONDS s with engine $engine, gRPC on 127.0.0.1:$grpc, metrics on 127.0.0.1:$metrics, log $dir/server.log" >&2
echo "$pid"
