package io.foothold.orchestrator.run;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.foothold.orchestrator.run.RunWarnings.Rule;
import io.foothold.orchestrator.run.RunWarnings.Warning;
import io.foothold.orchestrator.runfile.RunFile;
import java.util.List;
import java.util.Map;
import java.util.stream.DoubleStream;
import org.junit.jupiter.api.Test;

class RunWarningsTest {
    private static RunWarnings warnings(String... overrides) {
        return new RunWarnings(RunFile.resolve("r.yaml", """
                method: grpo
                policy: {base: p}
                problems: {train: {jsonl: x}, evaluate: {e: {jsonl: y}}}
                """, List.of(overrides)));
    }

    private static List<List<Rule>> told(RunWarnings warnings, String metric, double... values) {
        return DoubleStream.of(values)
                .mapToObj(v -> warnings.after(Map.of(metric, v)).stream()
                        .map(Warning::rule)
                        .toList())
                .toList();
    }

    @Test
    void aRuleSpeaksWhenItBeginsToBeBrokenAndAgainAfterItWasKept() {
        List<Rule> none = List.of();
        List<Rule> small = List.of(Rule.EFFECTIVE_SAMPLE_SIZE);
        assertThat(told(warnings(), "importance_ess_sequence", 1, .5, .49, .2, .6, .4))
                .containsExactly(none, none, small, none, none, small);
        assertThat(told(warnings("warnings.min_effective_sample_size=0.9"), "importance_ess_sequence", .95, .8))
                .containsExactly(none, small);
        assertThat(told(warnings("warnings.min_effective_sample_size=0"), "importance_ess_sequence", 0.01))
                .containsExactly(none);
    }

    @Test
    void theKlOfSamplerAndLearnerHasABound() {
        List<Rule> far = List.of(Rule.LOG_PROB_KL);
        assertThat(told(warnings(), "log_prob_difference_k3", 0, 1e-4, .011))
                .containsExactly(List.of(), List.of(), far);
        assertThat(told(warnings("warnings.max_log_prob_kl=1e-5"), "log_prob_difference_k3", 1e-4))
                .containsExactly(far);
        assertThat(told(warnings("warnings.max_log_prob_kl=0"), "log_prob_difference_k3", 1))
                .containsExactly(List.of());
    }

    /** Shares of a run on a real model whose reward asks for the right answer alone: nine of ten ended, then four of ten. */
    @Test
    void aFallingShareOfFinishedResponsesIsTold() {
        double[] truncated = {.10, .09, .12, .2, .33, .5, .56};
        List<List<Rule>> told = told(warnings("reward=correct"), "truncated_share", truncated);
        assertThat(told.subList(0, 5)).allMatch(List::isEmpty);
        assertThat(told.get(5)).containsExactly(Rule.FINISHED);
        assertThat(told.get(6)).as("once").isEmpty();
        assertThat(told(warnings(), "truncated_share", .9, .5, .2, .1, 0, 0))
                .as("a rising one is not")
                .allMatch(List::isEmpty);
        assertThat(told(warnings(), "truncated_share", 0, .5, 0, 0, 0, 0, .5))
                .as("one update among three is noise")
                .allMatch(List::isEmpty);
        assertThat(told(warnings("warnings.max_finished_drop=0"), "truncated_share", 0, 0, 0, 1, 1, 1))
                .allMatch(List::isEmpty);
    }

    @Test
    void aWarningSaysValueBoundAndRemedy() {
        RunWarnings plain = warnings("reward=correct", "warnings.max_finished_drop=0.1");
        RunWarnings asked = warnings("warnings.max_finished_drop=0.1");
        for (double truncated : new double[] {0, 0, 0, .1, .1}) {
            assertThat(plain.after(Map.of("truncated_share", truncated))).isEmpty();
            assertThat(asked.after(Map.of("truncated_share", truncated))).isEmpty();
        }
        Map<String, Double> metrics =
                Map.of("truncated_share", .25, "importance_ess_sequence", .25, "log_prob_difference_k3", .5);
        assertThat(plain.after(metrics).stream().map(Warning::what))
                .satisfiesExactly(
                        what -> assertThat(what)
                                .contains("0.250", "0.500", "loss.mismatch", "warnings.min_effective_sample_size"),
                        what -> assertThat(what).contains("5.00e-01", "1.00e-02", "warnings.max_log_prob_kl"),
                        what -> assertThat(what).contains("85 %", "after 100 %", "set reward: correct_and_finished"));
        assertThat(asked.after(metrics).get(2).what())
                .contains("raise sampling.max_tokens")
                .doesNotContain("set reward");
    }

    @Test
    void aResumedRunKnowsWhatWasSeenAndTold() throws Exception {
        RunWarnings resumed = warnings();
        resumed.restore(List.of(update(0, .3), update(0, .3), update(0, .3)));
        assertThat(told(resumed, "importance_ess_sequence", .3, .6, .3))
                .as("told before the run was resumed")
                .containsExactly(List.of(), List.of(), List.of(Rule.EFFECTIVE_SAMPLE_SIZE));
        assertThat(told(resumed, "truncated_share", .5, .5)).containsExactly(List.of(), List.of(Rule.FINISHED));
    }

    private static JsonNode update(double truncated, double effective) throws Exception {
        return new ObjectMapper()
                .readTree("{\"digest\": \"x\", \"truncated_share\": " + truncated + ", \"importance_ess_sequence\": "
                        + effective + "}");
    }

    @Test
    void anUpdateWithoutTheMetricsSaysNothing() {
        RunWarnings warnings = warnings();
        for (int i = 0; i < 5; i++) {
            assertThat(warnings.after(Map.of("reward_mean", 0.0))).isEmpty();
        }
    }
}
