#!/usr/bin/env bash
# Builds and runs the JMH benchmarks; arguments go to JMH (such as VerifierBenchmark -t 2). Needs JAVA_HOME of a JDK 25.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
mvn -B -ntp -q -Dquick -pl load-tests -am package dependency:build-classpath -Dmdep.outputFile=target/classpath.txt
exec "${JAVA_HOME:?JAVA_HOME must name a JDK 25}/bin/java" -cp "load-tests/target/classes:$(cat load-tests/target/classpath.txt)" \
  org.openjdk.jmh.Main "$@"
