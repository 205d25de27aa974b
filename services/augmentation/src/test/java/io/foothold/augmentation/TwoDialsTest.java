package io.foothold.augmentation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.foothold.augmentation.dial.Dial;
import io.foothold.augmentation.dial.Exercise;
import io.foothold.augmentation.dial.TwoDials;
import io.foothold.augmentation.dial.TwoDialsCorpus;
import io.foothold.augmentation.problems.ProblemSets;
import io.foothold.augmentation.prompt.Templates;
import io.foothold.core.problem.Problem;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TwoDialsTest {
    private static final Pattern MOVE = Pattern.compile("\\((\\d)\\)( leap (\\d)|[+-]\\d)");

    /** An independent reading of a statement: the mark after every move. */
    private static List<Integer> solve(String statement) {
        boolean gauge = statement.startsWith("Gauge at ");
        List<Integer> out = new ArrayList<>();
        int mark = statement.charAt(statement.indexOf(" at ") + 4) - '0';
        for (Matcher m = MOVE.matcher(statement); m.find(); out.add(mark)) {
            int by = m.group(3) == null
                    ? Integer.parseInt(m.group(2))
                    : 3 * Integer.parseInt(m.group(3)) + (gauge ? 1 : 0);
            mark = Math.floorMod(mark + by, 10);
        }
        return out;
    }

    private static int leaps(String statement) {
        return statement.split("leap", -1).length - 1;
    }

    private static List<Problem> problems(String family, String level, int count, String split) {
        return List.copyOf(new ProblemSets()
                .load(new ProblemSets.Source.Generated(family, level, count, 3, split))
                .values());
    }

    /** The example of the laboratory that the task comes from. */
    @Test
    void theReaderKnowsTheExample() {
        assertThat(solve("Dial at 4 (1) leap 2 (2) leap 7 (3) leap 2 (4) leap 7 (5) leap 4 (6) leap 5"))
                .containsExactly(0, 1, 7, 8, 0, 5);
        assertThat(solve("Gauge at 4 (1) leap 2 (2)-3")).containsExactly(1, 8);
    }

    @ParameterizedTest
    @CsvSource({
        "hard, Dial, 6, 6, 6, 6",
        "turns, Dial, 6, 6, 0, 0",
        "shared, Dial, 6, 6, 1, 1",
        "conflict, Gauge, 4, 6, 2, 3"
    })
    void levelsAreWhatTheySayAndAnswersAreRight(
            String level, String header, int fewestMoves, int mostMoves, int fewestLeaps, int mostLeaps) {
        Set<String> train = new HashSet<>();
        Set<Integer> lengths = new HashSet<>();
        for (String split : List.of("train", "test")) {
            for (Problem p : problems("two-dials", level, 100, split)) {
                List<Integer> marks = solve(p.statement());
                lengths.add(marks.size());
                assertThat(p.statement()).startsWith(header + " at ");
                assertThat(marks.size()).isBetween(fewestMoves, mostMoves);
                assertThat(leaps(p.statement())).isBetween(fewestLeaps, mostLeaps);
                StringBuilder box = new StringBuilder("\\boxed{");
                for (int k = 1; k < marks.size(); k += 2) {
                    box.append(' ').append(marks.get(k));
                }
                assertThat(p.answer()).isEqualTo(box + "}<|end|>");
                if (split.equals("train")) {
                    train.add(p.statement());
                } else {
                    assertThat(train).doesNotContain(p.statement());
                }
            }
        }
        assertThat(lengths).containsOnly(fewestMoves, mostMoves);
    }

    @Test
    void theTerseOracleWritesEverySecondThoughtOfTheOwnOne() {
        List<Problem> own = problems("two-dials", "hard", 20, "train");
        List<Problem> terse = problems("two-dials-terse", "hard", 20, "train");
        for (int i = 0; i < own.size(); i++) {
            assertThat(terse.get(i).statement()).isEqualTo(own.get(i).statement());
            assertThat(terse.get(i).answer()).isEqualTo(own.get(i).answer());
            List<String> thoughts = own.get(i).oracleThoughts();
            List<Integer> marks = solve(own.get(i).statement());
            assertThat(thoughts).hasSize(6);
            for (int k = 0; k < 6; k++) {
                assertThat(thoughts.get(k)).endsWith(" " + marks.get(k) + ";\n");
            }
            assertThat(terse.get(i).oracleThoughts())
                    .containsExactly(thoughts.get(1), thoughts.get(3), thoughts.get(5));
        }
    }

    @Test
    void hardIsThirtyTokensOfAnswerInOwnStyleAndEighteenInTerse() {
        Problem own = problems("two-dials", "hard", 1, "train").getFirst();
        Problem terse = problems("two-dials-terse", "hard", 1, "train").getFirst();
        assertThat(TwoDials.VOCABULARY.size()).isEqualTo(38);
        assertThat(TwoDials.VOCABULARY.encode(String.join("", own.oracleThoughts()) + own.answer()))
                .hasSize(30);
        assertThat(TwoDials.VOCABULARY.encode(String.join("", terse.oracleThoughts()) + terse.answer()))
                .hasSize(18);
        assertThat(own.maxTokens()).isEqualTo(35);
        String guided = new Templates(Dial.ROOT_TEMPLATE, Dial.GUIDED_TEMPLATE).prompt(terse, 2);
        assertThat(guided)
                .startsWith("<|continue|>Dial at")
                .contains(";\n (2) leap")
                .doesNotContain("boxed");
    }

    @Test
    void mixedLevelsHoldTheirSharesOfTheProblemsThatTheLevelsHaveAlone() {
        assertThat(statements("hard+shared", 40))
                .containsExactlyElementsOf(both(statements("hard", 20), statements("shared", 20)));
        assertThat(statements("hard:5+conflict:1", 60))
                .containsExactlyElementsOf(both(statements("hard", 50), statements("conflict", 10)));
    }

    private static List<String> statements(String level, int count) {
        return problems("two-dials", level, count, "train").stream()
                .map(Problem::statement)
                .toList();
    }

    private static List<String> both(List<String> first, List<String> second) {
        List<String> out = new ArrayList<>(first);
        out.addAll(second);
        return out;
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "hrd | 4 | unknown level 'hrd' of two-dials (did you mean 'hard'?)",
                "hard+ | 4 | unknown level ''",
                "hard:0+shared | 4 | share '0' in level 'hard:0+shared'",
                "hard:x | 4 | share 'x'",
                "hard+hard | 4 | has hard twice",
                "hard:5+conflict | 40 | 40 problems cannot be cut into hard:5+conflict (expected a multiple of 6)"
            })
    void wrongLevelsAreRefusedByName(String level, int count, String message) {
        assertThatThrownBy(() -> problems("two-dials", level, count, "train")).hasMessageContaining(message);
    }

    @Test
    void theAuthorSlipsAsOftenAsHeShouldAndWorksOnTheGaugeAsOnTheDial() {
        TwoDialsCorpus corpus = new TwoDialsCorpus(new TwoDialsCorpus.Settings(.65, .85, .05, 0), 5);
        int[][] count = new int[3][2];
        for (int i = 0; i < 4000; i++) {
            Exercise e = corpus.next(6);
            String prompt = text(e.prompt());
            String response = text(e.response());
            assertThat(leaps(prompt)).isLessThanOrEqualTo(3);
            int mark = prompt.charAt(prompt.indexOf(" at ") + 4) - '0';
            boolean gauge = prompt.contains("Gauge");
            Matcher m =
                    Pattern.compile("\\(\\d\\)(?: leap (\\d)|([+-]\\d)) (\\d);").matcher(response);
            while (m.find()) {
                int by = m.group(1) == null ? Integer.parseInt(m.group(2)) : 3 * Integer.parseInt(m.group(1));
                int claimed = Integer.parseInt(m.group(3));
                int off = Math.floorMod(claimed - mark - by, 10);
                assertThat(off).isBetween(0, 1);
                int[] kind = count[m.group(1) == null ? 2 : gauge ? 1 : 0];
                kind[0]++;
                kind[1] += off;
                mark = claimed;
            }
        }
        assertThat((double) count[0][1] / count[0][0]).isBetween(.62, .68);
        assertThat((double) count[1][1] / count[1][0]).isBetween(.82, .88);
        assertThat((double) count[2][1] / count[2][0]).isBetween(.035, .065);
    }

    @Test
    void guidedExercisesShowCorrectThoughtsOfEitherStyleAndGoOnInTheOwnOne() {
        TwoDialsCorpus corpus = new TwoDialsCorpus(new TwoDialsCorpus.Settings(.65, .65, .05, 1), 5);
        Set<Integer> firsts = new HashSet<>();
        for (int i = 0; i < 500; i++) {
            Exercise e = corpus.next(6);
            String prompt = text(e.prompt());
            String statement = prompt.substring("<|continue|>".length(), prompt.indexOf(";\n"));
            String shown = prompt.substring(prompt.indexOf(";\n") + 2);
            // On the gauge the correct prefix follows the gauge, whatever the author thinks.
            List<Integer> marks = solve(statement);
            int last = 0;
            Matcher m =
                    Pattern.compile("\\((\\d)\\)(?: leap \\d|[+-]\\d) (\\d);").matcher(shown);
            while (m.find()) {
                int k = Integer.parseInt(m.group(1));
                firsts.add(last == 0 ? k : 0);
                assertThat(Integer.parseInt(m.group(2))).isEqualTo(marks.get(k - 1));
                last = k;
            }
            assertThat(last).isPositive();
            String response = text(e.response());
            for (int k = last + 1; k <= marks.size(); k++) {
                assertThat(response).contains(" (" + k + ")");
            }
            assertThat(response).doesNotContain(" (" + last + ")");
        }
        assertThat(firsts).containsExactlyInAnyOrder(0, 1, 2);
    }

    private static String text(int[] ids) {
        List<String> pieces = TwoDials.VOCABULARY.decodable();
        List<String> special = List.of("<pad>", "<|end|>", "<|solve|>", "<|continue|>", "<|assistant|>");
        StringBuilder out = new StringBuilder();
        for (int id : ids) {
            out.append(id < special.size() ? special.get(id) : pieces.get(id - special.size()));
        }
        return out.toString();
    }
}
