package io.foothold.orchestrator.run;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.foothold.v1.GetSamplerStatusResponse;
import io.foothold.v1.InferenceServerStatus;

/**
 * What a run keeps of the servers that sample for it: which engine draws the tokens, what it does with sequences under way when the weights
 * change, and whether it takes adapters. The policy version of a token means something else under each setting.
 */
final class InferenceServers {
    private InferenceServers() {}

    /** Tells it as event {@code inference_servers}, one entry a server. */
    static void record(RunLog log, GetSamplerStatusResponse status) {
        ObjectNode details = log.object();
        ArrayNode servers = details.putArray("servers");
        for (InferenceServerStatus server : status.getServersList()) {
            ObjectNode entry = servers.addObject().put("endpoint", server.getEndpoint());
            if (!server.getHealthy()) {
                entry.put("problem", server.getProblem());
                continue;
            }
            put(entry, "engine", server.getEngine());
            put(entry, "weight_change", server.getWeightChange());
            put(entry, "adapters", server.getAdapters());
            if (server.getFrozen()) {
                entry.put("frozen", true);
            }
        }
        log.event("inference_servers", details);
    }

    /** What a server does not say is left out. */
    private static void put(ObjectNode entry, String name, String value) {
        if (!value.isEmpty()) {
            entry.put(name, value);
        }
    }
}
