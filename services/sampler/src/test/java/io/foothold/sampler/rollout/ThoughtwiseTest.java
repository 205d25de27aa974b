package io.foothold.sampler.rollout;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** Thought by thought against one stream, on a scripted server whose tokens depend on the response position only. */
class ThoughtwiseTest {
    /** A byte-level vocabulary: the delimiter "]]" can end in, straddle or hide inside tokens; 7 ends the sequence. */
    private static final byte[][] VOCABULARY = bytes("a", "bc", "]", "]]", "x]", "]y", "d]]e", "<end>", "\u00e9");

    private static final int END = 7;

    private static byte[][] bytes(String... pieces) {
        return Arrays.stream(pieces)
                .map(p -> p.getBytes(StandardCharsets.UTF_8))
                .toArray(byte[][]::new);
    }

    private static GroupWork work(int[] prefix, int maxTokens, int maxThoughtTokens, int maxThoughts) {
        return new GroupWork(
                "g",
                "prompt",
                new int[0],
                prefix,
                new GroupWork.Settings(1, 1, 0, maxTokens, "]]", List.of(), maxThoughtTokens, maxThoughts),
                List.of(new GroupWork.Reservation("r", 5)),
                0);
    }

    /** What a server gives: the script from the given tokens on, until a stop string, an end token or the limit. */
    private static SampledRollout serve(GroupWork work, int[] script, int already) {
        List<Integer> out = new ArrayList<>();
        StringBuilder text = new StringBuilder();
        String reason = "length";
        for (int at = already; out.size() < work.settings().maxTokens(); at++) {
            out.add(script[at]);
            text.append(new String(VOCABULARY[script[at]], StandardCharsets.UTF_8));
            if (script[at] == END) {
                reason = "stop";
                break;
            }
            if (work.settings().stopStrings().stream().anyMatch(s -> text.indexOf(s) >= 0)) {
                reason = "stop_string";
                break;
            }
        }
        int[] tokens = out.stream().mapToInt(i -> i).toArray();
        return new SampledRollout(
                work.reservations().get(0).rolloutId(),
                new int[] {1},
                tokens,
                new float[tokens.length],
                new long[tokens.length],
                List.of(),
                reason,
                "",
                List.of(),
                false);
    }

    private static SampledRollout thoughtwise(GroupWork work, int[] script, List<GroupWork> asked) {
        int given = work.prefixTokens().length;
        return new Thoughtwise(work, work.reservations().get(0), new int[] {1}, VOCABULARY).sample(single -> {
            asked.add(single);
            return serve(single, script, single.prefixTokens().length - given);
        });
    }

    @Test
    void thoughtsOneByOneAreThoseOfOneStream() {
        SplittableRandom random = new SplittableRandom(8);
        for (int trial = 0; trial < 3000; trial++) {
            int[] prefix = random.ints(random.nextInt(6), 0, 7).toArray();
            int[] script = random.ints(60, 0, 9).toArray();
            int limit = random.nextInt(1, 50);
            GroupWork stream = work(prefix, limit, 0, 0);
            SampledRollout whole = serve(stream, script, 0);
            int[] response = SampledRollout.response(stream, whole.tokens());
            // Thoughts begin anew at the reset: what the prefix left open is closed there.
            List<Integer> ends = new ArrayList<>(Thoughts.ends(prefix, VOCABULARY, "]]"));
            Thoughts.ends(whole.tokens(), VOCABULARY, "]]").forEach(e -> ends.add(prefix.length + e));
            List<GroupWork> asked = new ArrayList<>();
            SampledRollout apart = thoughtwise(work(prefix, limit, 100, 0), script, asked);
            assertThat(apart.tokens()).isEqualTo(whole.tokens());
            assertThat(apart.finishReason()).isEqualTo(whole.finishReason());
            assertThat(apart.thoughtEnds()).isEqualTo(ends);
            assertThat(apart.text()).isEqualTo(Thoughts.decode(response, VOCABULARY));
            for (int i = 0; i < ends.size(); i++) {
                String before = Thoughts.decode(Arrays.copyOf(response, ends.get(i)), VOCABULARY);
                assertThat(apart.thoughtTextEnds().get(i)).isEqualTo(before.codePointCount(0, before.length()));
            }
            assertThat(asked).allMatch(w -> w.reservations().get(0).seed() == 5);
            assertThat(asked.stream().map(w -> w.reservations().get(0).rolloutId()))
                    .doesNotHaveDuplicates();
        }
    }

    @Test
    void aThoughtThatReachesItsLimitIsAThought() {
        int[] script = {0, 0, 0, 0, 0, 3, 0, END};
        SampledRollout r = thoughtwise(work(new int[0], 40, 3, 0), script, new ArrayList<>());
        assertThat(r.tokens()).isEqualTo(script);
        assertThat(r.thoughtEnds()).containsExactly(3, 6);
        assertThat(r.finishReason()).isEqualTo("stop");
        assertThat(r.thoughtTextEnds()).containsExactly(3, 7);
    }

    @Test
    void aChainEndsWithItsLastThoughtOrItsLastToken() {
        int[] script = {0, 3, 0, 3, 0, 3, END};
        SampledRollout two = thoughtwise(work(new int[] {0, 3}, 40, 0, 2), script, new ArrayList<>());
        assertThat(two.tokens()).containsExactly(0, 3, 0, 3);
        assertThat(two.thoughtEnds())
                .as("the given thought counts in the ends, not in the limit")
                .containsExactly(2, 4, 6);
        assertThat(two.finishReason()).isEqualTo("length");
        SampledRollout short5 = thoughtwise(work(new int[0], 5, 4, 0), script, new ArrayList<>());
        assertThat(short5.tokens()).containsExactly(0, 3, 0, 3, 0);
        assertThat(short5.finishReason()).isEqualTo("length");
    }

    /** Against every sequence of up to three tokens. */
    @Test
    void aDelimiterIsRepresentableWhenSomeTokensSpellIt() {
        SplittableRandom random = new SplittableRandom(4);
        for (int trial = 0; trial < 2000; trial++) {
            String[] pieces = new String[3];
            for (int i = 0; i < pieces.length; i++) {
                pieces[i] = letters(random, random.nextInt(1, 4));
            }
            String delimiter = letters(random, random.nextInt(1, 4));
            boolean spelt = false;
            for (String a : pieces) {
                for (String b : pieces) {
                    for (String c : pieces) {
                        spelt |= (a + b + c).contains(delimiter);
                    }
                }
            }
            assertThat(Thoughts.representable(bytes(pieces), delimiter))
                    .as("%s from %s", delimiter, List.of(pieces))
                    .isEqualTo(spelt);
        }
    }

    private static String letters(SplittableRandom random, int n) {
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < n; i++) {
            out.append((char) ('a' + random.nextInt(3)));
        }
        return out.toString();
    }

    @Test
    void limitsOfThoughtsNeedThoughts() {
        assertThatThrownBy(() -> new GroupWork.Settings(1, 1, 0, 9, "", List.of(), 3, 0))
                .hasMessageContaining("need a thought_delimiter");
        assertThatThrownBy(() -> new GroupWork.Settings(1, 1, 0, 9, "x", List.of(), -1, 0))
                .hasMessageContaining("must not be negative");
    }
}
