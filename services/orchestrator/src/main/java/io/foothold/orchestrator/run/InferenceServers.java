package io.foothold.orchestrator.run;

import io.foothold.orchestrator.event.Happening;
import io.foothold.v1.GetSamplerStatusResponse;
import io.foothold.v1.InferenceServerStatus;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What a run keeps of the servers that sample for it: which engine draws the tokens, what it does with sequences under way when the weights
 * change, and whether it takes adapters. The policy version of a token means something else under each setting.
 */
final class InferenceServers {
    private InferenceServers() {}

    static Happening.InferenceServers told(GetSamplerStatusResponse status) {
        return new Happening.InferenceServers(
                status.getServersList().stream().map(InferenceServers::entry).toList());
    }

    private static Map<String, Object> entry(InferenceServerStatus server) {
        Map<String, Object> entry = new LinkedHashMap<>();
        entry.put("endpoint", server.getEndpoint());
        if (!server.getHealthy()) {
            entry.put("problem", server.getProblem());
            return entry;
        }
        put(entry, "engine", server.getEngine());
        put(entry, "weight_change", server.getWeightChange());
        put(entry, "adapters", server.getAdapters());
        if (server.getFrozen()) {
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
