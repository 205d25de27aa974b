package io.foothold.cli.study;

import java.util.List;
import java.util.Locale;
import java.util.function.LongFunction;

/**
 * One arm of a study.
 *
 * @param name as in the report, unique in its study
 * @param about how it differs from the others
 * @param panel the figure that its curve stands in
 * @param base name of the shipped policy that it begins with
 * @param mix level of the easy problems that are mixed in; empty for none
 * @param runFile the run file of a seed
 * @param settings KEY=VALUE that win over the run file
 */
record Arm(
        String name,
        String about,
        String panel,
        String base,
        String mix,
        LongFunction<String> runFile,
        List<String> settings) {

    /** Copies the settings. */
    Arm {
        settings = List.copyOf(settings);
    }

    /** The same with more settings. */
    Arm with(List<String> more) {
        List<String> all = new java.util.ArrayList<>(settings);
        all.addAll(more);
        return new Arm(name, about, panel, base, mix, runFile, all);
    }

    /** Its name as part of file names and run ids. */
    String slug() {
        return name.toLowerCase(Locale.ROOT)
                .replace("+", "and")
                .replaceAll("[^a-z0-9]+", "-")
                .replaceAll("^-|-$", "");
    }
}
