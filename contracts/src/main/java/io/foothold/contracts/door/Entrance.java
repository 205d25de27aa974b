package io.foothold.contracts.door;

import java.util.Optional;
import java.util.Set;

/**
 * Which role a request needs, by its method and path alone, for REST and gRPC alike. What is not named here needs {@link Role#ADMIN}, so
 * that a path that is new, or written in a way that nobody thought of, is closed.
 */
final class Entrance {
    private static final Set<String> LOOKING = Set.of("GET", "HEAD", "OPTIONS");
    private static final String RUNS = "/foothold.v1.RunService/";
    private static final Set<String> WATCHING = Set.of(RUNS + "ListRuns", RUNS + "WatchRun");
    /** Kubelets ask without a secret, and learn whether a service is well. */
    private static final Set<String> HEALTH = Set.of("/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch");

    /** The console's own files say nothing of a run; what it shows it asks for with the token that it is given. */
    private static final Set<String> CONSOLE =
            Set.of("/", "/console/console.js", "/console/console.css", "/console/icon.svg");

    private Entrance() {}

    /** The role that is needed; empty where nobody is asked. */
    static Optional<Role> needed(String method, String path) {
        boolean looks = LOOKING.contains(method);
        if (HEALTH.contains(path)
                || looks && (path.equals("/q/health") || path.startsWith("/q/health/") || CONSOLE.contains(path))) {
            return Optional.empty();
        }
        if (path.startsWith(RUNS)) {
            return Optional.of(WATCHING.contains(path) ? Role.VIEWER : Role.OPERATOR);
        }
        if (path.equals("/api") || path.startsWith("/api/")) {
            return Optional.of(looks ? Role.VIEWER : Role.OPERATOR);
        }
        return Optional.of(looks ? Role.VIEWER : Role.ADMIN);
    }

    /** The stricter of what the path needs as it was sent and as routers read it. */
    static Optional<Role> needed(String method, String sent, String normalized) {
        Optional<Role> asSent = needed(method, sent);
        Optional<Role> asRead = needed(method, normalized);
        return asSent.isEmpty() || asRead.isPresent() && asRead.get().covers(asSent.get()) ? asRead : asSent;
    }
}
