#!/usr/bin/env bash
# Two samplers and three verifiers behind one name each, in processes of their own that come and go during a run (argument: directory for
# homes and logs). A sampler and a verifier are named only after the first update, a verifier is killed (kill -9) and named a while longer, as a
# node is that was lost. Every replica must have had work, the run must end with the digest of one that had a process of everything, and
# no rollout be lost or trained twice. UPDATES sets the length of the run.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
dir=${1:-$(mktemp -d)}
mkdir -p "$dir/served"
dir=$(cd "$dir" && pwd)
pids=()
finish() { for p in "${pids[@]}"; do kill -9 "$p" 2> /dev/null || true; done; }
trap finish EXIT

dial_run "$dir/r.yaml" 5 "${UPDATES:-60}" 8 20 20
"$root/foothold" train "$dir/r.yaml" --id r --home "$dir/whole" > "$dir/whole.log" 2>&1 || fail "$(tail -5 "$dir/whole.log")"
want=$(audit "$dir/whole")

java=$("$root/foothold" jdk)/bin/java
declare -A port manage pid
for s in augmentation sampler verifier localizer learner policy-server orchestrator; do port[$s]=$(free_port) manage[$s]=$(free_port); done
peers=()
for s in augmentation sampler verifier localizer learner; do peers+=("-Dfoothold.peer.$s.port=${port[$s]}"); done
start() { # service, address
  "$java" --enable-native-access=ALL-UNNAMED -Xmx1g -Dquarkus.http.host="$2" -Dquarkus.http.port="${port[$1]}" \
    -Dquarkus.management.port="${manage[$1]}" "${peers[@]}" -Dfoothold.peer.sampler.host=samplers.test \
    -Dfoothold.peer.verifier.host=verifiers.test -Djdk.net.hosts.file="$dir/hosts" -Dsun.net.inetaddr.ttl=1 \
    -Dfoothold.sampler.endpoints="127.0.0.1:${port[policy-server]}" -Dfoothold.policy-server.deterministic=true \
    -Dfoothold.policy-server.model="$root/services/foothold/policies/dial" -Dfoothold.policy-server.max-length=112 \
    -Dfoothold.home="$dir/served" -Dfoothold.orchestrator.home="$dir/served/runs" -Dfoothold.learner.home="$dir/served/runs" \
    -Dfoothold.files.roots="$root,$dir" -jar "$root/services/$1/target/quarkus-app/quarkus-run.jar" >> "$dir/served/$1-$2.log" 2>&1 &
  pid[$1-$2]=$!
  pids+=($!)
}
hosts() { # name=address...
  local new="$dir/hosts.new"
  printf '127.0.0.1 localhost\n' > "$new"
  for one in "$@"; do printf '%s %s\n' "${one#*=}" "${one%=*}" >> "$new"; done
  mv "$new" "$dir/hosts"
}
hosts samplers.test=127.0.0.1 verifiers.test=127.0.0.1 verifiers.test=127.0.0.2
for s in augmentation localizer learner policy-server orchestrator; do start $s 127.0.0.1; done
for a in 127.0.0.1 127.0.0.2; do start sampler $a; done
for a in 127.0.0.1 127.0.0.2 127.0.0.3; do start verifier $a; done

count() { # service, address, metric: its sum, 0 where nobody answers
  curl -s "http://$2:${manage[$1]}/q/metrics" 2> /dev/null | awk -v m="$3" 'index($0, m) == 1 { n += $NF } END { print n + 0 }' || echo 0
}
api=http://127.0.0.1:${port[orchestrator]}/api/runs
for _ in $(seq 240); do curl -sf "$api" > /dev/null 2>&1 && break; sleep 0.5; done
for a in 127.0.0.1 127.0.0.2 127.0.0.3; do
  for _ in $(seq 240); do curl -sf "http://$a:${manage[verifier]}/q/health/ready" > /dev/null 2>&1 && break; sleep 0.5; done
done
curl -sf -X PUT -H 'Content-Type: application/yaml' --data-binary "@$dir/r.yaml" "$api/r" > /dev/null || fail "the run was refused"
state() { curl -s "$api/r" 2> /dev/null | sed -n 's/.*"state":"\([a-z]*\)".*/\1/p' || true; }
updates() { count orchestrator 127.0.0.1 foothold_updates_total | cut -d. -f1; }
until_update() { # number
  for _ in $(seq 1200); do
    [ "$(updates)" -lt "$1" ] || return 0
    case $(state) in failed | stopped) fail "the run ended: $(curl -s "$api/r")" ;; esac
    sleep 0.1
  done
  fail "update $1 did not come within two minutes"
}
until_update 2
[ "$(count sampler 127.0.0.2 foothold_sampler_rollouts_total)" = 0 ] || fail "a sampler that is not named has work"
hosts samplers.test=127.0.0.1 samplers.test=127.0.0.2 verifiers.test=127.0.0.1 verifiers.test=127.0.0.2 verifiers.test=127.0.0.3
until_update 8
before=$(count verifier 127.0.0.1 foothold_verdicts_total)
kill -9 "${pid[verifier-127.0.0.1]}"
until_update 16
hosts samplers.test=127.0.0.1 samplers.test=127.0.0.2 verifiers.test=127.0.0.2 verifiers.test=127.0.0.3
for _ in $(seq 1200); do
  case $(state) in finished | failed | stopped) break ;; esac
  sleep 0.2
done
[ "$(state)" = finished ] || fail "the run is $(state): $(curl -s "$api/r" | cut -c1-400)"
line="samplers"
for a in 127.0.0.1 127.0.0.2; do n=$(count sampler $a foothold_sampler_rollouts_total); line+=" ${n%.*}"; [ "${n%.*}" -gt 0 ] || idle="sampler $a"; done
line+=" rollouts; verifiers ${before%.*} (killed)"
[ "${before%.*}" -gt 0 ] || idle="verifier 127.0.0.1"
for a in 127.0.0.2 127.0.0.3; do n=$(count verifier $a foothold_verdicts_total); line+=" ${n%.*}"; [ "${n%.*}" -gt 0 ] || idle="verifier $a"; done
finish
pids=()
echo "replicas: $line verdicts"
[ -z "${idle:-}" ] || fail "$idle had no work"
got=$(audit "$dir/served")
[ "$got" = "$want" ] || fail "digest $got, with one of each $want"
echo "replicas: digest equal to that of a run with one of each"
