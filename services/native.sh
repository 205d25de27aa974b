#!/usr/bin/env bash
# Builds the services that can be native (learner and policy-server hold libtorch through JNI and stay on the JVM). Without a
# native-image only their native sources are made: Quarkus' part of the work, to be finished on a machine that has one. With a
# native-image the executables are built, each is started, asked for its health and stopped. Called by ./foothold native.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
services=(augmentation sampler verifier localizer orchestrator)
modules=$(printf ',services/%s' "${services[@]}")
image=$(command -v native-image 2> /dev/null || true)
[ -n "$image" ] || { [ -x "${GRAALVM_HOME:-}/bin/native-image" ] && image=$GRAALVM_HOME/bin/native-image; } || true
sources_only=true
[ -n "$image" ] && sources_only=false
mkdir -p target
mvn -B -ntp -Dquick -Pnative -Dquarkus.native.sources-only=$sources_only -pl "${modules:1}" -am package > target/native.log 2>&1 || {
  grep -E "ERROR|BUILD" target/native.log | sed -n 1,30p >&2
  echo "native: the build failed; see target/native.log" >&2
  exit 1
}
if $sources_only; then
  for service in "${services[@]}"; do
    [ -s "services/$service/target/native-sources/native-image.args" ] || { echo "native: $service has no native sources" >&2; exit 1; }
  done
  echo "native: sources of ${#services[@]} services made: ${services[*]}"
  echo "native: NO EXECUTABLE WAS BUILT OR STARTED: there is no native-image on PATH or in GRAALVM_HOME"
  exit 0
fi
port=9300
for service in "${services[@]}"; do
  port=$((port + 1))
  home=$(mktemp -d)
  executable=$(echo "services/$service/target/$service"-*-runner)
  "$executable" "-Dquarkus.http.port=$port" "-Dquarkus.management.port=$((port + 1000))" "-Dfoothold.orchestrator.home=$home" \
    > "target/native-$service.log" 2>&1 &
  process=$!
  healthy=false
  for _ in $(seq 100); do
    if curl -fsS "http://127.0.0.1:$((port + 1000))/q/health/ready" > /dev/null 2>&1; then healthy=true; break; fi
    kill -0 $process 2> /dev/null || break
    sleep 0.1
  done
  kill $process 2> /dev/null || true
  wait $process 2> /dev/null || true
  rm -rf "$home"
  $healthy || { echo "native: $service did not become healthy; see target/native-$service.log" >&2; exit 1; }
  echo "native: $service built, started, healthy"
done
