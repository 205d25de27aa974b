#!/usr/bin/env bash
# Foothold on a real Kubernetes cluster of one node (argument: directory for images, homes and logs): packs the images, starts the cluster, has its API
# server validate every overlay, applies overlays/demo with two samplers, verifiers and policy servers, and does a run during which a sampler, a
# verifier, a policy server and the learner are deleted. Every replica must have had work, those that came later too; the run must end with the
# digest of one that nothing happened to, and no rollout be lost or trained twice. Then components/autoscaling: samplers go from one to
# three while much work waits, and back. UPDATES sets the run's length. Exit code 2: no cluster can be had here.
set -euo pipefail
here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
. "$here/../common.sh"
dir=${1:-$(mktemp -d)}
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
pid=$(CLUSTER_DIR=$dir/cluster "$here/cluster.sh" running)
[ -z "$pid" ] || { echo "cluster: one runs in $dir/cluster already (process $pid)" >&2; exit 1; }
rm -rf "$dir"/{cluster,whole,overlay,scaled,images}
export CLUSTER_DIR=$dir/cluster
cluster=$here/cluster.sh
fail() { echo "cluster: $*" >&2; exit 1; }
begun=$SECONDS
told() { echo "cluster: $*, at $((SECONDS - begun)) s"; }
pids=()
# shellcheck disable=SC2329 # the trap calls it
finish() {
  "$cluster" down || true
  for p in "${pids[@]}"; do kill "$p" 2> /dev/null || true; done
}
trap finish EXIT
kubectl() { "$cluster" kubectl -n foothold "$@"; }

"$cluster" build
base=$("$here/base-image.sh")
begun=$SECONDS
told "program and base image are there"

dial_run "$dir/whole.yaml" 5 "${UPDATES:-200}" 8 50 10
sed "s#^policy: .*#policy: {base: /policies/base}#" "$dir/whole.yaml" > "$dir/r.yaml"
"$root/foothold" images --tar "$dir/images" --base "tar://$base" > "$dir/images.log" || fail "no images: $(tail -3 "$dir/images.log")"
told "seven images packed"
"$cluster" up --for $$
told "node ready"
"$cluster" load "$dir"/images/*.tar > "$dir/load.log" 2>&1 || fail "$(tail -3 "$dir/load.log")"
told "images loaded"

"$cluster" kubectl apply -f "$root/k8s/base/namespace.yaml" > "$dir/apply.log"
for overlay in "$root"/k8s/overlays/*/; do
  "$cluster" kubectl apply --dry-run=server --validate=strict -k "$overlay" > "$dir/validate.log" 2>&1 ||
    fail "the API server refuses $overlay: $(grep -v '^Warning' "$dir/validate.log" | grep -i error | sed -n 1,3p)"
  ! grep -i warning "$dir/validate.log" || fail "the API server warns of $overlay"
done
told "overlays valid: $(cd "$root/k8s/overlays" && echo *)"

# The demo overlay as it is, but for its folders, the number of replicas and a policy server whose tokens do not depend on their neighbours.
mkdir -p "$dir/overlay" "$CLUSTER_DIR"/volumes/{data,policies}
cat > "$dir/overlay/kustomization.yaml" << YAML
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [$(realpath --relative-to="$dir/overlay" "$root/k8s/overlays/demo")]
patches:
$(for v in data policies; do
  printf -- '- target: {kind: PersistentVolume, name: foothold-%s}\n  patch: |\n    - {op: replace, path: /spec/local/path, value: %s}\n' $v "$CLUSTER_DIR/volumes/$v"
done)
- target: {kind: Deployment, name: sampler|verifier|policy-server}
  patch: |
    - {op: replace, path: /spec/replicas, value: 2}
- target: {kind: Deployment, name: policy-server}
  patch: |
    - {op: add, path: /spec/template/spec/containers/0/env/-, value: {name: FOOTHOLD_POLICY_SERVER_DETERMINISTIC, value: "true"}}
YAML
"$cluster" kubectl apply -k "$dir/overlay" >> "$dir/apply.log" || fail "the overlay is not accepted"
# What the run must end with; the machine has time while the pods start.
"$root/foothold" train "$dir/whole.yaml" --id r --home "$dir/whole" > "$dir/whole.log" 2>&1 &
whole=$!
pids+=("$whole")
kubectl wait --for=condition=Available deployment --all --timeout=300s > "$dir/wait.log" 2>&1 ||
  fail "not ready: $(kubectl get pods) $(kubectl get events | tail -5)"
told "all ready"
wait $whole || fail "$(tail -5 "$dir/whole.log")"
want=$(audit "$dir/whole")

addresses() { kubectl get pods -l "app.kubernetes.io/name=$1" --field-selector=status.phase=Running -o 'jsonpath={range .items[*]}{.metadata.name} {.status.podIP}{"\n"}{end}'; }
get() { "$cluster" run curl -s -m 10 --noproxy '*' "$@" 2> /dev/null < /dev/null || true; }
count() { get "http://$1/q/metrics" | awk -v m="$2" 'index($0, m) == 1 { n += $NF } END { print int(n) }'; } # address, metric
api="http://$(addresses orchestrator | cut -d' ' -f2):9200/api/runs"
metrics="$(addresses orchestrator | cut -d' ' -f2):10200"
get -X PUT -H 'Content-Type: application/yaml' --data-binary "@$dir/r.yaml" "$api/r" > "$dir/run.log"
grep -q '"state"' "$dir/run.log" || fail "the run was refused: $(cat "$dir/run.log")"
state() { get "$api/r" | sed -n 's/.*"state":"\([a-z]*\)".*/\1/p'; }
until_update() { # number
  for _ in $(seq 600); do
    [ "$(count "$metrics" foothold_updates_total)" -lt "$1" ] || return 0
    case $(state) in failed | stopped) fail "the run ended: $(get "$api/r" | cut -c1-400)" ;; esac
    sleep 0.5
  done
  fail "update $1 did not come within five minutes"
}
declare -A work
did() { # service, management port, metric: notes what each of its replicas did
  local name ip n
  while read -r name ip; do
    [ -n "$ip" ] || continue
    n=$(count "$ip:$2" "$3")
    # One that is ending answers no more, and did what it did.
    [ "$n" -lt "${work[$name]:-0}" ] || work[$name]=$n
  done < <(addresses "$1")
}
look() {
  did sampler 10202 foothold_sampler_rollouts_total
  did verifier 10203 foothold_verdicts_total
  did policy-server 10201 foothold_generated_tokens_total
}
lose() { # service: its first pod
  local name
  name=$(addresses "$1" | sed -n 1p | cut -d' ' -f1)
  kubectl delete pod "$name" --wait=false > /dev/null
  told "$name deleted after update $(count "$metrics" foothold_updates_total)"
}
until_update 3
look
lose sampler
lose verifier
lose policy-server
until_update $((${UPDATES:-200} / 2))
look
lose learner
for _ in $(seq 600); do
  case $(state) in finished | failed | stopped) break ;; esac
  sleep 0.5
done
[ "$(state)" = finished ] || fail "the run is $(state): $(get "$api/r" | cut -c1-400)"
told "run finished"
look
[ ${#work[@]} -ge 9 ] || fail "replicas of samplers, verifiers and policy servers that were seen: ${!work[*]}"
for name in "${!work[@]}"; do
  echo "cluster: $name did ${work[$name]}"
  [ "${work[$name]}" -gt 0 ] || fail "$name had no work"
done

# Autoscaling, with the node's own adapter in place of Prometheus and its adapter.
mkdir -p "$dir/scaled"
cat > "$dir/scaled/kustomization.yaml" << YAML
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: foothold
resources: [../overlay]
components: [$(realpath --relative-to="$dir/scaled" "$root/k8s/components/autoscaling")]
patches:
- target: {kind: HorizontalPodAutoscaler, name: sampler}
  patch: |
    - {op: replace, path: /spec/maxReplicas, value: 3}
    - {op: replace, path: /spec/metrics/0/external/target/value, value: "2"}
    - {op: replace, path: /spec/behavior/scaleDown/stabilizationWindowSeconds, value: 15}
YAML
"$cluster" kubectl apply -k "$dir/scaled" > "$dir/scaled.log" || fail "the autoscaling component is not accepted"
"$cluster" kubectl apply -f "$here/external-metrics.yaml" > "$dir/adapter.log"
"$cluster" run "$here/external-metrics.py" 10.244.0.1 4444 "$CLUSTER_DIR/pki/metrics.crt" "$CLUSTER_DIR/pki/metrics.key" foothold \
  sampler=10202 verifier=10203 >> "$dir/adapter.log" 2>&1 &
pids+=($!)
replicas() { kubectl get deployment sampler -o 'jsonpath={.status.readyReplicas}'; }
until_replicas() { # number, seconds
  for _ in $(seq "$2"); do
    [ "$(replicas)" != "$1" ] || return 0
    sleep 1
  done
  fail "$(replicas) samplers and not $1 after $2 s: $(kubectl describe hpa sampler | tail -8)"
}
until_replicas 1 300
told "one sampler"
sed -e "s/^updates:.*/updates: 1000/" -e "s/count: 24/count: 400/" -e "s/^sampling:.*/sampling: {groups_per_update: 192, rollouts_per_group: 16}/" "$dir/r.yaml" > "$dir/load.yaml"
get -X PUT -H 'Content-Type: application/yaml' --data-binary "@$dir/load.yaml" "$api/load" > "$dir/load-run.log"
grep -q '"state"' "$dir/load-run.log" || fail "the load was refused: $(cat "$dir/load-run.log")"
until_replicas 3 300
told "three samplers under load: $(kubectl get hpa sampler --no-headers | tr -s ' ')"
get -X POST "$api/load/stop" > "$dir/stop.log"
until_replicas 1 300
told "one sampler again"
"$cluster" down
got=$(audit "$CLUSTER_DIR/volumes/data")
[ "$got" = "$want" ] || fail "digest $got, of a run in one process $want"
told "digest equal to that of a run that nothing happened to"
