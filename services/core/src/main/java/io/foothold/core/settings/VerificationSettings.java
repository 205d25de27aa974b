package io.foothold.core.settings;

import io.foothold.core.keys.Inline;
import io.foothold.core.keys.Section;
import io.foothold.core.keys.Setting;
import java.util.Map;

/**
 * How answers are judged.
 *
 * @param options of the verifier
 * @param servers addresses of verifiers of one's own, by the kind of problem; empty for ours
 * @param function of the user that judges in place of ours
 */
@Section("verification")
public record VerificationSettings(
        @Setting(
                help =
                        "Grading options with commas between them, such as boxed-required, places=2; see docs/evaluation.md.",
                fallback = "")
        String options,

        @Setting(
                help = "HOST:PORT of a verifier of one's own for problems of kind {key}; empty for ours.",
                fallback = "",
                keys = {"math", "numeric", "choice", "text", "countdown", "code", "exact"})
        Map<String, String> servers,

        @Inline RewardFunctionSettings function) {

    /** Copies. */
    public VerificationSettings {
        servers = Map.copyOf(servers);
    }
}
