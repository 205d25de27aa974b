#!/usr/bin/env bash
# Builds and runs the JMH benchmarks; arguments go to JMH (such as VerifierBenchmark -t 2).
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
JAVA_HOME=$(./foothold jdk)
export JAVA_HOME
mvn -B -ntp -q -Dquick -pl load-tests -am package dependency:build-classpath -Dmdep.outputFile=target/classpath.txt
exec "$JAVA_HOME/bin/java" -cp "load-tests/target/classes:$(cat load-tests/target/classpath.txt)" \
  org.openjdk.jmh.Main "$@"
