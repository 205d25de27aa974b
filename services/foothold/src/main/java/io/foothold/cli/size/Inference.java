package io.foothold.cli.size;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Option;

/** Where rollouts are sampled: in this process, or by inference servers that are there already. */
public final class Inference {
    @Option(
            names = "--inference",
            split = ",",
            paramLabel = "HOST:PORT",
            description = "Inference servers that sample instead of one of our own, such as tritonserver; repeatable.")
    private List<String> servers = new ArrayList<>();

    public boolean elsewhere() {
        return !servers.isEmpty();
    }

    public String names() {
        return String.join(", ", servers);
    }

    /**
     * Settings of the services.
     *
     * @param own those of a policy server of our own, which is not started when others sample
     */
    public Map<String, String> settings(Map<String, String> own) {
        return elsewhere() ? Map.of("foothold.sampler.endpoints", String.join(",", servers)) : own;
    }
}
