package io.foothold.cli.bench;

import io.foothold.cli.machine.Memory;
import io.foothold.cli.machine.MemoryWatch;
import io.foothold.cli.process.AllInOne;
import io.foothold.cli.process.FileRoots;
import io.foothold.cli.size.Inference;
import io.foothold.cli.size.RunShape;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.orchestrator.ledger.Ledger;
import io.foothold.orchestrator.run.RunManager;
import io.foothold.orchestrator.runfile.RunFile;
import io.foothold.policy.CausalModel;
import io.foothold.policy.PolicyDirectory;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Measures a synchronous GRPO run of a real model through all services in this process: short sums asked with a worked example, 64
 * rollouts an update, and a coin as reward, so that nearly every group has a signal.
 */
final class LargeRunBench {
    private static final String RUN = "bench";
    private static final int UPDATES = 4;
    private static final int GROUPS = 8;
    private static final int ROLLOUTS_PER_GROUP = 8;
    private static final int POLL_MILLIS = 20;

    private final Path home;
    private final PolicyDirectory policy;
    private final boolean adapters;

    /** @param adapters trains adapters of rank 16 and not all weights */
    LargeRunBench(Path home, PolicyDirectory policy, boolean adapters) {
        this.home = home.toAbsolutePath().normalize();
        this.policy = policy;
        this.adapters = adapters;
    }

    /** What was measured, with its numbers; the first update, which warms up, counts nowhere. */
    Map<String, Double> measure() throws Exception {
        String text = runFile();
        RunFile file = RunFile.resolve("bench.yaml", text, List.of());
        RunShape shape =
                RunShape.of(file, CausalModel.of(policy), false, new Inference(), null, 0, 0, 0, Memory.ofMachine());
        Map<String, Double> out = new LinkedHashMap<>();
        int code = AllInOne.run(
                home,
                AllInOne.freePort(),
                FileRoots.with(shape.serverSettings(policy.path()), home, List.of(policy.path())),
                runs -> {
                    runs.create(RUN, text, List.of());
                    measure(runs, out);
                    return 0;
                });
        if (code != 0) {
            throw new FootholdException(ErrorCode.INTERNAL, "the bench run ended with " + code);
        }
        out.put(
                "peak_resident_mib",
                MemoryWatch.Peak.of(ProcessHandle.current()).resident() / (1024.0 * 1024));
        return out;
    }

    private static void measure(RunManager runs, Map<String, Double> out) throws InterruptedException {
        long next = 0;
        int updates = 0;
        BenchClock clock = new BenchClock();
        while (updates < UPDATES) {
            boolean over = runs.end(RUN).isDone();
            for (Ledger.EventRow event : runs.ledger().events(RUN, next)) {
                next = event.number() + 1;
                if (event.kind().equals("update_done")) {
                    updates++;
                    if (updates == 1) {
                        clock = new BenchClock();
                    }
                }
            }
            if (over && updates < UPDATES) {
                Ledger.RunRow row = runs.row(RUN);
                throw new FootholdException(
                        ErrorCode.WRONG_STATE, "run " + RUN + " " + row.state() + ": " + row.reason());
            }
            Thread.sleep(POLL_MILLIS);
        }
        double rollouts = (UPDATES - 1.0) * GROUPS * ROLLOUTS_PER_GROUP;
        out.put("trained_rollouts_per_s", rollouts / clock.seconds());
        out.put("trained_rollouts_per_cpu_s", rollouts / clock.cpuSeconds());
        runs.end(RUN).join();
    }

    private String runFile() {
        boolean chat = policy.chatTemplate().isPresent();
        String prompts = chat ? """
                prompts:
                  chat: true
                  turns:
                    - {user: "Add 3, 6, 2.", assistant: "3 + 6 = 9\\n9 + 2 = 11"}
                """ : """
                prompts: {root: "Add 3, 6, 2.\\n3 + 6 = 9\\n9 + 2 = 11\\n\\n{problem}\\n"}
                """;
        return """
                method: grpo
                seed: 1
                updates: %d
                reward: random
                policy: {base: "%s"}
                problems:
                  train: {family: add, level: easy, count: 64, seed: 0, split: train}
                  evaluate:
                    after: {family: add, level: easy, count: 1, seed: 0, split: test}
                %ssampling: {temperature: 1.0, max_tokens: 20, groups_per_update: %d, rollouts_per_group: %d}
                estimator: {name: mean}
                loss: {aggregation: token_mean, name: policy_gradient}
                optimizer:
                  learning_rate: 1e-6
                %sevaluation: {every: 1000000, samples: 1}
                checkpoint: {every: 1000000, keep: 1}
                """.formatted(
                        UPDATES,
                        policy.path().toAbsolutePath().normalize(),
                        prompts,
                        GROUPS,
                        ROLLOUTS_PER_GROUP,
                        adapters ? "  lora: {rank: 16, alpha: 32}\n" : "");
    }
}
