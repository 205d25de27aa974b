package io.foothold.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.foothold.augmentation.dial.Dial;
import io.foothold.cli.demo.DialRuns;
import io.foothold.core.problem.Problem;
import io.foothold.core.problem.ProblemKind;
import io.foothold.orchestrator.ledger.Ledger;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a look at the data shows is said before anything is sampled, by problem. */
class ProblemChecksTest {
    @TempDir
    Path directory;

    private static List<Problem> dial(int count) {
        return new ArrayList<>(Dial.problems(Dial.Level.named("medium"), count, 1, "train"));
    }

    private String reason(String method, List<Problem> train, List<Problem> test) throws Exception {
        Path policy = Path.of(System.getProperty("foothold.root"), "services/foothold/policies/dial");
        ProblemsCommand.save(directory.resolve("train.jsonl"), train);
        ProblemsCommand.save(directory.resolve("test.jsonl"), test);
        String yaml = DialRuns.yaml(method, 3, policy, "medium", 4, "medium", 4, 1, 2, 1)
                .replaceAll("train: \\{family.*", "train: {jsonl: " + directory.resolve("train.jsonl") + "}")
                .replaceAll(
                        "medium-test: \\{family.*", "medium-test: {jsonl: " + directory.resolve("test.jsonl") + "}");
        try (Stack stack = new Stack(directory.resolve("home"))) {
            stack.runs.create("r", yaml, List.of("sampling.groups_per_update=4", "sampling.rollouts_per_group=4"));
            Ledger.RunRow row = stack.runs.end("r").get(120, TimeUnit.SECONDS);
            assertThat(row.state()).isEqualTo("failed");
            assertThat(stack.ledger.tokensByUse("r")).as("nothing was sampled").isEmpty();
            return row.reason();
        }
    }

    private static Problem longer(Problem p, String id) {
        return new Problem(
                id, p.statement() + p.statement().repeat(40), p.kind(), p.answer(), List.of(), "x", "train", 0);
    }

    @Test
    void aTrainingPromptThatDoesNotFitIsNamed() throws Exception {
        List<Problem> train = dial(20);
        train.set(7, longer(train.get(7), "the-long-one"));
        assertThat(reason("grpo-dial", train, dial(4)))
                .contains("problems.train: 1 of 20 prompts do not fit the 112 tokens", "problem 'the-long-one' with");
    }

    @Test
    void anEvaluationPromptThatDoesNotFitIsNamed() throws Exception {
        List<Problem> test = dial(4);
        test.set(0, longer(test.get(0), "long-a"));
        test.set(3, longer(test.get(3), "long-b"));
        assertThat(reason("grpo-dial", dial(8), test))
                .contains(
                        "problems.evaluate.medium-test: 2 of 4 prompts do not fit",
                        "problem 'long-a' with",
                        "problem 'long-b' with");
    }

    @Test
    void aGuidedPromptThatDoesNotFitIsNamed() throws Exception {
        List<Problem> train = dial(8);
        Problem p = train.get(2);
        List<String> thoughts = new ArrayList<>();
        for (int i = 0; i < 30; i++) {
            thoughts.add(p.oracleThoughts().getFirst());
        }
        train.set(
                2,
                new Problem("long-solution", p.statement(), ProblemKind.EXACT, p.answer(), thoughts, "x", "train", 40));
        assertThat(reason("pope-dial", train, dial(4)))
                .contains("problems.train: 1 of 8 guided prompts do not fit the 112 tokens", "'long-solution' with");
    }

    @Test
    void testProblemsInATrainingFileAreRefused() throws Exception {
        List<Problem> train = dial(8);
        train.set(5, train.get(5).withSplit("test"));
        assertThat(reason("grpo-dial", train, dial(4)))
                .contains(
                        "problems.train: 1 of 8 problems are not of split 'train'",
                        "'" + train.get(5).id() + "' of split 'test'",
                        "problems.train.split");
    }
}
