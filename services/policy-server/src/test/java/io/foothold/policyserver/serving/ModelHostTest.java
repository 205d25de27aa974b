package io.foothold.policyserver.serving;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.policy.Canary;
import io.foothold.core.policy.PolicyVersion;
import io.foothold.policy.GenerationRequest;
import io.foothold.policy.NativeRuntime;
import io.foothold.policy.PolicyWeights;
import io.foothold.policy.Precision;
import io.foothold.policyserver.TinyPolicy;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.AbstractList;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.assertj.core.api.AbstractThrowableAssert;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Policies that come, are proved, are asked for by name, and go. */
class ModelHostTest {
    @TempDir
    Path home;

    @BeforeAll
    static void enter() {
        NativeRuntime.enterThread();
    }

    private ModelHost host(Precision precision, boolean deterministic) {
        return new ModelHost(
                TinyPolicy.directory(home.resolve("base"), 1), TinyPolicy.settings(precision, deterministic));
    }

    /** What a request heard: tokens with their versions, and how it ended. */
    private static final class Heard implements GenerationRequest.Listener {
        final List<Long> versions = Collections.synchronizedList(new ArrayList<>());
        final BlockingQueue<String> ends = new LinkedBlockingQueue<>();

        @Override
        public void tokens(int[] tokens, float[] logProbs, long version) {
            for (int ignored : tokens) {
                versions.add(version);
            }
        }

        @Override
        public void ended(GenerationRequest.End end, int stopIndex) {
            ends.add(end.name());
        }

        void refused(FootholdException failure) {
            ends.add(failure.code() + ": " + failure.text());
        }

        String end() throws InterruptedException {
            String end = ends.poll(20, TimeUnit.SECONDS);
            assertThat(end).isNotNull();
            assertThat(ends).as("it ends once").isEmpty();
            return end;
        }
    }

    private static Heard sample(ModelHost host, String id, int tokens, Wanted wanted) {
        Heard heard = new Heard();
        host.submit(
                new GenerationRequest(
                        id,
                        new int[] {3, 4, 5},
                        new int[0],
                        tokens,
                        1,
                        1,
                        0,
                        5,
                        GenerationRequest.Ends.IGNORE,
                        List.of(),
                        List.of()),
                wanted,
                heard,
                heard::refused);
        return heard;
    }

    private static Wanted exactly(PolicyVersion policy) {
        return new Wanted(0, Optional.of(policy));
    }

    private static EngineStatus done(CompletableFuture<EngineStatus> change) throws Exception {
        return change.get(30, TimeUnit.SECONDS);
    }

    private static AbstractThrowableAssert<?, ?> refused(CompletableFuture<EngineStatus> change, ErrorCode code) {
        return assertThatThrownBy(change::join)
                .isInstanceOf(CompletionException.class)
                .cause()
                .isInstanceOfSatisfying(
                        FootholdException.class, e -> assertThat(e.code()).isEqualTo(code));
    }

    @Test
    void everyPublishedPolicyIsProvedByTheCallsThatSample() throws Exception {
        for (Precision precision : Precision.values()) {
            for (boolean deterministic : new boolean[] {false, true}) {
                try (ModelHost host = host(precision, deterministic)) {
                    assertThat(host.status().proof()).isEmpty();
                    EngineStatus after = done(host.update(
                            TinyPolicy.version(1, 2), TinyPolicy.artefact(home, 2), Optional.of(TinyPolicy.canary(2))));
                    assertThat(after.version()).isEqualTo(1);
                    PolicyProof proof = after.proof().orElseThrow();
                    assertThat(proof.version()).isEqualTo(1);
                    assertThat(proof.cold().max())
                            .as("%s %s", precision, deterministic)
                            .isLessThan(precision == Precision.EXACT ? 1e-6 : 1e-4);
                    assertThat(proof.warm()).isEqualTo(proof.cold());
                    assertThat(done(host.update(
                                            TinyPolicy.version(2, 3), TinyPolicy.artefact(home, 3), Optional.empty()))
                                    .proof())
                            .as("nobody proved this one")
                            .isEmpty();
                }
            }
        }
    }

    @Test
    void aPolicyThatIsNotComputedAsTheLearnerSaysIsRefusedAndTheOldOneGoesOn() throws Exception {
        try (ModelHost host = host(Precision.EXACT, false)) {
            done(host.update(
                    TinyPolicy.version(4, 2), TinyPolicy.artefact(home, 2), Optional.of(TinyPolicy.canary(2))));
            Heard underWay = sample(host, "r", 100, exactly(TinyPolicy.version(4, 2)));
            Canary right = TinyPolicy.canary(3);
            float[] one = right.logProbs().get(1).clone();
            one[one.length - 1] += 0.02f;
            List<float[]> off = new ArrayList<>(right.logProbs());
            off.set(1, one);
            List<float[]> nothing = new ArrayList<>(right.logProbs());
            float[] nan = right.logProbs().get(0).clone();
            nan[0] = Float.NaN;
            nothing.set(0, nan);
            for (Canary wrong : List.of(
                    TinyPolicy.canary(2), new Canary(right.sequences(), off), new Canary(right.sequences(), nothing))) {
                refused(
                                host.update(TinyPolicy.version(5, 3), TinyPolicy.artefact(home, 3), Optional.of(wrong)),
                                ErrorCode.INTERNAL)
                        .hasMessageStartingWith("canary: version 5 ")
                        .hasMessageContaining("cold")
                        .hasMessageContaining("bound 0.001, 0.01")
                        .hasMessageContaining("version 4 goes on");
            }
            assertThat(host.status().version()).isEqualTo(4);
            assertThat(host.status().proof().orElseThrow().version()).isEqualTo(4);
            assertThat(host.status().lastError()).isEmpty();
            assertThat(underWay.end()).isEqualTo("LENGTH");
            assertThat(underWay.versions).hasSize(100).containsOnly(4L);
            refused(
                            host.update(
                                    TinyPolicy.version(4, 2),
                                    TinyPolicy.artefact(home, 2),
                                    Optional.of(TinyPolicy.canary(3))),
                            ErrorCode.INTERNAL)
                    .as("also one that is served already")
                    .hasMessageStartingWith("canary: version 4 ");
            refused(
                            host.reset(
                                    TinyPolicy.version(0, 1),
                                    TinyPolicy.artefact(home, 1),
                                    Optional.of(TinyPolicy.canary(3))),
                            ErrorCode.INTERNAL)
                    .hasMessageStartingWith("canary: version 0 ");
            assertThat(host.status().version()).isEqualTo(4);
            Canary strange = new Canary(List.of(new int[] {5, 99}), List.of(new float[] {-1}));
            refused(
                            host.update(TinyPolicy.version(5, 3), TinyPolicy.artefact(home, 3), Optional.of(strange)),
                            ErrorCode.INVALID_DATA)
                    .hasMessageContaining("token id 99");
            assertThat(done(host.update(TinyPolicy.version(5, 3), TinyPolicy.artefact(home, 3), Optional.of(right)))
                            .version())
                    .isEqualTo(5);
        }
    }

    /** A learner's log-probs, each a little off. */
    private static Canary moved(Canary canary, float by) {
        return new Canary(
                canary.sequences(),
                canary.logProbs().stream()
                        .map(logProbs -> {
                            float[] out = logProbs.clone();
                            for (int i = 0; i < out.length; i++) {
                                out[i] += by;
                            }
                            return out;
                        })
                        .toList());
    }

    /** A step that is far smaller than the bound: weights that were not loaded would pass it. */
    @Test
    void anOldPolicyDoesNotPassForANewOneHoweverSmallTheStep() throws Exception {
        try (ModelHost host = host(Precision.EXACT, false)) {
            Canary first = TinyPolicy.canary(2);
            assertThat(done(host.update(TinyPolicy.version(1, 2), TinyPolicy.artefact(home, 2), Optional.of(first)))
                            .proof()
                            .orElseThrow()
                            .toldApart())
                    .as("nothing to compare with")
                    .isEmpty();
            // The same weights to the last bit but one: what computes is as the version before.
            byte[] bytes = Files.readAllBytes(TinyPolicy.artefact(home, 2));
            bytes[bytes.length - 4] ^= 1;
            Path file = Files.write(home.resolve("same.safetensors"), bytes);
            PolicyVersion same = new PolicyVersion(2, PolicyWeights.digestOf(bytes));
            for (float step : new float[] {5e-4f, 1e-4f, -1e-5f}) {
                refused(host.update(same, file, Optional.of(moved(first, step))), ErrorCode.INTERNAL)
                        .hasMessageStartingWith("canary: version 2 ")
                        .hasMessageContaining("log-probs are those of version 1 (");
            }
            assertThat(host.status().version()).isEqualTo(1);
            assertThat(done(host.update(same, file, Optional.of(first)))
                            .proof()
                            .orElseThrow()
                            .toldApart())
                    .as("a step that rounding hides")
                    .hasValue(false);
            assertThat(done(host.update(
                                    TinyPolicy.version(3, 3),
                                    TinyPolicy.artefact(home, 3),
                                    Optional.of(TinyPolicy.canary(3))))
                            .proof()
                            .orElseThrow()
                            .toldApart())
                    .hasValue(true);
            done(host.update(TinyPolicy.version(4, 2), TinyPolicy.artefact(home, 2), Optional.empty()));
            assertThat(done(host.update(
                                    TinyPolicy.version(5, 3),
                                    TinyPolicy.artefact(home, 3),
                                    Optional.of(TinyPolicy.canary(3))))
                            .proof()
                            .orElseThrow()
                            .toldApart())
                    .as("the version before was not proved")
                    .isEmpty();
        }
    }

    @Test
    void whatIsNotWhatItsDigestSaysIsRefusedWithoutATraceOfWhatStandsInIt() throws Exception {
        try (ModelHost host = host(Precision.EXACT, false)) {
            Path file = TinyPolicy.artefact(home, 2);
            refused(host.update(TinyPolicy.version(1, 3), file, Optional.empty()), ErrorCode.INVALID_DATA)
                    .hasMessageContaining(file.toString())
                    .hasMessageNotContaining(TinyPolicy.version(1, 2).digest());
            refused(
                            host.update(TinyPolicy.version(1, 3), home.resolve("none"), Optional.empty()),
                            ErrorCode.INVALID_DATA)
                    .hasMessageContaining("none");
            assertThat(done(host.update(TinyPolicy.version(0, 1), home.resolve("none"), Optional.empty()))
                            .version())
                    .as("served already: nobody has to fetch it")
                    .isZero();
        }
    }

    @Test
    void aRequestThatNamesItsPolicyIsSampledByThatOneOrNotAtAll() throws Exception {
        try (ModelHost host = host(Precision.EXACT, false)) {
            PolicyVersion base = TinyPolicy.version(0, 1);
            assertThat(sample(host, "right", 8, exactly(base)).end()).isEqualTo("LENGTH");
            for (PolicyVersion other : List.of(
                    new PolicyVersion(1, base.digest()), new PolicyVersion(0, "other"), TinyPolicy.version(0, 2))) {
                Heard heard = sample(host, "other", 8, exactly(other));
                assertThat(heard.end())
                        .startsWith("PEER_UNAVAILABLE: policy version 0 (" + base.digest()
                                + ") is not the policy asked for")
                        .contains(other.toString());
                assertThat(heard.versions).isEmpty();
            }
            assertThat(sample(host, "later", 8, new Wanted(1, Optional.empty())).end())
                    .contains("older than 1");
            host.pause();
            Heard waiting = sample(host, "waiting", 8, exactly(base));
            Heard anyWaiting = sample(host, "anyWaiting", 8, Wanted.ANY);
            done(host.update(TinyPolicy.version(1, 2), TinyPolicy.artefact(home, 2), Optional.empty()));
            assertThat(host.status().running() + host.status().waiting())
                    .as("what named another policy takes no slot any more")
                    .isEqualTo(1);
            host.resume();
            assertThat(waiting.end()).contains("policy version 1 (").contains("is not the policy asked for, 0 (");
            assertThat(waiting.versions).isEmpty();
            assertThat(anyWaiting.end()).isEqualTo("LENGTH");
            assertThat(anyWaiting.versions).hasSize(8).containsOnly(1L);
        }
    }

    @Test
    void aRequestUnderWayThatNamesItsPolicyEndsWhenAnotherOneComes() throws Exception {
        try (ModelHost host = host(Precision.EXACT, false)) {
            boolean met = false;
            // Held where it is, as a few tokens take less time than a publication. One may be over before that: then
            // another is sent.
            for (long version = 1; version < 100 && !met; version++) {
                PolicyVersion now = TinyPolicy.version(version - 1, version == 1 ? 1 : 2);
                Heard named = sample(host, "named", 100, exactly(now));
                Heard any = sample(host, "any", 100, Wanted.ANY);
                while ((named.versions.isEmpty() && named.ends.isEmpty())
                        || (any.versions.isEmpty() && any.ends.isEmpty())) {
                    Thread.onSpinWait();
                }
                host.pause();
                done(host.update(TinyPolicy.version(version, 2), TinyPolicy.artefact(home, 2), Optional.empty()));
                host.resume();
                String end = named.end();
                assertThat(any.end()).isEqualTo("LENGTH");
                assertThat(named.versions).containsOnly(now.number());
                if (!end.equals("LENGTH")) {
                    met = true;
                    assertThat(end)
                            .contains("policy version " + version + " (")
                            .contains("is not the policy asked for");
                    assertThat(named.versions).hasSizeLessThan(100);
                    assertThat(any.versions)
                            .as("who names none goes on")
                            .hasSize(100)
                            .contains(now.number(), version);
                }
            }
            assertThat(met).isTrue();
            assertThat(host.status().lastError()).isEmpty();
        }
    }

    @Test
    void anAbortedRequestThatNamedItsPolicyIsOverBeforeTheNextOneComes() throws Exception {
        try (ModelHost host = host(Precision.EXACT, false)) {
            Heard heard = sample(host, "r", 100, exactly(TinyPolicy.version(0, 1)));
            host.abort("r");
            assertThat(heard.end()).isIn("ABORT", "LENGTH");
            done(host.update(TinyPolicy.version(1, 2), TinyPolicy.artefact(home, 2), Optional.empty()));
            assertThat(heard.ends).isEmpty();
            assertThat(sample(host, "r", 4, exactly(TinyPolicy.version(1, 2))).end())
                    .as("its id is free again")
                    .isEqualTo("LENGTH");
        }
    }

    /** A request on which the engine's call fails. */
    private static GenerationRequest deadly(Supplier<? extends Throwable> failure) {
        List<Integer> stops = new AbstractList<>() {
            @Override
            public Integer get(int index) {
                return 0;
            }

            @Override
            public int size() {
                return 1;
            }

            @Override
            public boolean contains(Object token) {
                if (failure.get() instanceof Error error) {
                    throw error;
                }
                throw (RuntimeException) failure.get();
            }
        };
        return new GenerationRequest(
                "deadly", new int[] {3}, new int[0], 9, 1, 1, 0, 5, GenerationRequest.Ends.IGNORE, stops, List.of());
    }

    static Stream<Supplier<? extends Throwable>> failures() {
        return Stream.of(
                () -> new OutOfMemoryError("scripted"),
                () -> new UnsatisfiedLinkError("scripted"),
                () -> new IllegalStateException("scripted"));
    }

    @ParameterizedTest
    @MethodSource("failures")
    void whoeverWaitsForAnEngineThatDiesIsToldAtOnceAndNobodyIsTakenInAfterwards(Supplier<? extends Throwable> failure)
            throws Exception {
        try (ModelHost host = host(Precision.EXACT, false)) {
            List<FootholdException> deaths = Collections.synchronizedList(new ArrayList<>());
            host.onDeath(deaths::add);
            host.pause();
            Heard named = sample(host, "named", 100, exactly(TinyPolicy.version(0, 1)));
            Heard any = sample(host, "any", 100, Wanted.ANY);
            Heard deadly = new Heard();
            host.submit(deadly(failure), Wanted.ANY, deadly, deadly::refused);
            await().atMost(Duration.ofSeconds(20))
                    .until(() -> host.status().waiting() + host.status().running() == 3);
            host.resume();
            String why = "PEER_UNAVAILABLE: the engine has stopped: "
                    + failure.get().getClass().getSimpleName() + ": scripted";
            for (Heard heard : List.of(named, any, deadly)) {
                assertThat(heard.end()).isEqualTo(why);
            }
            assertThatThrownBy(host::status).hasMessageContaining("the engine has stopped");
            assertThat(host.alive()).isFalse();
            assertThat(sample(host, "late", 4, Wanted.ANY).end()).isEqualTo(why);
            refused(
                            host.update(TinyPolicy.version(1, 2), TinyPolicy.artefact(home, 2), Optional.empty()),
                            ErrorCode.PEER_UNAVAILABLE)
                    .hasMessageContaining("the engine has stopped");
            refused(
                            host.reset(TinyPolicy.version(1, 2), TinyPolicy.artefact(home, 2), Optional.empty()),
                            ErrorCode.PEER_UNAVAILABLE)
                    .hasMessageContaining("the engine has stopped");
            host.abort("named");
            host.resume();
            assertThat(deaths).hasSize(1);
        }
    }

    @Test
    void aChangeThatIsUnderWayWhenTheEngineDiesFails() throws Exception {
        try (ModelHost host = host(Precision.EXACT, false)) {
            Path pipe = home.resolve("pipe");
            assertThat(new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor())
                    .isZero();
            CompletableFuture<EngineStatus> fetching = host.update(TinyPolicy.version(1, 2), pipe, Optional.empty());
            Heard deadly = new Heard();
            host.submit(deadly(() -> new OutOfMemoryError("scripted")), Wanted.ANY, deadly, deadly::refused);
            assertThat(deadly.end()).contains("the engine has stopped");
            refused(fetching, ErrorCode.PEER_UNAVAILABLE).hasMessageContaining("the engine has stopped");
            // Lets the fetcher go.
            Files.write(pipe, new byte[1]);
        }
    }

    @Test
    void whoseRequestIsUnderWayWhenTheHostIsClosedIsTold() throws Exception {
        Heard heard;
        List<FootholdException> deaths = Collections.synchronizedList(new ArrayList<>());
        try (ModelHost host = host(Precision.EXACT, false)) {
            host.onDeath(deaths::add);
            host.pause();
            heard = sample(host, "r", 100, Wanted.ANY);
        }
        assertThat(heard.end()).startsWith("PEER_UNAVAILABLE: the engine has stopped");
        assertThat(deaths).as("nobody has to start it again").isEmpty();
    }

    @Test
    void versionsGrowByUpdatesAndAResetGoesToAnyWhileNothingIsUnderWay() throws Exception {
        try (ModelHost host = host(Precision.EXACT, false)) {
            done(host.update(TinyPolicy.version(1000, 2), TinyPolicy.artefact(home, 2), Optional.empty()));
            refused(
                            host.update(TinyPolicy.version(30, 3), TinyPolicy.artefact(home, 3), Optional.empty()),
                            ErrorCode.CONFLICT)
                    .hasMessageContaining("must grow");
            refused(
                            host.update(TinyPolicy.version(1000, 3), TinyPolicy.artefact(home, 3), Optional.empty()),
                            ErrorCode.CONFLICT)
                    .hasMessageContaining("must grow");
            host.pause();
            Heard heard = sample(host, "r", 50, Wanted.ANY);
            await().atMost(Duration.ofSeconds(20))
                    .until(() -> host.status().waiting() + host.status().running() == 1);
            refused(
                            host.reset(TinyPolicy.version(30, 3), TinyPolicy.artefact(home, 3), Optional.empty()),
                            ErrorCode.WRONG_STATE)
                    .hasMessageContaining("while 1 sequences");
            host.resume();
            assertThat(heard.end()).isEqualTo("LENGTH");
            EngineStatus after =
                    done(host.reset(TinyPolicy.version(30, 3), TinyPolicy.artefact(home, 3), Optional.empty()));
            assertThat(after.version()).isEqualTo(30);
            assertThat(after.digest()).isEqualTo(TinyPolicy.version(30, 3).digest());
            assertThat(TinyPolicy.weights(3).digest()).isEqualTo(after.digest());
        }
    }
}
