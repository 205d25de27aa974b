package io.foothold.augmentation;

import static org.assertj.core.api.Assertions.assertThat;

import io.foothold.augmentation.grpc.AugmentationGrpc;
import io.foothold.contracts.files.Roots;
import io.foothold.v1.LoadProblemsRequest;
import io.foothold.v1.LoadProblemsResponse;
import io.foothold.v1.ProblemSource;
import io.grpc.StatusRuntimeException;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.smallrye.mutiny.helpers.test.AssertSubscriber;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Files that callers name: below the roots, regular, and never on the thread that asked. */
@Timeout(60)
class FilesTest {
    @TempDir
    Path directory;

    private AugmentationGrpc service;
    private Path good;

    @BeforeEach
    void start() throws IOException {
        service = new AugmentationGrpc(Roots.of(List.of(directory)), new SimpleMeterRegistry());
        good = Files.writeString(directory.resolve("good.jsonl"), "{\"problem\":\"1+1\",\"answer\":2}\n");
    }

    private AssertSubscriber<LoadProblemsResponse> load(String path) {
        return service.loadProblems(LoadProblemsRequest.newBuilder()
                        .setSource(ProblemSource.newBuilder().setJsonlPath(path))
                        .build())
                .subscribe()
                .withSubscriber(AssertSubscriber.create(Long.MAX_VALUE));
    }

    private String refusal(String path) {
        Throwable failure = load(path).awaitFailure(Duration.ofSeconds(20)).getFailure();
        return String.valueOf(failure.getMessage());
    }

    @Test
    void pipesAndDevicesAreRefusedAndOthersAreServedMeanwhile() throws Exception {
        Path pipe = directory.resolve("pipe.jsonl");
        assertThat(new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor())
                .isZero();
        List<AssertSubscriber<LoadProblemsResponse>> blocked = new ArrayList<>();
        for (int i = 0; i < 40; i++) {
            blocked.add(load(pipe.toString()));
        }
        assertThat(load(good.toString()).awaitCompletion(Duration.ofSeconds(20)).getItems())
                .hasSize(1);
        blocked.forEach(
                each -> assertThat(each.awaitFailure(Duration.ofSeconds(20)).getFailure())
                        .hasMessageContaining("no regular file"));
    }

    @Test
    void whatLiesOutsideIsRefusedInTheSameWordsAndNothingOfAFileIsTold() throws IOException {
        for (String path : List.of("/etc/shadow", "/proc/self/environ", "/etc/not-there", "../x")) {
            assertThat(refusal(path))
                    .contains("problem file '" + path + "' lies outside the directories")
                    .doesNotContain("root:");
        }
        Files.createSymbolicLink(directory.resolve("link"), Path.of("/etc/shadow"));
        assertThat(refusal(directory + "/link")).contains("lies outside");
        Files.writeString(directory.resolve("secret"), "topsecret: 1");
        assertThat(refusal(directory + "/secret"))
                .contains("secret:1: not JSON")
                .doesNotContain("topsecret");
    }

    /** Each call waits for less time than reading takes. */
    @Test
    void aSetThatTakesLongerThanACallWaitsIsThereForWhoeverAsksAgain() throws Exception {
        StringBuilder rows = new StringBuilder();
        for (int i = 0; i < 200_000; i++) {
            rows.append("{\"problem\":\"")
                    .append(i)
                    .append("+1\",\"answer\":")
                    .append(i + 1)
                    .append("}\n");
        }
        Path large = Files.writeString(directory.resolve("large.jsonl"), rows);
        service = new AugmentationGrpc(Roots.of(List.of(directory)), Duration.ofMillis(100), new SimpleMeterRegistry());
        int late = 0;
        int problems = 0;
        while (problems == 0) {
            try {
                problems = service.loadProblems(LoadProblemsRequest.newBuilder()
                                .setSource(ProblemSource.newBuilder().setJsonlPath(large.toString()))
                                .build())
                        .collect()
                        .asList()
                        .await()
                        .atMost(Duration.ofSeconds(60))
                        .size();
            } catch (StatusRuntimeException e) {
                assertThat(e).hasMessageContaining("for whoever asks again");
                assertThat(++late).as("it is there in the end").isLessThan(300);
            }
        }
        assertThat(late).as("the first calls came too early").isPositive();
        assertThat(problems).isEqualTo(200_000);
    }

    @Test
    void aChangedFileIsReadAgain() throws IOException {
        assertThat(load(good.toString()).awaitCompletion().getItems()).hasSize(1);
        Files.writeString(good, "{\"problem\":\"1+1\",\"answer\":2}\n{\"problem\":\"1+2\",\"answer\":3}\n");
        assertThat(load(good.toString()).awaitCompletion().getItems()).hasSize(2);
        assertThat(refusal(directory + "/none")).contains("does not exist");
    }
}
