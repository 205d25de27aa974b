#!/usr/bin/env bash
# Whatever ends a start before the server is ready, nothing of the server is left: start.sh gives up, is killed, or its caller is killed;
# and a start ends what a killed server left behind. start-check.sh DIR [PORT]: DIR as start.sh takes it. The server never becomes ready, for its weights are a pipe
# that nobody writes into.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
dir=$(cd "$1" && pwd)
port=${2:-9251}
source "$here/processes.sh"
policy=$(mktemp -d)
trap 'end_members "$dir"; rm -rf "$policy"' EXIT
cp "$here"/../../services/foothold/policies/dial/*.json "$policy"
mkfifo "$policy/model.safetensors"
count() { members "$dir" | grep -c . || true; }
reach() { # what, command that is true in the end
  local what=$1; shift
  for _ in $(seq 150); do "$@" && return; sleep 0.2; done
  echo "start-check: $what: processes are $(members "$dir" | tr '\n' ' ')"; exit 1
}
up() { [ "$(count)" -ge 2 ]; } # the server and its model's process
down() { [ "$(count)" = 0 ]; }
gone() { ! members "$dir" | grep -x "$1" > /dev/null; }
! "$here/start.sh" --engine reference --timeout 5 "$dir" "$policy" "$port" > "$dir/start-check.log" 2>&1 || { echo "start-check: A SERVER WITHOUT WEIGHTS WAS READY"; exit 1; }
grep -q "not ready after 5 s" "$dir/start-check.log" || { tail -3 "$dir/start-check.log"; echo "start-check: start.sh DID NOT SAY WHY"; exit 1; }
reach "A START THAT GAVE UP LEFT PROCESSES" down
"$here/start.sh" --engine reference "$dir" "$policy" "$port" > "$dir/start-check.log" 2>&1 &
script=$!
reach "NO SERVER" up
kill -9 $script
wait $script 2> /dev/null || true
reach "A KILLED START LEFT PROCESSES" down
bash -c '"$@"; true' caller "$here/start.sh" --engine reference "$dir" "$policy" "$port" > "$dir/start-check.log" 2>&1 &
caller=$!
reach "NO SERVER" up
kill -9 $caller
wait $caller 2> /dev/null || true
reach "THE CALLER'S DEATH LEFT PROCESSES" down
"$here/start.sh" --engine reference "$dir" "$here/../../services/foothold/policies/dial" "$port" > "$dir/start-check.log" 2>&1
server=$(cat "$dir/server.pid")
kill -9 "$server"
reach "THE KILLED SERVER" gone "$server"
"$here/start.sh" --engine reference "$dir" "$here/../../services/foothold/policies/dial" "$port" > "$dir/start-check.log" 2>&1
[ "$(count)" -ge 2 ] && [ "$(pgrep -fc "$dir/server/.*triton_python_backend_stub")" = 1 ] || { echo "start-check: A KILLED SERVER'S MODEL PROCESS IS LEFT"; exit 1; }
"$here/stop.sh" "$dir" > /dev/null
reach "A STOPPED SERVER LEFT PROCESSES" down
echo "nothing is left of a start that gave up, was killed, or lost its caller, nor of a server that was killed or stopped"
