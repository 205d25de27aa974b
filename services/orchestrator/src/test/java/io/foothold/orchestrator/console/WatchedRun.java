package io.foothold.orchestrator.console;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.foothold.core.ledger.RolloutState;
import io.foothold.orchestrator.event.EventBus;
import io.foothold.orchestrator.event.RunEvent;
import io.foothold.orchestrator.ledger.Ledger;
import io.foothold.orchestrator.runfile.RunFile;
import java.util.List;

/** A run in the ledger, as one that trains leaves it there. */
final class WatchedRun {
    /** What a page would run, were it taken for HTML. */
    static final String HOSTILE =
            "<img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script>";

    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final long BEGAN = 1_790_000_000_000L;

    final String id;
    private final Ledger ledger;
    private final EventBus bus;
    private long number;
    private int update;

    WatchedRun(Ledger ledger, EventBus bus, String id, String file, int updates) {
        this.ledger = ledger;
        this.bus = bus;
        this.id = id;
        Ledger.await(ledger.createRun(id, RunFile.resolve(id, file, List.of()).stored(), updates));
        Ledger.await(ledger.setRunState(id, "running", ""));
        tell("run_started", object().put("update", 0).put("updates", updates));
    }

    static ObjectNode object() {
        return MAPPER.createObjectNode();
    }

    void tell(String kind, ObjectNode details) {
        number++;
        String json = details.put("at_millis", BEGAN + number * 1000).toString();
        Ledger.await(ledger.saveEvent(id, new Ledger.EventRow(number, kind, json)));
        bus.send(new RunEvent(id, number, kind, json));
    }

    void servers() {
        ObjectNode servers = object();
        servers.putArray("servers")
                .add(object().put("endpoint", "127.0.0.1:9305")
                        .put("engine", "foothold")
                        .put("weight_change", "wait"))
                .add(object().put("endpoint", "127.0.0.1:9306").put("problem", "connection refused"));
        tell("inference_servers", servers);
    }

    /** The next update, with numbers that grow with it. */
    void update() {
        update++;
        ObjectNode d =
                object().put("update", update).put("policy_version", update).put("digest", "d" + update);
        d.put("reward_mean", update / 100.0).put("entropy", 2.0 / update).put("clip_fraction", 0.01 * (update % 3));
        d.put("gradient_norm", 1.5).put("response_length_mean", 20 + update).put("response_length_max", 40);
        d.put("sampled_tokens", 500).put("tokens_per_s", 250.5).put("update_seconds", 2.0);
        d.put("rollouts_root", 8)
                .put("pass@1_root", 0.25)
                .put("staleness_mean", 0.5)
                .put("staleness_max", 1);
        tell("update_done", d);
    }

    void evaluation(String set, double pass) {
        ObjectNode e = object().put("update", update).put("set", set);
        e.put("pass@1", pass).put("low", pass / 2).put("high", (1 + pass) / 2);
        e.put("pass@8", (1 + pass) / 2).put("pass@8_low", pass).put("pass@8_high", 1.0);
        Ledger.await(ledger.saveEvaluation(id, update, set, e.toString()));
        tell("evaluation_done", e);
    }

    void dropped(String reason) {
        tell("group_dropped", object().put("group", 1).put("reason", reason));
    }

    /** A rollout that went as far as this, with a verdict once it has one. */
    void rollout(String rollout, RolloutState... steps) {
        Ledger.await(ledger.reserve(id, new Ledger.Group(id + "/g", "train", "p", "root"), List.of(rollout)));
        if (steps.length > 0) {
            Ledger.await(ledger.record(
                    List.of(new Ledger.Outcome(rollout, List.of(steps), "PASS", 1, 12, "because " + HOSTILE))));
        }
    }
}
