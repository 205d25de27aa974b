package io.foothold.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.foothold.augmentation.problems.Recipe;
import io.foothold.core.advantage.AdvantageEstimator;
import io.foothold.core.loss.Losses;
import io.foothold.orchestrator.runfile.Methods;
import io.foothold.orchestrator.runfile.RunFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The pages that say how something is added, done as they say on a copy of the one file that each names. */
class AddingThingsTest {
    @TempDir
    Path directory;

    @Test
    void anEstimatorIsOneFileAndIsAcceptedInARunFile() throws Exception {
        String page = page("adding-an-estimator.md");
        List<String> java = Documents.fenced(page, "java");
        assertThat(java).hasSize(3);
        String file = named(page, "services/core/src/main/java/io/foothold/core/advantage/AdvantageEstimator.java");
        String changed = behind(
                before(file, "    /** The estimators by their names", java.get(0)),
                "            ALL.put(\"pass_at_k_leave_one_out\", PassAtKLeaveOneOut::new);\n",
                java.get(1));

        try (PatchedProgram program = PatchedProgram.of(
                directory, Map.of("AdvantageEstimator.java", changed, "MedianTest.java", java.get(2)))) {
            assertThat(program.runTests("io.foothold.core.MedianTest")).isEqualTo(2);
            Object resolved = program.loadClass(RunFile.class.getName())
                    .getMethod("resolve", String.class, String.class, List.class)
                    .invoke(null, "own.yaml", Documents.fenced(page, "yaml").getFirst(), List.of());
            assertThat(resolved.getClass().getMethod("text", String.class).invoke(resolved, "estimator.name"))
                    .isEqualTo("median");
        }
        assertThat(AdvantageEstimator.names())
                .as("the program itself is as it was")
                .doesNotContain("median");
    }

    @Test
    void aMethodIsOneFileThatNoOtherNamesAndIsRunByItsPreset() throws Exception {
        String page = page("adding-a-method.md");
        List<String> java = Documents.fenced(page, "java");
        assertThat(java).hasSize(2);
        List<String> yaml = Documents.fenced(page, "yaml");
        assertThat(page)
                .contains("services/core/src/main/java/io/foothold/core/method/Extremes.java")
                .contains("services/orchestrator/src/main/resources/presets/pods.yaml");
        String peers = Files.readString(
                Documents.ROOT.resolve("services/core/src/test/java/io/foothold/core/method/ScriptedPeers.java"));

        try (PatchedProgram program = PatchedProgram.of(
                directory,
                Map.of(
                        "Extremes.java", java.get(0),
                        "ExtremesTest.java", java.get(1),
                        "ScriptedPeers.java", peers))) {
            Files.writeString(
                    Files.createDirectories(directory.resolve("classes/presets"))
                            .resolve("pods.yaml"),
                    yaml.get(0));
            assertThat(program.runTests("io.foothold.core.method.ExtremesTest")).isEqualTo(2);
            Object resolved = program.loadClass(RunFile.class.getName())
                    .getMethod("resolve", String.class, String.class, List.class)
                    .invoke(null, "own.yaml", yaml.get(1), List.of());
            Class<?> rules = program.loadClass(Methods.class.getName());
            Object named = rules.getConstructor(resolved.getClass()).newInstance(resolved);
            assertThat(rules.getMethod("own").invoke(named)).hasToString("Extremes[members=16, trained=8]");
            assertThatThrownBy(() -> program.loadClass(RunFile.class.getName())
                            .getMethod("resolve", String.class, String.class, List.class)
                            .invoke(null, "own.yaml", yaml.get(1), List.of("tree.branches=2x2")))
                    .rootCause()
                    .hasMessageContaining("'extremes.trained' and 'tree.branches' contradict each other");
        }
        assertThat(RunFile.presets()).as("the program itself is as it was").doesNotContain("pods");
    }

    @Test
    void aLossIsOneFileThatNoOtherNamesAndIsWhatTheLearnerIsTold() throws Exception {
        String page = page("adding-a-loss.md");
        List<String> java = Documents.fenced(page, "java");
        assertThat(java).hasSize(2);
        List<String> yaml = Documents.fenced(page, "yaml");
        assertThat(page)
                .contains("services/core/src/main/java/io/foothold/core/loss/Topr.java")
                .contains("services/orchestrator/src/main/resources/presets/topr.yaml");

        try (PatchedProgram program =
                PatchedProgram.of(directory, Map.of("Topr.java", java.get(0), "ToprTest.java", java.get(1)))) {
            Files.writeString(
                    Files.createDirectories(directory.resolve("classes/presets"))
                            .resolve("topr.yaml"),
                    yaml.get(0));
            assertThat(program.runTests("io.foothold.core.loss.ToprTest")).isEqualTo(2);
            Object resolved = program.loadClass(RunFile.class.getName())
                    .getMethod("resolve", String.class, String.class, List.class)
                    .invoke(null, "own.yaml", yaml.get(1), List.of());
            Class<?> rules = program.loadClass(Methods.class.getName());
            Object named = rules.getConstructor(resolved.getClass()).newInstance(resolved);
            assertThat(rules.getMethod("loss").invoke(named).toString()).contains("loss=Topr[cap=0.5]");
            Object settings = resolved.getClass().getMethod("settings").invoke(resolved);
            assertThat(settings.getClass().getMethod("lossValues").invoke(settings))
                    .isEqualTo(Map.of("topr.cap", "0.5"));
            assertThatThrownBy(() -> program.loadClass(RunFile.class.getName())
                            .getMethod("resolve", String.class, String.class, List.class)
                            .invoke(null, "own.yaml", yaml.get(1), List.of("loss.clip_high=0.4")))
                    .rootCause()
                    .hasMessageContaining("'loss.clip_high' means nothing to loss.name: topr");
        }
        assertThat(Losses.names()).as("the program itself is as it was").doesNotContain("topr");
    }

    @Test
    void aRecipeIsOneFileAndIsToldByTheCommand() throws Exception {
        String page = page("adding-a-recipe.md");
        List<String> java = Documents.fenced(page, "java");
        assertThat(java).hasSize(2);
        String file = named(page, "services/augmentation/src/main/java/io/foothold/augmentation/problems/Recipe.java");
        String changed = before(file, "    /** MBPP: ", java.get(0));

        try (PatchedProgram program =
                PatchedProgram.of(directory, Map.of("Recipe.java", changed, "Gsm8kTest.java", java.get(1)))) {
            assertThat(program.runTests("io.foothold.augmentation.problems.Gsm8kTest"))
                    .isEqualTo(2);
            Object main = program.loadClass(Main.class.getName())
                    .getDeclaredConstructor()
                    .newInstance();
            assertThat(new picocli.CommandLine(main)
                            .getSubcommands()
                            .get("problems")
                            .getSubcommands()
                            .get("import")
                            .getUsageMessage())
                    .contains("gsm8k");
        }
        assertThat(Recipe.keys()).as("the program itself is as it was").doesNotContain("gsm8k");
    }

    private static String page(String name) throws IOException {
        return Files.readString(Documents.ROOT.resolve("docs").resolve(name));
    }

    /** The file that a page says is to be changed. */
    private static String named(String page, String file) throws IOException {
        assertThat(page).contains(file);
        return Files.readString(Documents.ROOT.resolve(file));
    }

    private static String before(String file, String place, String added) {
        assertThat(file).containsOnlyOnce(place);
        return file.replace(place, added + "\n" + place);
    }

    private static String behind(String file, String place, String added) {
        assertThat(file).containsOnlyOnce(place);
        return file.replace(place, place + added);
    }
}
