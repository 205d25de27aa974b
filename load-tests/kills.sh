#!/usr/bin/env bash
# Kills children of `train`, `train` itself and served services N times (kill -9, at random moments) and compares the digest of every
# run with that of an uninterrupted one (arguments: kills, seed, directory for homes and logs).
# Half of the kills hit learner and policy server under `train`, which starts them again itself, at most eight a run; UNDER_TRAIN sets
# another number. OF_TRAIN kills (a fifth) hit `train`, which is begun again with --resume as a supervisor would. The others hit the
# seven services of `serve`, which a loop starts again as systemd or Kubernetes would. UPDATES sets the length of a run.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
kills=${1:?kills.sh KILLS SEED [DIRECTORY]} seed=${2:?kills.sh KILLS SEED [DIRECTORY]}
dir=${3:-$(mktemp -d)}
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
RANDOM=$seed
updates=${UPDATES:-40}
pids=()
finish() { for p in "${pids[@]}"; do kill "$p" 2> /dev/null || true; done; stop_services; }
loops=()
stop_services() {
  for p in "${loops[@]}"; do kill "$p" 2> /dev/null || true; done
  for f in "$dir"/served/*.pid; do [ -e "$f" ] && kill -9 "$(cat "$f")" 2> /dev/null || true; done
  loops=()
}
trap finish EXIT

milliseconds() { local ms=$((RANDOM % $1)); sleep "$((ms / 1000)).$(printf %03d $((ms % 1000)))"; }
child_of() { # parent, service: the process of a service that train started
  local p
  for p in $(ps -o pid= --ppid "$1"); do
    tr '\0' ' ' < "/proc/$p/cmdline" 2> /dev/null | grep "services/$2/target" > /dev/null && { echo "$p"; return; }
  done
}

dial_run "$dir/r.yaml" "$seed" "$updates" 4 10 7
"$root/foothold" train "$dir/r.yaml" --id r --home "$dir/whole" > "$dir/whole.log" 2>&1
want=$(audit "$dir/whole")
echo "kills: uninterrupted digest $want, $updates updates"

done_kills=0 wrong=0 number=0
declare -A hit
under_train=${UNDER_TRAIN:-$((kills / 2))}
while [ $done_kills -lt "$under_train" ]; do
  number=$((number + 1))
  home=$dir/train-$number
  "$root/foothold" train "$dir/r.yaml" --id r --home "$home" > "$home.log" 2>&1 &
  train=$!
  pids+=("$train")
  here=0
  declare -A own=([learner]=0 [policy-server]=0)
  while kill -0 "$train" 2> /dev/null && [ $here -lt 8 ] && [ $done_kills -lt "$under_train" ]; do
    # The first ones hit the start and the preparation, the others an update.
    [ $here -lt 3 ] || until ! kill -0 "$train" 2> /dev/null || grep -q "update_done {\"update\":$(((here - 2) * updates / 8))," "$home/foothold.log" 2> /dev/null; do
      sleep 0.1
    done
    milliseconds "$([ $here -lt 3 ] && echo 9000 || echo 1000)"
    service=$([ $((RANDOM % 2)) = 0 ] && echo learner || echo policy-server)
    [ "${own[$service]}" -lt 5 ] || continue
    pid=$(child_of "$train" "$service" || true)
    [ -n "$pid" ] && kill -9 "$pid" 2> /dev/null || continue
    here=$((here + 1)) done_kills=$((done_kills + 1)) own[$service]=$((own[$service] + 1))
    hit[$service]=$((${hit[$service]:-0} + 1))
  done
  wait "$train" || { tail -20 "$home.log"; fail "train ended with an error after $here kills"; }
  got=$(audit "$home")
  [ "$got" = "$want" ] && same=equal || { same=DIFFERENT; wrong=$((wrong + 1)); }
  echo "kills: train run $number, $here kills, digest $same"
done

of_train=${OF_TRAIN:-$((kills / 5))} here=0
if [ "$of_train" -gt 0 ]; then
  home=$dir/resumed
  while :; do
    "$root/foothold" train "$dir/r.yaml" --id r --home "$home" --resume >> "$home.log" 2>&1 &
    train=$!
    pids+=("$train")
    if [ $here -lt "$of_train" ]; then
      # The first hits the start and the preparation, the others an update.
      [ $here = 0 ] || until ! kill -0 "$train" 2> /dev/null || grep -q "update_done {\"update\":$((here * updates / of_train))," "$home/foothold.log" 2> /dev/null; do
        sleep 0.1
      done
      milliseconds "$([ $here = 0 ] && echo 9000 || echo 1000)"
      kill -9 "$train" 2> /dev/null || true
      wait "$train" 2> /dev/null && break
      here=$((here + 1)) done_kills=$((done_kills + 1)) hit[train]=$((${hit[train]:-0} + 1))
      continue
    fi
    wait "$train" || { tail -20 "$home.log"; fail "train ended with an error after $here kills of itself"; }
    break
  done
  left=$(pgrep -f "$home" || true)
  [ -z "$left" ] || { ps -o pid,args -p "$(paste -sd, <<< "$left")"; fail "children of a killed train are left"; }
  got=$(audit "$home")
  [ "$got" = "$want" ] && same=equal || { same=DIFFERENT; wrong=$((wrong + 1)); }
  echo "kills: $here kills of train itself, digest $same"
fi

mkdir -p "$dir/served"
services=(augmentation sampler verifier localizer learner policy-server orchestrator)
java=$("$root/foothold" jdk)/bin/java
declare -A port manage
peers=()
for s in "${services[@]}"; do port[$s]=$(free_port) manage[$s]=$(free_port); done
for s in augmentation sampler verifier localizer learner; do peers+=("-Dfoothold.peer.$s.port=${port[$s]}"); done
keep() { # service: starts it again whenever it ends
  local s=$1
  while :; do
    "$java" --enable-native-access=ALL-UNNAMED -Xmx1g -Dquarkus.http.port="${port[$s]}" -Dquarkus.management.port="${manage[$s]}" "${peers[@]}" \
      -Dfoothold.sampler.endpoints="127.0.0.1:${port[policy-server]}" -Dfoothold.sampler.probe-every=1s \
      -Dfoothold.policy-server.model="$root/services/foothold/policies/dial" -Dfoothold.policy-server.deterministic=true \
      -Dfoothold.policy-server.max-length=112 -Dfoothold.home="$dir/served" -Dfoothold.orchestrator.home="$dir/served/runs" \
      -Dfoothold.learner.home="$dir/served/runs" -Dfoothold.files.roots="$root,$dir" -jar "$root/services/$s/target/quarkus-app/quarkus-run.jar" >> "$dir/served/$s.log" 2>&1 &
    echo $! > "$dir/served/$s.pid"
    wait $! || true
    sleep 0.3
  done
}
for s in "${services[@]}"; do keep "$s" 2> /dev/null & loops+=($!); done
api=http://127.0.0.1:${port[orchestrator]}/api/runs
for _ in $(seq 240); do curl -sf "$api" > /dev/null 2>&1 && break; sleep 0.5; done
curl -sf -X PUT -H 'Content-Type: application/yaml' --data-binary "@$dir/r.yaml" "$api/r" > /dev/null
state() { curl -s "$api/r" 2> /dev/null | sed -n 's/.*"state":"\([a-z]*\)".*/\1/p' || true; }
here=0
while [ $done_kills -lt "$kills" ]; do
  milliseconds 7000
  [ "$(state)" = finished ] && break
  service=${services[$((RANDOM % ${#services[@]}))]}
  kill -9 "$(cat "$dir/served/$service.pid")" 2> /dev/null || continue
  here=$((here + 1)) done_kills=$((done_kills + 1))
  hit[$service]=$((${hit[$service]:-0} + 1))
done
for _ in $(seq 1200); do
  case $(state) in finished | failed | stopped) break ;; esac
  sleep 0.5
done
curl -s "$api/r" | sed 's/"settings.*//' || true
echo
stop_services
got=$(audit "$dir/served")
[ "$got" = "$want" ] && same=equal || { same=DIFFERENT; wrong=$((wrong + 1)); }
echo "kills: served run, $here kills, digest $same"
echo "kills: $done_kills kills ($(for s in "${!hit[@]}"; do echo -n "$s ${hit[$s]} "; done)), $wrong digests differ"
[ $wrong = 0 ]
