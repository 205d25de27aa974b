package io.foothold.cli.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.foothold.contracts.error.FootholdException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Services as processes that die. */
class ChildTest {
    private static final Child.Bound BOUND = new Child.Bound(2, Duration.ofMinutes(10), Duration.ofMillis(1));

    @TempDir
    Path home;

    private static List<String> shell(String script) {
        return List.of("sh", "-c", script);
    }

    @Test
    void whatIsKilledIsStartedAgainUntilItHasDiedTooOften() throws Exception {
        try (Child child = Child.start("napper", 1, shell("echo up; exec sleep 600"), home, BOUND)) {
            CompletableFuture<FootholdException> told = new CompletableFuture<>();
            child.onGivenUp(told::complete);
            for (int death = 1; death <= 3; death++) {
                ProcessHandle now = child.handle();
                int lines = death;
                await().until(() ->
                        Files.readAllLines(home.resolve("napper.log")).size() == lines);
                assertThat(told).isNotDone();
                now.destroyForcibly();
                if (death <= 2) {
                    await().until(() -> child.handle().pid() != now.pid());
                }
            }
            assertThat(told.get(20, TimeUnit.SECONDS))
                    .hasMessageContaining("napper died 3 times within 600 s; it was ended by signal 9")
                    .hasMessageContaining("napper.log\n  | up\n  | up\n  | up");
            assertThatThrownBy(child::awaitReady).hasMessageContaining("napper died 3 times");
        }
    }

    @Test
    void whatEndsByItselfBeforeItListensIsNotStartedAgain() {
        try (Child child = Child.start("broken", 1, shell("echo no such model; exit 1"), home, BOUND)) {
            assertThatThrownBy(child::awaitReady)
                    .hasMessageContaining("broken did not start: it ended with exit code 1")
                    .hasMessageContaining("  | no such model");
            assertThat(home.resolve("broken.log")).hasContent("no such model");
        }
    }

    @Test
    void anEndThatIsWantedIsNoDeath() throws Exception {
        try (ServerSocket port = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            Child child = Child.start("napper", port.getLocalPort(), shell("echo up; exec sleep 600"), home, BOUND);
            child.awaitReady();
            await().until(() -> Files.exists(home.resolve("napper.log")) && Files.size(home.resolve("napper.log")) > 0);
            child.close();
            assertThat(child.handle().isAlive()).isFalse();
            assertThat(home.resolve("napper.log")).hasContent("up");
        }
    }
}
