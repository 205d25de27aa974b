package io.foothold.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.foothold.core.reset.ResetSplit;
import io.foothold.core.reset.ResetSplit.SeedRule;
import io.foothold.core.reset.ResetSplit.WithoutSeeds;
import io.foothold.core.reset.SeedSelection;
import io.foothold.core.reset.SeedSelection.Draw;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class SeedSelectionTest {
    private static final Draw R = Draw.RIGHT;
    private static final Draw W = Draw.WRONG;
    private static final Draw E = Draw.WRONG_WITHOUT_THOUGHTS;

    /** Runs the procedure on an endless sequence of draws; gives how many it took. */
    private static int run(SeedSelection selection, List<Draw> draws) {
        int taken = 0;
        for (int next = selection.next(); next > 0; next = selection.next()) {
            selection.record(draws.subList(taken, taken + next));
            taken += next;
        }
        return taken;
    }

    /** The procedure of the authors' code (arXiv 2605.25507), one draw after the other. */
    private record OneByOne(List<Integer> base, List<Integer> seeds, int taken) {
        static OneByOne of(ResetSplit split, List<Draw> draws) {
            List<Integer> base = new ArrayList<>();
            List<Integer> seeds = new ArrayList<>();
            int taken = 0;
            while ((seeds.size() < split.seeds() || base.size() < split.baseRollouts()) && taken < split.mostDraws()) {
                if (draws.get(taken) == W && seeds.size() < split.seeds()) {
                    seeds.add(taken);
                } else if (base.size() < split.baseRollouts()) {
                    base.add(taken);
                }
                taken++;
            }
            if (seeds.size() < split.seeds()) {
                if (split.withoutSeeds() == WithoutSeeds.DRAWN) {
                    return new OneByOne(range(taken), List.of(), taken);
                }
                int n = split.trained();
                taken = Math.max(taken, n);
                List<Integer> kept = new ArrayList<>(seeds);
                for (int i = 0; i < taken && kept.size() < n; i++) {
                    if (!kept.contains(i)) {
                        kept.add(i);
                    }
                }
                return new OneByOne(kept.stream().sorted().toList(), List.of(), taken);
            }
            return new OneByOne(base, seeds, taken);
        }
    }

    private static List<Integer> range(int n) {
        return IntStream.range(0, n).boxed().toList();
    }

    @Test
    void batchesGiveTheSamePlacesAsDrawingOneByOneAndNeverDrawMore() {
        SplittableRandom random = new SplittableRandom(5);
        for (int trial = 0; trial < 20_000; trial++) {
            int base = random.nextInt(5);
            int seeds = random.nextInt(1, 4);
            ResetSplit split = new ResetSplit(
                    base,
                    seeds,
                    random.nextInt(1, 9),
                    base + seeds + random.nextInt(9),
                    SeedRule.REFERENCE,
                    random.nextBoolean() ? WithoutSeeds.PLAIN : WithoutSeeds.DRAWN);
            double wrong = random.nextDouble();
            List<Draw> draws = IntStream.range(0, 80)
                    .mapToObj(i -> random.nextDouble() < wrong ? (random.nextInt(6) == 0 ? E : W) : R)
                    .toList();
            SeedSelection selection = new SeedSelection(split);
            int taken = run(selection, draws);
            OneByOne twin = OneByOne.of(split, draws);
            assertThat(selection.result().seeds()).as("%s %s", split, draws).isEqualTo(twin.seeds());
            assertThat(selection.result().base()).as("%s %s", split, draws).isEqualTo(twin.base());
            assertThat(taken).as("%s %s", split, draws).isEqualTo(twin.taken());
        }
    }

    @Test
    void thePapersBaseGroupIsTheFirstDrawsWhateverTheyAre() {
        SplittableRandom random = new SplittableRandom(6);
        for (int trial = 0; trial < 20_000; trial++) {
            int base = random.nextInt(6);
            int seeds = random.nextInt(1, 3);
            ResetSplit split = new ResetSplit(base, seeds, 4, 12, SeedRule.PAPER, WithoutSeeds.PLAIN);
            double wrong = random.nextDouble();
            List<Draw> draws = IntStream.range(0, 80)
                    .mapToObj(i -> random.nextDouble() < wrong ? W : R)
                    .toList();
            SeedSelection selection = new SeedSelection(split);
            int taken = run(selection, draws);
            SeedSelection.Result result = selection.result();
            if (result.seeds().isEmpty()) {
                assertThat(result.base()).isEqualTo(range(split.trained()));
                assertThat(draws.subList(0, 12).stream().filter(d -> d == W).count())
                        .isLessThan(seeds);
            } else {
                assertThat(result.base()).isEqualTo(range(base));
                assertThat(result.seeds()).hasSize(seeds).allMatch(i -> draws.get(i) == W);
                assertThat(taken).isEqualTo(Math.max(base, result.seeds().get(seeds - 1) + 1));
            }
        }
    }

    @Test
    void oneByFourOfTheAuthorsCode() {
        ResetSplit split = new ResetSplit(4, 1, 4, 12, SeedRule.REFERENCE, WithoutSeeds.PLAIN);
        SeedSelection selection = new SeedSelection(split);
        assertThat(selection.next()).isEqualTo(5);
        selection.record(List.of(R, E, W, R, W));
        assertThat(selection.next()).isZero();
        assertThat(selection.result().seeds()).containsExactly(2);
        assertThat(selection.result().base())
                .as("a chain without thoughts and a second failure stay")
                .containsExactly(0, 1, 3, 4);
        assertThatThrownBy(() -> selection.record(List.of(R))).hasMessageContaining("asked for 0");
    }

    @Test
    void splitsThatDoNotFitAreRefused() {
        assertThatThrownBy(() -> new ResetSplit(4, 1, 4, 4, SeedRule.REFERENCE, WithoutSeeds.PLAIN))
                .hasMessageContaining("does not fit its draws: 4 draws for a base group of 4 and 1 seeds (at least 5)");
        assertThatThrownBy(() -> new ResetSplit(0, 0, 4, 4, SeedRule.PAPER, WithoutSeeds.PLAIN))
                .hasMessageContaining("seeds and suffixes of at least 1");
    }
}
