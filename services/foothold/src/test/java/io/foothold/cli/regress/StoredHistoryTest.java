package io.foothold.cli.regress;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.foothold.store.S3Server;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A history that pipelines share, on a server that is not ours. */
class StoredHistoryTest {
    private static final List<String> SETTINGS =
            List.of("foothold.store.endpoint", "foothold.store.credentials-file", "foothold.store.timeout");

    @TempDir
    Path directory;

    private static void set(String endpoint, Path credentials) {
        System.setProperty("foothold.store.endpoint", endpoint);
        System.setProperty("foothold.store.credentials-file", credentials.toString());
        System.setProperty("foothold.store.timeout", "1s");
    }

    @AfterEach
    void forget() {
        SETTINGS.forEach(System::clearProperty);
    }

    @Test
    void anObjectKeepsWhatAFileWould() throws Exception {
        try (S3Server server = new S3Server(directory.resolve("server"))) {
            set(server.endpoint(), server.credentials());
            String object = "s3://artefacts/regress/smoke.jsonl";
            History history = History.of(object);
            assertThat(history.baseline("s", "r", "m")).isEmpty();
            history.add("s", "r", "2026-12-01T00:00:00Z", Map.of("m", 2.0));
            History.of(object).add("s", "r", "2026-12-02T00:00:00Z", Map.of("m", 4.0));
            assertThat(History.of(object).baseline("s", "r", "m")).hasValue(3.0);
        }
    }

    @Test
    void aStoreThatIsAwayIsToldWithItsSetting() throws Exception {
        S3Server server = new S3Server(directory.resolve("server"));
        server.close();
        set(server.endpoint(), server.credentials());
        assertThatThrownBy(() -> History.of("s3://artefacts/smoke.jsonl"))
                .hasMessageContaining("no answer")
                .hasMessageContaining("foothold.store.endpoint");
        assertThatThrownBy(() -> History.of("s3://B/smoke.jsonl")).hasMessageContaining("--history: expected s3://");
    }
}
