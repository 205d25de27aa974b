#!/usr/bin/env bash
# Feeds the verifier with so many inputs that no policy should write (arguments: count, seed, limit of one verdict in milliseconds).
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
JAVA_HOME=$(./foothold jdk)
export JAVA_HOME
[ -e services/verifier/target/classes ] || ./foothold build
mvn -B -ntp -q -Dquick -pl load-tests -am package dependency:build-classpath -Dmdep.outputFile=target/classpath.txt
exec "$JAVA_HOME/bin/java" -cp "load-tests/target/classes:$(cat load-tests/target/classpath.txt)" \
  io.foothold.loadtests.VerifierFuzz "$@"
