package io.foothold.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.foothold.core.random.Seeds;
import io.foothold.core.search.PrefixSearch;
import io.foothold.core.search.PrefixSearch.Mode;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntPredicate;
import org.junit.jupiter.api.Test;

class PrefixSearchTest {
    private static PrefixSearch.Result run(
            Mode mode, int thoughts, int longest, IntPredicate works, List<Integer> asked) {
        return run(PrefixSearch.Fallback.SHORT, mode, thoughts, longest, works, asked);
    }

    private static PrefixSearch.Result run(
            PrefixSearch.Fallback fallback,
            Mode mode,
            int thoughts,
            int longest,
            IntPredicate works,
            List<Integer> asked) {
        PrefixSearch search = new PrefixSearch(mode, thoughts, longest, 1, fallback, Seeds.of(3));
        for (var next = search.next(); next.isPresent(); next = search.next()) {
            asked.add(next.getAsInt());
            search.record(next.getAsInt(), works.test(next.getAsInt()) ? 1 : 0);
        }
        return search.result();
    }

    @Test
    void ascendingFindsTheShortestThatWorks() {
        for (int thoughts = 1; thoughts < 12; thoughts++) {
            for (int first = 0; first < thoughts; first++) {
                int at = first;
                List<Integer> asked = new ArrayList<>();
                PrefixSearch.Result found = run(Mode.ASCENDING, thoughts, thoughts - 1, i -> i >= at, asked);
                assertThat(found).isEqualTo(new PrefixSearch.Result(first, false));
                assertThat(asked).hasSize(first + 1);
            }
        }
    }

    @Test
    void bisectFindsTheSameWhenSuccessGrowsAndAsksLogarithmically() {
        for (int thoughts = 1; thoughts < 40; thoughts++) {
            for (int first = 0; first < thoughts; first++) {
                int at = first;
                List<Integer> asked = new ArrayList<>();
                assertThat(run(Mode.BISECT, thoughts, thoughts - 1, i -> i >= at, asked)
                                .prefixThoughts())
                        .isEqualTo(first);
                assertThat(asked.size()).isLessThanOrEqualTo(1 + (int) Math.ceil(Math.log(thoughts + 1) / Math.log(2)));
            }
        }
    }

    @Test
    void subsampleTriesQuartersOnly() {
        List<Integer> asked = new ArrayList<>();
        assertThat(run(Mode.SUBSAMPLE, 8, 7, i -> i >= 5, asked)).isEqualTo(new PrefixSearch.Result(6, false));
        assertThat(asked).containsExactly(0, 2, 4, 6);
    }

    @Test
    void nothingBeyondTheLongestIsAskedAndTheFallbackIsBelowAQuarter() {
        for (Mode mode : Mode.values()) {
            for (int thoughts = 1; thoughts < 30; thoughts++) {
                int longest = thoughts / 2;
                if (longest >= thoughts) {
                    continue;
                }
                List<Integer> asked = new ArrayList<>();
                PrefixSearch.Result found = run(mode, thoughts, longest, i -> false, asked);
                assertThat(asked).allMatch(i -> i <= longest);
                assertThat(found.fallback()).isTrue();
                assertThat(found.prefixThoughts()).isBetween(0, Math.max(0, (thoughts + 3) / 4 - 1));
            }
        }
    }

    @Test
    void theFallbackIsTheLongestThatWasTriedWhereThatIsAskedFor() {
        for (Mode mode : Mode.values()) {
            for (int thoughts = 1; thoughts < 30; thoughts++) {
                for (int longest = 0; longest < thoughts; longest++) {
                    List<Integer> asked = new ArrayList<>();
                    PrefixSearch.Result found =
                            run(PrefixSearch.Fallback.LONGEST, mode, thoughts, longest, i -> false, asked);
                    assertThat(found.fallback()).isTrue();
                    assertThat(found.prefixThoughts())
                            .isEqualTo(asked.stream()
                                    .mapToInt(Integer::intValue)
                                    .max()
                                    .orElseThrow());
                }
            }
        }
        assertThat(run(PrefixSearch.Fallback.LONGEST, Mode.ASCENDING, 4, 3, i -> i == 1, new ArrayList<>()))
                .as("what works is taken")
                .isEqualTo(new PrefixSearch.Result(1, false));
    }

    @Test
    void answersToQuestionsThatWereNotAskedAreRefused() {
        PrefixSearch search = new PrefixSearch(Mode.ASCENDING, 4, 3, 1, PrefixSearch.Fallback.SHORT, Seeds.of(1));
        assertThatThrownBy(() -> search.record(2, 1)).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> new PrefixSearch(Mode.ASCENDING, 4, 4, 1, PrefixSearch.Fallback.SHORT, Seeds.of(1)))
                .isInstanceOf(IllegalArgumentException.class);
    }

    /** What prompts are measured by before the search must not be less than what the search asks for. */
    @Test
    void theLongestAskedIsReachedWhenNothingWorks() {
        for (Mode mode : Mode.values()) {
            for (int thoughts = 1; thoughts < 30; thoughts++) {
                for (int longest = 0; longest < thoughts; longest++) {
                    List<Integer> asked = new ArrayList<>();
                    run(mode, thoughts, longest, i -> false, asked);
                    assertThat(PrefixSearch.longestAsked(mode, thoughts, longest))
                            .isEqualTo(asked.stream()
                                    .mapToInt(Integer::intValue)
                                    .max()
                                    .orElseThrow());
                }
            }
        }
    }
}
