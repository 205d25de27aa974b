package io.foothold.orchestrator.run;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;

/** The shipped questions of the self localizer (arXiv 2605.25507), in our words. */
final class LocalizerWording {
    private LocalizerWording() {}

    /**
     * A question with the placeholders {problem}, {steps} and {count}.
     *
     * @param name l1 (neutral) or l2 (asks for the step where the error originates, which favours early steps)
     */
    static String of(String name) {
        try (InputStream in = LocalizerWording.class.getResourceAsStream("/localizer/" + name + ".txt")) {
            if (in == null) {
                throw new IllegalArgumentException("no localizer wording '" + name + "' (expected l1 or l2)");
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
