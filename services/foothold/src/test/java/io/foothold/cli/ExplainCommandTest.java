package io.foothold.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.foothold.core.ledger.RolloutState;
import io.foothold.core.policy.PolicyVersion;
import io.foothold.orchestrator.ledger.Ledger;
import io.foothold.orchestrator.ledger.LedgerDatabase;
import io.foothold.orchestrator.ledger.LedgerStore;
import io.foothold.orchestrator.rollout.FinishReason;
import io.foothold.orchestrator.rollout.SampledRollout;
import io.foothold.orchestrator.rollout.TrainGroup;
import io.foothold.orchestrator.update.Artefact;
import io.foothold.orchestrator.update.Manifest;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

class ExplainCommandTest {
    @TempDir
    Path home;

    @BeforeEach
    void train() throws Exception {
        var address = new LedgerDatabase.Address(
                "jdbc:h2:file:" + home.resolve("ledger"), Optional.empty(), Optional.empty(), 2);
        try (LedgerDatabase database = LedgerDatabase.open(address);
                LedgerStore ledger = new LedgerStore(database.source(), () -> Instant.EPOCH)) {
            Ledger.await(ledger.createRun("r", "file", 1));
            Ledger.await(ledger.reserve("r", new Ledger.Group("r/1/0", "train", "p1", "guided"), List.of("r/1/0/0")));
            Ledger.await(ledger.record(List.of(new Ledger.Outcome(
                    "r/1/0/0", List.of(RolloutState.SAMPLED, RolloutState.VERIFIED), "PASS", 1, 1, ""))));
            SampledRollout rollout = new SampledRollout(
                    "r/1/0/0",
                    "r/1/0",
                    List.of(),
                    List.of(),
                    new SampledRollout.Tokens(List.of(3), List.of(-1f), List.of(0L), "", FinishReason.STOP),
                    new SampledRollout.Response("", List.of(), List.of(), false));
            Ledger.await(ledger.admit(
                    "r",
                    1,
                    List.of(new TrainGroup(
                            "r", 1, 0, 1, "r/1/0", "", List.of(new TrainGroup.Member(rollout, 1, List.of()))))));
            Ledger.await(ledger.trained(new Manifest(
                    "r",
                    1,
                    new Artefact(new PolicyVersion(1, "d1"), "file:/p", Optional.empty(), Optional.empty()),
                    new Manifest.Steps(1, 1),
                    List.of(new Manifest.Trained("r/1/0/0", 0.25)),
                    new Manifest.Kept(1, 1),
                    Map.of("loss", 0.5),
                    "settings")));
        }
        Files.createDirectories(home.resolve("runs/r/completions"));
        Files.writeString(
                home.resolve("runs/r/completions/update-000001.jsonl"),
                "{\"rollout\":\"r/1/0/0\",\"prompt\":\"asked\",\"response\":\"said\",\"rule\":\"exact\"}\n");
    }

    private String explain(String... arguments) {
        PrintStream before = System.out;
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        System.setOut(new PrintStream(out, true, StandardCharsets.UTF_8));
        try {
            assertThat(new CommandLine(new ExplainCommand()).execute(arguments)).isZero();
        } finally {
            System.setOut(before);
        }
        return out.toString(StandardCharsets.UTF_8);
    }

    @Test
    void aRolloutIsExplained() throws Exception {
        assertThat(explain("rollout", "r/1/0/0", "--home", home.toString()))
                .contains(
                        "rollout r/1/0/0: train, guided",
                        "problem p1",
                        "Its verdict is PASS by the rule 'exact', reward 1.000.",
                        "Update 1 used it and made policy version 1 (digest d1).",
                        "Its advantage is 0.2500",
                        "asked",
                        "said",
                        "--- group r/1/0");
        assertThat(new ObjectMapper()
                        .readTree(explain("rollout", "r/1/0/0", "--json", "--home", home.toString()))
                        .path("advantage")
                        .asDouble())
                .isEqualTo(0.25);
    }

    @Test
    void anUpdateIsExplained() throws Exception {
        assertThat(explain("update", "1", "--home", home.toString()))
                .contains(
                        "update 1: policy version 1, digest d1, 1 optimizer steps, 1 of 1 groups carried an advantage",
                        "--- group r/1/0: guided, problem p1",
                        "r/1/0/0  PASS  reward 1.000  advantage 0.2500  1 tokens");
        assertThat(new ObjectMapper()
                        .readTree(explain("update", "1", "--run", "r", "--json", "--home", home.toString()))
                        .path("policyVersion")
                        .asInt())
                .isEqualTo(1);
    }
}
