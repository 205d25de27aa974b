#!/usr/bin/env bash
# Seven services as processes of their own behind a locked door (argument: directory for homes and logs): certificates on both sides between
# them, tokens for people. A run must end with the digest of one without any of that; callers without TLS, without a certificate, with one of
# another authority or one that ended, without a token, with a wrong one, one that ended or one of too small a role must be refused at every
# port; no secret may be in any log; and no service may listen beyond loopback without both.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
dir=${1:-$(mktemp -d)}
rm -rf "$dir"
mkdir -p "$dir/served" "$dir/tls"
dir=$(cd "$dir" && pwd)
pids=()
finish() { for p in "${pids[@]}"; do kill -9 "$p" 2> /dev/null || true; done; }
trap finish EXIT
services="augmentation sampler verifier localizer learner policy-server orchestrator"

# Certificates: an authority and what it issues, one of another authority, and one that ended.
cd "$dir/tls"
authority() { openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=$1" -keyout "$1.key" -out "$1.crt" 2> /dev/null; }
issue() { # name, authority, days
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" -keyout "$1.key" -out "$1.csr" 2> /dev/null
  openssl x509 -req -in "$1.csr" -CA "$2.crt" -CAkey "$2.key" -CAcreateserial -days "$3" -out "$1.crt" \
    -extfile <(echo "subjectAltName=DNS:localhost,IP:127.0.0.1") 2> /dev/null
}
authority ca
authority other
for s in $services; do issue "$s" ca 2; done
issue foreign other 2
issue ended ca -1
cd "$root"
word() { echo "$1-c0ffee-$(openssl rand -hex 16)"; }
viewer=$(word viewer) operator=$(word operator) admin=$(word admin) ended=$(word ended)
echo "$viewer" > "$dir/viewer"
printf '%s until 2020-01-01T00:00:00Z\n%s\n' "$ended" "$operator" > "$dir/operator"
echo "$admin" > "$dir/admin"

dial_run "$dir/r.yaml" 7 "${UPDATES:-6}" 4 6 6
"$root/foothold" train "$dir/r.yaml" --id r --home "$dir/whole" > "$dir/whole.log" 2>&1 || fail "$(tail -5 "$dir/whole.log")"
want=$(audit "$dir/whole")

java=$("$root/foothold" jdk)/bin/java
declare -A port manage
for s in $services; do port[$s]=$(free_port) manage[$s]=$(free_port); done
peers=()
for s in augmentation sampler verifier localizer learner; do peers+=("-Dfoothold.peer.$s.port=${port[$s]}" "-Dfoothold.peer.$s.host=localhost"); done
start() { # service, its certificate, options
  FOOTHOLD_TLS_CERTIFICATE=$dir/tls/$2.crt FOOTHOLD_TLS_KEY=$dir/tls/$2.key FOOTHOLD_TLS_AUTHORITIES=$dir/tls/ca.crt \
    FOOTHOLD_DOOR_VIEWER_FILE=$dir/viewer FOOTHOLD_DOOR_OPERATOR_FILE=$dir/operator FOOTHOLD_DOOR_ADMIN_FILE=$dir/admin \
    "$java" --enable-native-access=ALL-UNNAMED -Xmx1g -XX:+UseSerialGC -Dquarkus.http.port="${port[$1]}" -Dquarkus.management.port="${manage[$1]}" \
    "${peers[@]}" -Dfoothold.sampler.endpoints="localhost:${port[policy-server]}" -Dfoothold.policy-server.deterministic=true \
    -Dfoothold.policy-server.model="$root/services/foothold/policies/dial" -Dfoothold.policy-server.max-length=112 \
    -Dfoothold.home="$dir/served" -Dfoothold.orchestrator.home="$dir/served/runs" -Dfoothold.learner.home="$dir/served/runs" \
    -Dfoothold.files.roots="$root,$dir" -Dquarkus.log.category.\"io.foothold\".level=DEBUG "${@:3}" \
    -jar "$root/services/$1/target/quarkus-app/quarkus-run.jar" >> "$dir/served/$1.log" 2>&1 &
  pids+=($!)
}
for s in $services; do start "$s" "$s"; done

# What curl makes of it: the HTTP status, with /N behind it the gRPC status where there is one; 000 without a connection.
ask() { # options...
  curl -s -m 20 --noproxy '*' -o "$dir/body" -w '%{http_code}/%header{grpc-status}' "$@" | sed 's#/$##' || true
}
ca=(--cacert "$dir/tls/ca.crt")
own() { echo "--cert $dir/tls/$1.crt --key $dir/tls/$1.key"; }
bearer() { echo "Authorization: Bearer $1"; }
for s in $services; do
  for _ in $(seq 240); do [ "$(ask "${ca[@]}" "https://127.0.0.1:${manage[$s]}/q/health/ready")" != 200 ] || continue 2; sleep 0.5; done
  fail "$s is not ready: $(tail -3 "$dir/served/$s.log")"
done
api=https://localhost:${port[orchestrator]}/api/runs
people=("${ca[@]}" -H "$(bearer "$operator")")
got=$(ask "${people[@]}" -X PUT -H 'Content-Type: application/yaml' --data-binary "@$dir/r.yaml" "$api/r")
[ "$got" = 200 ] || fail "the run was refused with $got: $(cat "$dir/body")"
state() { curl -s --noproxy '*' "${people[@]}" "$api/r" | sed -n 's/.*"state":"\([a-z]*\)".*/\1/p' || true; }

# While it runs: every door, and everybody who has no business there.
refused=0
expect() { # what, expected, got
  [[ "$3" =~ ^($2)$ ]] || fail "$1: $3, expected $2: $(head -c 300 "$dir/body")"
  refused=$((refused + 1))
}
grpc=(--http2 -X POST -H 'Content-Type: application/grpc' -H 'TE: trailers' --data-binary @/dev/null)
for s in $services; do
  at=127.0.0.1:${port[$s]}
  for url in "http://$at/q/health" "http://127.0.0.1:${manage[$s]}/q/health"; do
    expect "$s without TLS" 000 "$(ask "$url")"
  done
  # shellcheck disable=SC2046 # two options and their values
  {
    expect "$s by another authority's" 000 "$(ask "${ca[@]}" $(own foreign) -H "$(bearer "$admin")" "https://$at/q/metrics")"
    expect "$s by one that ended" 000 "$(ask "${ca[@]}" $(own ended) -H "$(bearer "$admin")" "https://$at/q/metrics")"
    [ "$s" = orchestrator ] || expect "$s without a certificate" 000 "$(ask "${ca[@]}" -H "$(bearer "$admin")" "https://$at/q/metrics")"
    for path in foothold.v1.SamplerService/PublishPolicy foothold.v1.LearnerService/OpenRun inference.GRPCInferenceService/RepositoryModelLoad \
      foothold.v1.VerifierService/Verify foothold.v1.AugmentationService/LoadProblems foothold.v1.RunService/StopRun; do
      expect "$s $path without a token" 200/16 "$(ask "${ca[@]}" $(own sampler) "${grpc[@]}" "https://$at/$path")"
      expect "$s $path with a wrong one" 200/16 "$(ask "${ca[@]}" $(own sampler) -H "$(bearer "${admin}x")" "${grpc[@]}" "https://$at/$path")"
      expect "$s $path with one that ended" 200/16 "$(ask "${ca[@]}" $(own sampler) -H "$(bearer "$ended")" "${grpc[@]}" "https://$at/$path")"
      expect "$s $path as a viewer" 200/7 "$(ask "${ca[@]}" $(own sampler) -H "$(bearer "$viewer")" "${grpc[@]}" "https://$at/$path")"
    done
  }
  expect "metrics of $s without a token" 401 "$(ask "${ca[@]}" "https://127.0.0.1:${manage[$s]}/q/metrics")"
  expect "metrics of $s for a viewer" 200 "$(ask "${ca[@]}" -H "$(bearer "$viewer")" "https://127.0.0.1:${manage[$s]}/q/metrics")"
done
expect "runs without a token" 401 "$(ask "${ca[@]}" "$api")"
expect "runs for a viewer" 200 "$(ask "${ca[@]}" -H "$(bearer "$viewer")" "$api")"
expect "a stop by a viewer" 403 "$(ask "${ca[@]}" -H "$(bearer "$viewer")" -X POST "$api/r/stop")"
expect "a stop with a token that ended" 401 "$(ask "${ca[@]}" -H "$(bearer "$ended")" -X POST "$api/r/stop")"
sed 's#^evaluation:#verification: {servers: {exact: "127.0.0.1:22"}}\nevaluation:#' "$dir/r.yaml" > "$dir/judge.yaml"
expect "a verifier that is not on the list" 400 \
  "$(ask "${people[@]}" -X PUT -H 'Content-Type: application/yaml' --data-binary "@$dir/judge.yaml" "$api/judge")"

for _ in $(seq 600); do
  case $(state) in finished | failed | stopped) break ;; esac
  sleep 0.2
done
[ "$(state)" = finished ] || fail "the run is $(state): $(curl -s --noproxy '*' "${people[@]}" "$api/r" | cut -c1-400)"

# Beyond loopback: not without both, unless it is said.
beyond() { # options: the service's words, or "listens" after it does
  timeout 60 "$java" -Xmx256m -XX:+UseSerialGC -Dquarkus.http.host=0.0.0.0 -Dquarkus.http.port="$(free_port)" -Dquarkus.management.port="$(free_port)" \
    -Dquarkus.management.host=127.0.0.1 "$@" -jar "$root/services/localizer/target/quarkus-app/quarkus-run.jar" > "$dir/beyond.log" 2>&1 &
  local p=$!
  pids+=("$p")
  for _ in $(seq 120); do
    grep -q Listening "$dir/beyond.log" && { kill "$p" && echo listens; return; }
    kill -0 "$p" 2> /dev/null || break
    sleep 0.5
  done
  grep -o 'quarkus.http.host=0.0.0.0 is beyond loopback.*' "$dir/beyond.log" | sed -n 1p
}
[[ $(beyond) = *"foothold.tls.certificate"*"foothold.door.admin.file"*"foothold.door.insecure=true"* ]] || fail "listens open beyond loopback: $(cat "$dir/beyond.log")"
tls=(-Dfoothold.tls.certificate="$dir/tls/localizer.crt" -Dfoothold.tls.key="$dir/tls/localizer.key" -Dfoothold.tls.authorities="$dir/tls/ca.crt")
[[ $(beyond "${tls[@]}") = *"foothold.door.admin.file"* ]] || fail "listens without a token beyond loopback"
[ "$(beyond "${tls[@]}" -Dfoothold.door.admin.file="$dir/admin")" = listens ] || fail "does not listen with both: $(cat "$dir/beyond.log")"
[ "$(beyond -Dfoothold.door.insecure=true)" = listens ] || fail "does not listen although it is said: $(cat "$dir/beyond.log")"

finish
pids=()
got=$(audit "$dir/served")
[ "$got" = "$want" ] || fail "digest $got, without a door $want"
secrets=$(grep -rla c0ffee "$dir" --include='*.log' --include='*.jsonl' --include='*.db' || true)
[ -z "$secrets" ] || fail "a secret is in $secrets"
echo "door: $refused requests answered as they should be at $(wc -w <<< "$services") services; run finished, digest equal to that of a run without a door"
