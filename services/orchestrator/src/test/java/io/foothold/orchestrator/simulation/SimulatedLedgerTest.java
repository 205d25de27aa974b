package io.foothold.orchestrator.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import io.foothold.core.ledger.RolloutState;
import io.foothold.core.policy.PolicyVersion;
import io.foothold.orchestrator.TestDatabase;
import io.foothold.orchestrator.ledger.Ledger;
import io.foothold.orchestrator.ledger.LedgerStore;
import io.foothold.orchestrator.rollout.TrainGroup;
import io.foothold.orchestrator.update.Artefact;
import io.foothold.orchestrator.update.Manifest;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

/** What the simulation takes for the ledger takes and refuses what the real one does, and says the same afterwards. */
class SimulatedLedgerTest {
    private static final String RUN = "r";
    private static final int UPDATES = 4;
    private static final List<RolloutState> STEPS =
            List.of(RolloutState.SAMPLED, RolloutState.VERIFIED, RolloutState.CONSUMED, RolloutState.DROPPED);

    private interface Write {
        CompletableFuture<Void> to(Ledger ledger);
    }

    @Test
    void takesAndRefusesWhatTheRealOneDoes() {
        int taken = 0;
        int refused = 0;
        for (long seed = 0; seed < 20; seed++) {
            Weather weather = new Weather(seed);
            SimulatedThreads threads = new SimulatedThreads(weather.random, weather.time);
            Ledger simulated = new SimulatedLedger(
                    new SimulatedDisk(weather, new Conservation(0, java.util.Set.of())),
                    new SimulatedProcess(threads, weather.time));
            SplittableRandom random = new SplittableRandom(seed);
            try (LedgerStore real = new LedgerStore(TestDatabase.inMemory(), () -> Instant.EPOCH)) {
                List<String> history = new ArrayList<>();
                for (int i = 0; i < 150; i++) {
                    Write write = i == 0 ? ledger -> ledger.createRun(RUN, "{}", UPDATES) : write(random, history);
                    boolean whether = fails(write.to(real));
                    CompletableFuture<Void> done = write.to(simulated);
                    weather.time.run(Duration.ofSeconds(1), () -> {});
                    assertThat(fails(done))
                            .as("seed %s, refused: %s", seed, history)
                            .isEqualTo(whether);
                    assertThat(said(simulated)).as("seed %s: %s", seed, history).isEqualTo(said(real));
                    refused += whether ? 1 : 0;
                    taken += whether ? 0 : 1;
                }
            }
        }
        assertThat(taken).isGreaterThan(500);
        assertThat(refused).isGreaterThan(500);
    }

    private static boolean fails(CompletableFuture<Void> write) {
        return write.handle((nothing, failure) -> failure != null).join();
    }

    private static List<Object> said(Ledger ledger) {
        return List.of(
                ledger.audit(RUN),
                ledger.countsByPurpose(RUN),
                ledger.tokensByUse(RUN),
                LongStream.rangeClosed(1, UPDATES)
                        .mapToObj(u -> ledger.admittedBatch(RUN, u))
                        .toList(),
                ledger.manifests(RUN),
                ledger.evaluations(RUN),
                ledger.prefixes(RUN),
                ledger.preparation(RUN, "hard_set"),
                ledger.events(RUN, 0),
                ledger.runs());
    }

    private static List<String> some(SplittableRandom random) {
        int from = random.nextInt(24);
        return random.ints(1 + random.nextInt(3), from, from + 4)
                .distinct()
                .mapToObj(i -> "rollout" + i)
                .toList();
    }

    private static Write write(SplittableRandom random, List<String> history) {
        List<String> ids = some(random);
        long update = 1 + random.nextInt(UPDATES);
        int what = random.nextInt(14);
        RolloutState to = STEPS.get(random.nextInt(STEPS.size()));
        history.add(what + " " + ids + " " + update + " " + to);
        return switch (what) {
            case 0, 1, 2 ->
                ledger -> ledger.reserve(
                        RUN, new Ledger.Group("g", update > 2 ? "train" : "evaluation", "p", "root"), ids);
            case 3, 4, 5, 6 ->
                ledger -> ledger.record(ids.stream()
                        .map(id ->
                                new Ledger.Outcome(id, to, "PASS", 1, 3, to == RolloutState.CONSUMED ? "seed" : "late"))
                        .toList());
            case 7, 8 -> {
                List<TrainGroup> groups = List.of(Words.group("g", update, ids));
                yield ledger -> ledger.admit(RUN, update, groups);
            }
            case 9 -> {
                Manifest manifest = manifest(update, ids, random.nextInt(2));
                yield ledger -> ledger.trained(manifest);
            }
            case 10 ->
                random.nextInt(6) == 0
                        ? ledger -> ledger.dropUnfinished(RUN, "died")
                        : ledger -> ledger.forgetPrepared(RUN);
            case 11 -> ledger -> ledger.saveEvaluation(RUN, update, "set" + ids.size(), "{\"n\":" + update + "}");
            case 12 -> ledger -> ledger.savePreparation(RUN, "hard_set", "{\"n\":" + update + "}");
            default -> ledger -> ledger.saveEvent(RUN, new Ledger.EventRow(update, "kind", "{}"));
        };
    }

    private static Manifest manifest(long update, List<String> ids, int digest) {
        return new Manifest(
                RUN,
                update,
                new Artefact(new PolicyVersion(update, "d" + digest), "file:/p", Optional.empty(), Optional.empty()),
                new Manifest.Steps(1, 1),
                ids.stream().map(id -> new Manifest.Trained(id, 0.5)).toList(),
                new Manifest.Kept(0, update - 1),
                Map.of("reward_mean", 0.5),
                "settings");
    }
}
