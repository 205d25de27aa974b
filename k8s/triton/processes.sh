# shellcheck shell=bash
# Functions over the processes of a tritonserver, sourced by the scripts beside it. start.sh gives the server FOOTHOLD_TRITON_DIR, which
# its model's process and that one's children inherit, and a session of its own.

members() { # directory: ids of every process of its server, orphans too; not of dead ones that nobody has waited for
  local marked sessions
  marked=$(grep -lszxF "FOOTHOLD_TRITON_DIR=$1" /proc/[0-9]*/environ 2> /dev/null | cut -d/ -f3) || true
  [ -n "$marked" ] || return 0
  # A process may have written over its environment with a title of its own: those share the session of one that has not.
  sessions=$(ps -o sid= -p "$(paste -sd, <<< "$marked")" | sort -u | paste -sd, | tr -d ' ')
  { echo "$marked"; [ -z "$sessions" ] || ps -o pid=,stat= -s "$sessions" | awk '$2 !~ /^Z/ { print $1 }'; } | sort -un
}

end_members() { # directory: ends all of them, at once if they do not end by themselves
  local left
  mapfile -t left < <(members "$1")
  [ ${#left[@]} -gt 0 ] || return 0
  kill -TERM "${left[@]}" 2> /dev/null || true
  for _ in $(seq 25); do mapfile -t left < <(members "$1"); [ ${#left[@]} -gt 0 ] || return 0; sleep 0.2; done
  kill -KILL "${left[@]}" 2> /dev/null || true
  for _ in $(seq 50); do [ -n "$(members "$1")" ] || return 0; sleep 0.1; done
}
