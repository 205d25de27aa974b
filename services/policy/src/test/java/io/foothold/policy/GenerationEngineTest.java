package io.foothold.policy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

class GenerationEngineTest {
    static final class Sink implements GenerationRequest.Listener {
        final List<Integer> tokens = new ArrayList<>();
        final List<Float> logProbs = new ArrayList<>();
        final List<Long> versions = new ArrayList<>();
        GenerationRequest.End end;

        @Override
        public void tokens(int[] t, float[] lp, long version) {
            for (int i = 0; i < t.length; i++) {
                tokens.add(t[i]);
                logProbs.add(lp[i]);
                versions.add(version);
            }
        }

        @Override
        public void ended(GenerationRequest.End reason, int stopIndex) {
            end = reason;
        }

        int[] ids() {
            return tokens.stream().mapToInt(i -> i).toArray();
        }
    }

    static Map<String, Sink> run(GenerationEngine engine, List<GenerationRequest> requests) {
        Map<String, Sink> sinks = new HashMap<>();
        for (GenerationRequest r : requests) {
            Sink sink = new Sink();
            sinks.put(r.id(), sink);
            engine.submit(r, sink);
        }
        while (engine.step()) {}
        return sinks;
    }

    static List<GenerationRequest> requests(int n, int prompts, long seed) {
        Random random = new Random(seed);
        int[][] prompt = new int[prompts][];
        for (int p = 0; p < prompts; p++) {
            prompt[p] = random.ints(5 + p % 7, 2, 38).toArray();
        }
        List<GenerationRequest> out = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            out.add(GenerationRequest.plain("r" + i, prompt[i % prompts], 20, 1000 + i));
        }
        return out;
    }

    @Test
    void sampledLogProbsAreThoseOfThePlainTwin() {
        for (ModelConfig.Architecture a : ModelConfig.Architecture.values()) {
            PolicyWeights weights = Shapes.weights(Shapes.of(a, a == ModelConfig.Architecture.QWEN3), 3);
            for (Precision precision : Precision.values()) {
                try (GenerationEngine engine = new GenerationEngine(
                        weights, 0, null, new GenerationEngine.Settings(4, 48, 3, false, precision))) {
                    List<GenerationRequest> requests = requests(9, 3, 5);
                    assertLikeTwin(a + " " + precision, weights, requests, run(engine, requests));
                }
            }
        }
    }

    /** Keys of fast attention lie in pages: prompts and responses that begin, end and move in each of four. */
    @Test
    void longRowsReadEveryPageOfTheirKeys() {
        ModelConfig config = ModelConfig.qwen3(38, 32, 64, 2, 4, 2, 8, 512).endingWith(List.of(Shapes.END));
        PolicyWeights weights = Shapes.weights(config, 3);
        Random random = new Random(4);
        List<GenerationRequest> requests = new ArrayList<>();
        for (int i = 0; i < 24; i++) {
            int[] prompt = random.ints(1 + random.nextInt(350), 2, 38).toArray();
            requests.add(GenerationRequest.plain("r" + i, prompt, 1 + random.nextInt(140), i));
        }
        for (boolean deterministic : new boolean[] {false, true}) {
            try (GenerationEngine engine = new GenerationEngine(
                    weights, 0, null, new GenerationEngine.Settings(7, 490, 4, deterministic, Precision.FAST))) {
                Map<String, Sink> sinks = run(engine, requests);
                assertThat(sinks.values()).anyMatch(s -> s.tokens.size() > 60);
                assertLikeTwin("deterministic " + deterministic, weights, requests, sinks);
            }
        }
    }

    /** More slots than a block has rows: old rows move forward, fresh ones take gaps, some come late, some are aborted. */
    @Test
    void rowsOfSeveralBlocksKeepTheirKeysWhileSlotsAreRefilled() {
        PolicyWeights weights = Shapes.weights(Shapes.qwen3(), 3);
        for (Precision precision : Precision.values()) {
            Random random = new Random(6);
            List<GenerationRequest> requests = new ArrayList<>();
            for (int i = 0; i < 900; i++) {
                int[] prompt = random.ints(1 + random.nextInt(9), 2, 38).toArray();
                requests.add(GenerationRequest.plain("r" + i, prompt, 1 + random.nextInt(30), i));
            }
            Map<String, Sink> sinks = new HashMap<>();
            try (GenerationEngine engine = new GenerationEngine(
                    weights, 0, null, new GenerationEngine.Settings(300, 40, 3, false, precision))) {
                int submitted = 0;
                boolean more = true;
                for (int round = 0; more; round++) {
                    for (int due = Math.min(900, 320 + round * 41); submitted < due; submitted++) {
                        GenerationRequest r = requests.get(submitted);
                        sinks.put(r.id(), new Sink());
                        engine.submit(r, sinks.get(r.id()));
                    }
                    engine.abort("r" + random.nextInt(900));
                    more = engine.step() || submitted < 900;
                }
            }
            assertThat(sinks.values()).allSatisfy(s -> assertThat(s.end).isNotNull());
            assertThat(sinks.values()).anyMatch(s -> s.end == GenerationRequest.End.ABORT);
            assertLikeTwin("" + precision, weights, requests, sinks);
        }
    }

    private static void assertLikeTwin(
            String what, PolicyWeights weights, List<GenerationRequest> requests, Map<String, Sink> sinks) {
        NaiveTransformer naive = new NaiveTransformer(weights);
        for (GenerationRequest r : requests) {
            Sink sink = sinks.get(r.id());
            int[] all = Arrays.copyOf(r.prompt(), r.prompt().length + sink.tokens.size());
            System.arraycopy(sink.ids(), 0, all, r.prompt().length, sink.tokens.size());
            double[][] logits = naive.logits(all);
            for (int t = 0; t < sink.tokens.size(); t++) {
                assertThat(sink.logProbs.get(t).doubleValue())
                        .as(what + " " + r.id() + " token " + t)
                        .isEqualTo(
                                NaiveTransformer.logProb(logits[r.prompt().length + t - 1], sink.tokens.get(t)),
                                within(2e-5));
            }
        }
    }

    @Test
    void inDeterministicModeNeighboursSlotsAndChunksDoNotMatter() {
        PolicyWeights weights = Shapes.weights(Shapes.qwen3(), 3);
        Map<String, Sink> first;
        List<GenerationRequest> requests = requests(40, 6, 11);
        try (GenerationEngine engine = new GenerationEngine(
                weights, 0, null, new GenerationEngine.Settings(32, 48, 4, true, Precision.EXACT))) {
            first = run(engine, requests);
        }
        assertThat(first.values().stream().map(s -> s.tokens).distinct().count())
                .as("an equality test of equal rows proves nothing")
                .isGreaterThan(30);
        assertThat(first.values().stream()
                        .mapToInt(s -> s.tokens.size())
                        .distinct()
                        .count())
                .isGreaterThan(3);
        List<GenerationRequest> shuffled = new ArrayList<>(requests);
        Collections.shuffle(shuffled, new Random(1));
        try (GenerationEngine engine = new GenerationEngine(
                weights, 0, null, new GenerationEngine.Settings(9, 48, 4, true, Precision.EXACT))) {
            assertSame(first, run(engine, shuffled));
            for (GenerationRequest r : shuffled.subList(0, 5)) {
                assertSame(Map.of(r.id(), first.get(r.id())), run(engine, List.of(r)));
            }
        }
    }

    private static void assertSame(Map<String, Sink> expected, Map<String, Sink> actual) {
        expected.forEach((id, sink) -> {
            assertThat(actual.get(id).tokens).as(id).isEqualTo(sink.tokens);
            assertThat(actual.get(id).logProbs).as(id).isEqualTo(sink.logProbs);
        });
    }

    /** Every cut of every rollout at once, so that beginnings of each other meet in one prefill. */
    @Test
    void inDeterministicModeAResetContinuesWithTheSameTokensWhereverItIsCut() {
        PolicyWeights weights = Shapes.weights(Shapes.qwen3(), 3);
        for (Precision precision : Precision.values()) {
            try (GenerationEngine engine =
                    new GenerationEngine(weights, 0, null, new GenerationEngine.Settings(24, 48, 3, true, precision))) {
                List<GenerationRequest> whole = requests(12, 3, 2);
                Map<String, Sink> sinks = run(engine, whole);
                List<GenerationRequest> resets = new ArrayList<>();
                for (GenerationRequest r : whole) {
                    int[] ids = sinks.get(r.id()).ids();
                    for (int cut = 0; cut < ids.length; cut++) {
                        resets.add(new GenerationRequest(
                                r.id() + "/" + cut,
                                r.prompt(),
                                Arrays.copyOf(ids, cut),
                                20 - cut,
                                1,
                                1,
                                0,
                                r.seed(),
                                GenerationRequest.Ends.STOP,
                                List.of(),
                                List.of()));
                    }
                }
                long before = engine.counters().prefilledTokens();
                Map<String, Sink> suffixes = run(engine, resets);
                for (GenerationRequest r : resets) {
                    Sink sink = sinks.get(r.id().substring(0, r.id().indexOf('/')));
                    int cut = r.given().length;
                    assertThat(suffixes.get(r.id()).tokens)
                            .as("%s %s", precision, r.id())
                            .isEqualTo(sink.tokens.subList(cut, sink.tokens.size()));
                    assertThat(suffixes.get(r.id()).logProbs)
                            .as("%s %s", precision, r.id())
                            .isEqualTo(sink.logProbs.subList(cut, sink.tokens.size()));
                }
                if (precision == Precision.EXACT) {
                    long alone = resets.stream()
                            .mapToLong(r -> r.prompt().length - 1 + r.given().length)
                            .sum();
                    assertThat(engine.counters().prefilledTokens() - before)
                            .as("a beginning that others go on from is not prefilled again")
                            .isLessThan(alone / 3);
                }
            }
        }
    }

    /** Groups of eight whose requests come in mixed order, with slots for one group: each prompt goes through the model once. */
    @Test
    void requestsWithOnePromptArePrefilledTogetherInWhateverOrderTheyCame() {
        try (GenerationEngine engine = new GenerationEngine(
                Shapes.weights(Shapes.qwen3(), 3),
                0,
                null,
                new GenerationEngine.Settings(8, 48, 4, false, Precision.FAST))) {
            List<GenerationRequest> requests = new ArrayList<>();
            for (GenerationRequest r : requests(48, 6, 5)) {
                requests.add(new GenerationRequest(
                        r.id(),
                        r.prompt(),
                        new int[0],
                        4,
                        1,
                        1,
                        0,
                        r.seed(),
                        GenerationRequest.Ends.IGNORE,
                        List.of(),
                        List.of()));
            }
            Map<String, Sink> sinks = run(engine, requests);
            assertThat(sinks.values())
                    .allSatisfy(sink -> assertThat(sink.tokens).hasSize(4));
            assertThat(engine.counters().prefilledTokens())
                    .isEqualTo(requests.stream()
                            .limit(6)
                            .mapToLong(r -> r.prompt().length - 1)
                            .sum());
        }
    }

    @Test
    void restrictedSamplingGivesLogProbsOfTheRestrictedDistribution() {
        PolicyWeights weights = Shapes.weights(Shapes.qwen3(), 3);
        NaiveTransformer naive = new NaiveTransformer(weights);
        try (GenerationEngine engine = new GenerationEngine(
                weights, 0, null, new GenerationEngine.Settings(8, 48, 4, false, Precision.EXACT))) {
            int[] prompt = {2, 9, 17};
            GenerationRequest r = new GenerationRequest(
                    "k", prompt, new int[0], 16, 0.7, 1, 3, 9, GenerationRequest.Ends.IGNORE, List.of(), List.of());
            Sink sink = run(engine, List.of(r)).get("k");
            int[] all = Arrays.copyOf(prompt, 19);
            System.arraycopy(sink.ids(), 0, all, 3, 16);
            double[][] logits = naive.logits(all);
            for (int t = 0; t < 16; t++) {
                double[] l = Arrays.stream(logits[2 + t]).map(v -> v / 0.7).toArray();
                double third = Arrays.stream(l).sorted().toArray()[l.length - 3];
                double[] kept = Arrays.stream(l)
                        .map(v -> v >= third ? v : Double.NEGATIVE_INFINITY)
                        .toArray();
                assertThat(sink.logProbs.get(t).doubleValue())
                        .isEqualTo(NaiveTransformer.logProb(kept, sink.tokens.get(t)), within(2e-5));
            }
            GenerationRequest tiny = new GenerationRequest(
                    "p", prompt, new int[0], 16, 1, 1e-6, 0, 9, GenerationRequest.Ends.IGNORE, List.of(), List.of());
            GenerationRequest greedy = new GenerationRequest(
                    "g", prompt, new int[0], 16, 0, 1, 0, 9, GenerationRequest.Ends.IGNORE, List.of(), List.of());
            Map<String, Sink> both = run(engine, List.of(tiny, greedy));
            assertThat(both.get("p").tokens).isEqualTo(both.get("g").tokens);
        }
    }

    @Test
    void weightsChangeInFlightAndEveryTokenCarriesItsVersion() {
        ModelConfig config = Shapes.qwen3();
        try (GenerationEngine engine = new GenerationEngine(
                Shapes.weights(config, 3), 4, null, new GenerationEngine.Settings(8, 48, 4, false, Precision.EXACT))) {
            Sink sink = new Sink();
            engine.submit(
                    new GenerationRequest(
                            "v",
                            new int[] {2, 3},
                            new int[0],
                            24,
                            1,
                            1,
                            0,
                            1,
                            GenerationRequest.Ends.IGNORE,
                            List.of(),
                            List.of()),
                    sink);
            engine.step();
            engine.step();
            engine.swap(Shapes.weights(config, 8), 5);
            while (engine.step()) {}
            assertThat(sink.versions.subList(0, 8)).containsOnly(4L);
            assertThat(sink.versions.subList(8, 24)).containsOnly(5L);
            assertThatThrownBy(() -> engine.swap(Shapes.weights(config, 8), 5)).hasMessageContaining("must grow");
        }
    }

    @Test
    void slotsAreRefilledWhileWorkWaits() {
        try (GenerationEngine engine = new GenerationEngine(
                Shapes.weights(Shapes.qwen3(), 3),
                0,
                null,
                new GenerationEngine.Settings(16, 60, 4, false, Precision.EXACT))) {
            int arrays = engine.managedArrays();
            List<GenerationRequest> many = new ArrayList<>();
            for (int i = 0; i < 200; i++) {
                many.add(GenerationRequest.plain("r" + i, new int[] {2, 3 + i % 9, 4}, 40, i));
            }
            Map<String, Sink> sinks = run(engine, many);
            assertThat(sinks.values()).allSatisfy(s -> assertThat(s.end).isNotNull());
            GenerationEngine.Counters c = engine.counters();
            assertThat((double) c.rowSteps() / c.slotSteps()).isGreaterThan(0.8);
            assertThat(engine.managedArrays()).isEqualTo(arrays);
        }
    }

    @Test
    void abortEndsARequestAndItsNeighboursGoOn() {
        try (GenerationEngine engine = new GenerationEngine(
                Shapes.weights(Shapes.qwen3(), 3),
                0,
                null,
                new GenerationEngine.Settings(8, 60, 1, true, Precision.EXACT))) {
            Map<String, Sink> undisturbed = run(engine, requests(3, 3, 7));
            List<GenerationRequest> three = requests(3, 3, 7);
            Map<String, Sink> sinks = new HashMap<>();
            for (GenerationRequest r : three) {
                sinks.put(r.id(), new Sink());
                engine.submit(r, sinks.get(r.id()));
            }
            engine.step();
            assertThat(engine.abort("r0")).isTrue();
            assertThat(engine.abort("r0")).isFalse();
            while (engine.step()) {}
            assertThat(sinks.get("r0").end).isEqualTo(GenerationRequest.End.ABORT);
            assertSame(Map.of("r2", undisturbed.get("r2")), sinks);
        }
    }

    @Test
    void badRequestsAreRefusedWithTheirValue() {
        try (GenerationEngine engine = new GenerationEngine(
                Shapes.weights(Shapes.qwen3(), 3),
                0,
                null,
                new GenerationEngine.Settings(8, 16, 1, true, Precision.EXACT))) {
            assertThatThrownBy(() -> engine.submit(GenerationRequest.plain("x", new int[] {99}, 4, 1), new Sink()))
                    .hasMessageContaining("token id 99 is not in 0..37");
            assertThatThrownBy(() -> engine.submit(GenerationRequest.plain("x", new int[] {2}, 40, 1), new Sink()))
                    .hasMessageContaining("must fit 16");
        }
    }
}
