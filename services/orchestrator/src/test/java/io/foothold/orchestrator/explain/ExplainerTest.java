package io.foothold.orchestrator.explain;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.foothold.core.ledger.RolloutState;
import io.foothold.orchestrator.TestDatabase;
import io.foothold.orchestrator.ledger.Ledger;
import io.foothold.orchestrator.ledger.LedgerStore;
import io.foothold.orchestrator.ledger.LookedUp;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ExplainerTest {
    @TempDir
    Path home;

    private final LedgerStore ledger = new LedgerStore(TestDatabase.inMemory(), () -> Instant.EPOCH);
    private Explainer explainer = new Explainer(ledger.lookup(), run -> home);

    @BeforeEach
    void train() throws Exception {
        Files.createDirectories(home.resolve("completions"));
        explainer = new Explainer(ledger.lookup(), run -> home);
        Ledger.await(ledger.createRun("r", "file", 9));
        LookedUp.trained(ledger, "r", 1, "p1", "reset");
    }

    @AfterEach
    void close() {
        ledger.close();
    }

    private void completions(String name, String... lines) throws Exception {
        Files.writeString(home.resolve("completions").resolve(name), String.join("\n", lines) + "\n");
    }

    @Test
    void aTrainedRolloutHasItsUpdateItsAdvantageItsGroupAndWhatItSaid() throws Exception {
        completions(
                "update-000001.jsonl",
                "{\"rollout\":\"r/1/reset/01\",\"response\":\"another\"}",
                "{\"rollout\":\"r/1/reset/0\",\"response\":\"said\",\"rule\":\"exact\",\"seed\":\"s\"}",
                "{\"rollout\":\"r/1/res");
        completions("resets-000001.jsonl", "{\"rollout\":\"s\",\"thought\":2,\"thoughts\":[\"a\",\"b\"]}");
        RolloutStory story = explainer.rollout("r/1/reset/0");
        assertThat(story.row().update()).isEqualTo(1);
        assertThat(story.advantage()).isEqualTo(0.5);
        assertThat(Objects.requireNonNull(story.said()).path("response").asText())
                .isEqualTo("said");
        assertThat(Objects.requireNonNull(story.reset()).path("thought").asInt())
                .isEqualTo(2);
        assertThat(story.group()).extracting(RolloutStory.Compared::advantage).containsExactly(0.5, -0.5);
        assertThat(story.why())
                .containsExactly(
                        "Its verdict is PASS by the rule 'exact', reward 1.000.",
                        "Update 1 used it and made policy version 1 (digest d1).",
                        "2 rollouts of its group were trained, with a mean reward of 0.5000.",
                        "Its advantage is 0.5000: what was sampled in it became more likely.");
    }

    @Test
    void whatTheCompletionsDoNotHaveIsLeftOut() {
        RolloutStory story = explainer.rollout("r/1/reset/1");
        assertThat(story.said()).isNull();
        assertThat(story.reset()).isNull();
        assertThat(story.why()).contains("Its advantage is -0.5000: what was sampled in it became less likely.");
        assertThatThrownBy(() -> explainer.rollout("r/1/none")).hasMessageContaining("there is no rollout 'r/1/none'");
    }

    @Test
    void aDroppedRolloutSaysWhyAndAnEvaluationsSampleWhatItSaid() throws Exception {
        String group = "r/eval/hard-test/4/p9";
        Ledger.await(ledger.reserve(
                "r", new Ledger.Group(group, "evaluation", "p9", "root"), List.of(group + "/0", group + "/1")));
        Ledger.await(ledger.record(List.of(
                new Ledger.Outcome(
                        group + "/0",
                        List.of(RolloutState.SAMPLED, RolloutState.VERIFIED, RolloutState.CONSUMED),
                        "PASS",
                        1,
                        3,
                        "evaluation"),
                new Ledger.Outcome(group + "/1", RolloutState.DROPPED, "", 0, 0, "PEER_UNAVAILABLE: gone"))));
        completions("evaluation-000004-hard-test.jsonl", "{\"rollout\":\"" + group + "/0\",\"response\":\"right\"}");
        assertThat(Objects.requireNonNull(explainer.rollout(group + "/0").said())
                        .path("response")
                        .asText())
                .isEqualTo("right");
        assertThat(explainer.rollout(group + "/0").why()).contains("It served evaluation and was not trained.");
        assertThat(explainer.rollout(group + "/1").why())
                .contains("It was dropped and not trained: PEER_UNAVAILABLE: gone.");
    }

    @Test
    void anUpdateHasItsGroups() {
        UpdateStory story = explainer.update("r", 1);
        assertThat(story.policyVersion()).isEqualTo(1);
        assertThat(story.metrics()).containsEntry("loss", 0.25);
        assertThat(story.groups()).hasSize(1);
        assertThat(story.groups().getFirst().signal()).isTrue();
        assertThat(story.groups().getFirst().rollouts()).hasSize(2);
        assertThatThrownBy(() -> explainer.update("r", 2)).hasMessageContaining("run 'r' has not done update 2");
    }
}
