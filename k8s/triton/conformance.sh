#!/usr/bin/env bash
# Asks our own policy server for conformance, then drives it with NVIDIA's client. Exit code 2: no Python for that client.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
cd "$root"
port=${1:-9231}
work=$root/target/conformance
mkdir -p "$work"
secret=secret-$$
FOOTHOLD_POLICY_SERVER_ADMIN_SECRET=$secret ./foothold serve policy-server --set foothold.policy-server.model="$root/services/foothold/policies/dial" --set quarkus.http.port="$port" > "$work/server.log" 2>&1 &
server=$!
trap 'kill $server 2> /dev/null || true' EXIT
for _ in $(seq 150); do grep -q Listening "$work/server.log" && break; sleep 0.2; done
suite=$(./foothold triton conformance --target "127.0.0.1:$port" --metrics "http://127.0.0.1:$((port + 1000))/q/metrics" --admin-secret "$secret") || { echo "$suite"; echo "conformance: THE POLICY SERVER DOES NOT CONFORM"; exit 1; }
echo "conformance: policy server: $(tail -1 <<< "$suite")"
"$here/client.sh" "$here/client.py" "127.0.0.1:$port" > "$work/client.log" 2>&1 || {
  code=$?
  cat "$work/client.log"
  [ $code != 2 ] || exit 2
  echo "conformance: NVIDIA'S CLIENT FAILED"
  exit 1
}
echo "conformance: $(tail -1 "$work/client.log")"
