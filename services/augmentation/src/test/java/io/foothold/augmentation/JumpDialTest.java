package io.foothold.augmentation;

import static org.assertj.core.api.Assertions.assertThat;

import io.foothold.augmentation.dial.Exercise;
import io.foothold.augmentation.dial.JumpCorpus;
import io.foothold.augmentation.dial.JumpDial;
import io.foothold.augmentation.problems.ProblemSets;
import io.foothold.core.problem.Problem;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.zip.CRC32;
import org.junit.jupiter.api.Test;

class JumpDialTest {
    private static final int[] MOVES = {1, 2, 3, -1, -2, -3, 4, 6, 5, 7, 3, 8};
    private static final int FIRST_MARK = JumpDial.VOCABULARY.id(" 0");
    private static final int FIRST_MOVE = JumpDial.VOCABULARY.id("+1");
    private static final int FIRST_STEP = JumpDial.VOCABULARY.id(" (1)");

    /** A thought as its tokens say, and the right mark after the last thought of the step before it. */
    private record Thought(int step, int mark, int right) {}

    private static List<Thought> thoughts(Exercise e) {
        int[] last = new int[21];
        last[0] = e.prompt()[2] - FIRST_MARK;
        List<Thought> out = new ArrayList<>();
        for (int at = 0; at + 3 < e.response().length; at += 4) {
            if (e.response()[at] < FIRST_STEP || e.response()[at] >= FIRST_STEP + 20) {
                break;
            }
            int step = e.response()[at] - FIRST_STEP + 1;
            int mark = e.response()[at + 2] - FIRST_MARK;
            int right = Math.floorMod(last[step - 1] + MOVES[e.response()[at + 1] - FIRST_MOVE], 30);
            out.add(new Thought(step, mark, right));
            last[step] = mark;
        }
        return out;
    }

    private static boolean located(Exercise e) {
        return e.labels().length > 0;
    }

    @Test
    void anAuthorWhoRestatesTakesTheFirstStandingSlipBack() {
        JumpCorpus corpus = new JumpCorpus(JumpCorpus.Settings.restating(), 3);
        int slips = 0;
        int restated = 0;
        for (int i = 0; i < 4000; i++) {
            Exercise e = corpus.next(16);
            List<Thought> all = thoughts(e);
            int standing = 0;
            int restatedHere = 0;
            for (int k = 0; k < all.size(); k++) {
                Thought t = all.get(k);
                boolean back = k > 0 && t.step() <= all.get(k - 1).step();
                if (back) {
                    assertThat(t.step()).as("the first slip that stands").isEqualTo(standing);
                    assertThat(t.mark()).isEqualTo(t.right());
                    standing = 0;
                    restatedHere++;
                } else {
                    assertThat(t.step()).isEqualTo(k == 0 ? 1 : all.get(k - 1).step() + 1);
                }
                if (t.mark() != t.right()) {
                    standing = standing == 0 ? t.step() : standing;
                }
                if (located(e)) {
                    assertThat(e.labels()[4 * k + 2]).isEqualTo(FIRST_MARK + t.right());
                    assertThat(e.labels()[4 * k]).isEqualTo(-1);
                }
            }
            assertThat(restatedHere).isLessThanOrEqualTo(2);
            slips += standing > 0 ? 1 : 0;
            restated += restatedHere > 0 ? 1 : 0;
        }
        assertThat(restated).isBetween(600, 2000);
        assertThat(slips).isGreaterThan(restated);
    }

    /** What the shipped base of the dial with jumps was made from: another order of draws would make another policy. */
    @Test
    void theShippedBasesCorpusStaysAsItIs() {
        JumpCorpus corpus = new JumpCorpus(JumpCorpus.Settings.standard(), 0);
        CRC32 crc = new CRC32();
        for (int i = 0; i < 1000; i++) {
            Exercise e = corpus.next(16);
            List<Thought> all = thoughts(e);
            for (int k = 0; k < all.size(); k++) {
                assertThat(all.get(k).step()).isEqualTo(k + 1);
            }
            for (int[] ids : List.of(e.prompt(), e.response(), e.labels())) {
                crc.update(Arrays.toString(ids).getBytes(java.nio.charset.StandardCharsets.US_ASCII));
            }
        }
        assertThat(crc.getValue()).isEqualTo(2611180135L);
    }

    @Test
    void restatingProblemsAreTheSameWithRoomForMoreThoughts() {
        ProblemSets sets = new ProblemSets();
        List<Problem> straight = List.copyOf(sets.load(source("dial-jumps")).values());
        List<Problem> restating =
                List.copyOf(sets.load(source("dial-restating")).values());
        for (int i = 0; i < straight.size(); i++) {
            assertThat(restating.get(i).statement()).isEqualTo(straight.get(i).statement());
            assertThat(restating.get(i).answer()).isEqualTo(straight.get(i).answer());
            assertThat(straight.get(i).maxTokens()).isEqualTo(68);
            assertThat(restating.get(i).maxTokens()).isEqualTo(132);
        }
    }

    @Test
    void tracedProblemsAreTheSameAndDemandEveryMark() {
        ProblemSets sets = new ProblemSets();
        List<Problem> jumps = List.copyOf(sets.load(source("dial-jumps")).values());
        List<Problem> traced = List.copyOf(sets.load(source("dial-traced")).values());
        for (int i = 0; i < jumps.size(); i++) {
            Problem p = traced.get(i);
            assertThat(p.statement()).isEqualTo(jumps.get(i).statement());
            assertThat(p.maxTokens()).isEqualTo(jumps.get(i).maxTokens());
            List<String> slipped = new ArrayList<>(p.oracleThoughts());
            slipped.set(3, slipped.get(3).replaceFirst("\\d+;", "99;"));
            String last = jumps.get(i).answer();
            assertThat(String.join("", p.oracleThoughts()) + last).endsWith(p.answer());
            assertThat(String.join("", slipped) + last).endsWith(last).doesNotEndWith(p.answer());
        }
    }

    private static ProblemSets.Source source(String family) {
        return new ProblemSets.Source.Generated(family, "late", 20, 3, "test");
    }
}
