package io.foothold.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ServeCommandTest {
    private static Map<String, String> managed(Map<String, String> settings) {
        Map<String, String> out = new LinkedHashMap<>(settings);
        ServeCommand.manage(out);
        return out;
    }

    @Test
    void aSecretOnTheCommandLineIsRefusedAndNotRepeated() {
        for (String key : new String[] {
            "foothold.door.admin.token", "foothold.policy-server.admin-secret", "foothold.localizer.external.api-key"
        }) {
            assertThatThrownBy(() -> ServeCommand.refuseSecrets(Map.of(key, "c0ffee-c0ffee-c0ffee")))
                    .hasMessageContaining("--set " + key)
                    .hasMessageContaining(key.toUpperCase(java.util.Locale.ROOT).replaceAll("[.-]", "_"))
                    .hasMessageNotContaining("c0ffee");
        }
        ServeCommand.refuseSecrets(Map.of("foothold.door.admin.file", "x", "foothold.policy-server.model", "y"));
    }

    @Test
    void theManagementPortFollowsAPortThatWasChosen() {
        assertThat(managed(Map.of("quarkus.http.port", "9300"))).containsEntry("quarkus.management.port", "10300");
        for (String port : new String[] {"0", "65000"}) {
            assertThat(Integer.parseInt(
                            managed(Map.of("quarkus.http.port", port)).get("quarkus.management.port")))
                    .as("a port of its own beside %s, and never 0", port)
                    .isBetween(1, 65_535);
        }
        assertThat(managed(Map.of("quarkus.http.port", "9300", "quarkus.management.port", "1")))
                .containsEntry("quarkus.management.port", "1");
        assertThat(managed(Map.of())).isEmpty();
        assertThat(managed(Map.of("quarkus.http.port", "x"))).doesNotContainKey("quarkus.management.port");
    }
}
