package io.foothold.localizer.config;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.time.Duration;
import java.util.Optional;

/** Configuration of the localizer. */
@ConfigMapping(prefix = "foothold.localizer")
public interface LocalizerConfig {
    /** Rollouts of one stream that may be under way; at least 1. */
    @WithDefault("256")
    int window();

    /** The model that mode external asks. */
    External external();

    /** A model behind a chat-completions endpoint. */
    interface External {
        /** Base URL, such as http://127.0.0.1:8000/v1; none by default. */
        Optional<String> url();

        /** Name of the model. */
        @WithDefault("default")
        String model();

        /** Bearer token, if the endpoint needs one. */
        Optional<String> apiKey();

        /** Time of one attempt. */
        @WithDefault("2m")
        Duration deadline();

        /** How often a question is asked when the endpoint is busy or away. */
        @WithDefault("4")
        int attempts();

        /** Pause before the second attempt; doubles. */
        @WithDefault("500ms")
        Duration backoff();
    }
}
