#!/usr/bin/env bash
# Stops the tritonserver that start.sh started in DIR, with every process that it started: stop.sh DIR. Exit code 1: none ran.
set -euo pipefail
dir=$(cd "$1" && pwd)
source "$(dirname "${BASH_SOURCE[0]}")/processes.sh"
[ -n "$(members "$dir")" ] || { echo "no tritonserver of $dir runs"; rm -f "$dir/server.pid"; exit 1; }
pid=$(cat "$dir/server.pid" 2> /dev/null || echo 0)
[ "$pid" = 0 ] || kill -TERM "$pid" 2> /dev/null || true
# It keeps running while a client's stream is open, beyond every limit of its own.
for _ in $(seq 200); do [ -n "$(members "$dir")" ] || break; kill -0 "$pid" 2> /dev/null || break; sleep 0.2; done
end_members "$dir"
rm -f "$dir/server.pid"
echo "tritonserver stopped"
