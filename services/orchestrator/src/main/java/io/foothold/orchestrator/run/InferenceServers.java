package io.foothold.orchestrator.run;

import io.foothold.orchestrator.event.Happening;
import io.foothold.orchestrator.update.ServerState;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What a run keeps of the servers that sample for it: which engine draws the tokens, what it does with sequences under way when the weights
 * change, and whether it takes adapters. The policy version of a token means something else under each setting.
 */
final class InferenceServers {
    private InferenceServers() {}

    static Happening.InferenceServers told(List<ServerState> servers) {
        return new Happening.InferenceServers(
                servers.stream().map(InferenceServers::entry).toList());
    }

    private static Map<String, Object> entry(ServerState server) {
        Map<String, Object> entry = new LinkedHashMap<>();
        entry.put("endpoint", server.endpoint());
        if (!server.healthy()) {
            entry.put("problem", server.problem());
            return entry;
        }
        put(entry, "engine", server.engine().name());
        put(entry, "weight_change", server.engine().weightChange());
        put(entry, "adapters", server.engine().adapters());
        if (server.frozen()) {
            entry.put("frozen", true);
        }
        return entry;
    }

    /** What a server does not say is left out. */
    private static void put(Map<String, Object> entry, String name, String value) {
        if (!value.isEmpty()) {
            entry.put(name, value);
        }
    }
}
