package io.foothold.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.foothold.core.staleness.Admission;
import io.foothold.core.staleness.StalenessGate;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.OptionalLong;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class AdmissionTest {
    private static final int PLACES = 4;
    private static final int UPDATES = 60;

    /** A place under way: its number, the version that samples it, and the ticks that are left of it. */
    private record Sampled(long number, long version, long left) {}

    /**
     * A learner and samplers in a seeded world where some places take four times as long, some are lost, some updates leave the policy as
     * it is, and a policy reaches the samplers late, as while it is published or the one before is evaluated: the run ends, every number is
     * trained once or lost, and no token that is trained is too stale.
     */
    @Test
    void aRunEndsAndTrainsNoTokenStalerThanTheBound() {
        for (int bound = 0; bound <= 3; bound++) {
            for (long seed = 0; seed < 60; seed++) {
                new World(bound, seed).run();
            }
        }
    }

    private static final class World {
        private final int bound;
        private final String name;
        private final SplittableRandom random;
        private final Admission<Sampled> admission;
        private final Set<Long> trained = new HashSet<>();
        private List<Sampled> underWay = new ArrayList<>();
        private List<Sampled> batch = List.of();
        private long learner;
        private long sampler;
        private long training;
        private long publishing;
        private int updates;

        World(int bound, long seed) {
            this.bound = bound;
            this.name = "bound " + bound + " seed " + seed;
            this.random = new SplittableRandom(seed);
            this.admission = new Admission<>(bound, PLACES, UPDATES, 0);
        }

        void run() {
            for (int tick = 0; updates < UPDATES; tick++) {
                assertThat(tick).as(name + " goes on").isLessThan(100_000);
                begin();
                sample();
                publish();
                train();
            }
            assertThat(trained).as(name).hasSize(UPDATES * PLACES);
            assertThat(admission.underWay() + admission.takeReady().size())
                    .as(name)
                    .isZero();
        }

        private void begin() {
            for (OptionalLong n = admission.begin(learner, sampler);
                    n.isPresent();
                    n = admission.begin(learner, sampler)) {
                underWay.add(new Sampled(n.getAsLong(), sampler, random.nextInt(8) == 0 ? 40 : 10));
            }
            assertThat(admission.underWay() + batch.size()).as(name).isLessThanOrEqualTo((bound + 1) * PLACES);
        }

        private void sample() {
            List<Sampled> left = new ArrayList<>();
            for (Sampled s : underWay) {
                if (s.left() > 0) {
                    left.add(new Sampled(s.number(), s.version(), s.left() - 1));
                } else if (random.nextInt(10) == 0) {
                    admission.lost(s.number());
                } else {
                    // One without a token counts as the version at its beginning.
                    admission.filled(
                            s.number(),
                            s,
                            random.nextInt(10) == 0 ? OptionalLong.empty() : OptionalLong.of(s.version()));
                }
            }
            underWay = left;
        }

        private void publish() {
            if (sampler < learner && --publishing < 0) {
                sampler++;
                publishing = random.nextInt(30);
            }
        }

        private void train() {
            if (admission.training()) {
                if (--training < 0) {
                    admission.trained();
                    batch = List.of();
                    updates++;
                    learner += random.nextInt(5) == 0 ? 0 : 1;
                }
                return;
            }
            admission.admit(learner).ifPresent(places -> {
                batch = places;
                training = random.nextInt(15);
                for (Sampled s : places) {
                    assertThat(learner - s.version()).as(name).isBetween(0L, (long) bound);
                    assertThat(trained.add(s.number()))
                            .as(name + " trains " + s.number() + " once")
                            .isTrue();
                }
            });
        }
    }

    @Test
    void aSynchronousUpdateIsTrainedByPlaceWhateverTheOrderOfArrival() {
        Admission<String> admission = new Admission<>(0, 3, 5, 2);
        for (long n = 6; n < 9; n++) {
            assertThat(admission.begin(7, 7)).hasValue(n);
        }
        assertThat(admission.begin(7, 7)).as("the next update waits").isEmpty();
        admission.filled(8, "c", OptionalLong.of(7));
        admission.filled(6, "a", OptionalLong.of(7));
        assertThat(admission.admit(7)).isEmpty();
        admission.filled(7, "b", OptionalLong.of(7));
        assertThat(admission.admit(7)).hasValue(List.of("a", "b", "c"));
        assertThat(admission.begin(7, 7)).as("one is trained").isEmpty();
        admission.trained();
        assertThat(admission.begin(8, 7)).as("its policy is not published").isEmpty();
        assertThat(admission.begin(8, 8)).hasValue(9);
    }

    @Test
    void theOldestGoFirstAndOfTheEquallyOldTheFirstThatCame() {
        Admission<String> admission = new Admission<>(1, 2, 9, 0);
        for (long n = 0; n < 4; n++) {
            assertThat(admission.begin(n / 2, n / 2)).hasValue(n);
        }
        admission.filled(3, "young", OptionalLong.of(1));
        admission.filled(1, "old, came first", OptionalLong.of(0));
        admission.filled(2, "young too", OptionalLong.of(1));
        admission.filled(0, "old", OptionalLong.of(0));
        assertThat(admission.admit(1)).hasValue(List.of("old, came first", "old"));
        admission.trained();
        assertThat(admission.admit(2)).hasValue(List.of("young", "young too"));
    }

    @Test
    void aStragglerHoldsTheLearnerBack() {
        Admission<String> admission = new Admission<>(1, 1, 9, 0);
        assertThat(admission.begin(0, 0)).hasValue(0);
        assertThat(admission.begin(0, 0)).hasValue(1);
        admission.filled(1, "quick", OptionalLong.of(0));
        assertThat(admission.admit(0)).hasValue(List.of("quick"));
        admission.trained();
        assertThat(admission.begin(1, 1)).hasValue(2);
        admission.filled(2, "quick", OptionalLong.of(1));
        assertThat(admission.admit(1))
                .as("the straggler would be two versions old")
                .isEmpty();
        admission.filled(0, "straggler", OptionalLong.of(0));
        assertThat(admission.admit(1)).hasValue(List.of("straggler"));
    }

    @Test
    void aPolicyThatIsNotPublishedYetAllowsFewerPlaces() {
        StalenessGate gate = new StalenessGate(1);
        assertThat(gate.mayReserve(0, 1, 2)).isTrue();
        gate.reserved("a", 0);
        gate.reserved("b", 0);
        assertThat(gate.mayReserve(0, 1, 2))
                .as("a third one of version 0 would be trained by version 2")
                .isFalse();
        assertThat(gate.mayReserve(1, 1, 2)).isTrue();
        assertThat(gate.mayReserve(0, 2, 2)).as("too old already").isFalse();
    }

    @Test
    void whatIsNotKnownIsRefused() {
        Admission<String> admission = new Admission<>(0, 1, 1, 0);
        assertThatThrownBy(() -> admission.lost(0)).hasMessageContaining("place 0 is not under way");
        assertThatThrownBy(() -> admission.filled(0, "a", OptionalLong.empty())).hasMessageContaining("not under way");
        assertThatThrownBy(admission::trained).hasMessageContaining("no update was admitted");
        assertThatThrownBy(() -> new Admission<>(0, 0, 1, 0)).hasMessageContaining("0 places");
    }
}
