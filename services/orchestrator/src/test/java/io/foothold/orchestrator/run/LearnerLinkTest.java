package io.foothold.orchestrator.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.policy.PolicyVersion;
import io.foothold.orchestrator.ledger.Ledger;
import io.foothold.orchestrator.remote.Holder;
import io.foothold.orchestrator.remote.Learner;
import io.foothold.orchestrator.remote.Services;
import io.foothold.orchestrator.rollout.TrainGroup;
import io.foothold.orchestrator.runfile.RunFile;
import io.foothold.orchestrator.update.Artefact;
import io.foothold.orchestrator.update.Manifest;
import io.foothold.orchestrator.update.Opened;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/** A learner that is lost while it catches up with the ledger: at update 0 with two batches that were admitted. */
class LearnerLinkTest {
    private final List<String> asked = new ArrayList<>();
    private int losses;

    /** An object whose methods are answered by name; others do nothing. */
    private static <T> T answering(Class<T> type, Map<String, Answer> answers) {
        return type.cast(Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, (self, method, given) -> {
            Answer answer = answers.get(method.getName());
            return answer == null ? null : answer.to(given);
        }));
    }

    private interface Answer {
        Object to(Object[] given);
    }

    private static Artefact artefact(long version) {
        return new Artefact(new PolicyVersion(version, "d" + version), "file:/p", Optional.empty(), Optional.empty());
    }

    private Manifest trained(List<TrainGroup> groups) {
        long update = groups.getFirst().update();
        asked.add("train " + update);
        if (update == 2 && losses-- > 0) {
            throw new FootholdException(ErrorCode.WRONG_STATE, "run r is not open");
        }
        return new Manifest(
                "r",
                update,
                artefact(update),
                new Manifest.Steps(1, 1),
                List.of(),
                new Manifest.Kept(0, 0),
                Map.of(),
                "");
    }

    private LearnerLink link() {
        Learner learner = answering(
                Learner.class,
                Map.of(
                        "openRun",
                        given -> {
                            asked.add("open");
                            return new Opened(0, artefact(0), List.of());
                        },
                        "train",
                        given -> trained(((List<?>) given[0])
                                .stream().map(TrainGroup.class::cast).toList())));
        Ledger ledger = answering(
                Ledger.class,
                Map.of(
                        "run",
                        given -> Optional.empty(),
                        "admittedBatch",
                        given -> (long) given[1] > 2
                                ? List.of()
                                : List.of(new TrainGroup("r", (long) given[1], 0, 1, "g", "", List.of())),
                        "trained",
                        given -> CompletableFuture.completedFuture(null)));
        RunSpec spec = new RunSpec("r", RunFile.resolve("run.yaml", """
                method: grpo
                policy: {base: somewhere}
                problems:
                  train: {family: dial, level: hard, count: 8}
                  evaluate:
                    hard-test: {family: dial, level: hard, count: 4, split: test}
                """, List.of()));
        return new LearnerLink(
                spec,
                answering(Services.class, Map.of("learner", given -> learner)),
                ledger,
                Holder.of("r", 0),
                (pause, name, step) -> () -> {});
    }

    @Test
    void isOpenedAgainWhenItIsLostWhileItCatchesUp() {
        losses = 1;
        assertThat(link().open().update()).isEqualTo(2);
        assertThat(asked).containsExactly("open", "train 1", "train 2", "open", "train 1", "train 2");
    }

    @Test
    void endsTheRunWhenItIsLostEveryTime() {
        losses = Integer.MAX_VALUE;
        assertThatThrownBy(link()::open).hasMessageContaining("is not open");
        assertThat(asked).filteredOn("open"::equals).hasSize(6);
    }
}
