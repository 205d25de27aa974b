package io.foothold.policy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the script makes by itself lies where its arguments lie, on whatever device that is. */
class PlacementTest {
    private static final Pattern MADE = Pattern.compile("torch\\.(arange|full|zeros|ones|empty|tensor)\\(");

    private static final ComputeDevice META = ComputeDevice.named("meta");

    /** As on CPUs, and as on a device in each precision. */
    private static final List<Placement> PLACEMENTS = List.of(
            Placement.host(Precision.FAST),
            new Placement(Precision.EXACT, META, false),
            new Placement(Precision.FAST, META, false),
            new Placement(Precision.FAST, META, true));

    @TempDir
    Path scratch;

    @Test
    void nothingIsMadeWithoutADevice() {
        String text = Transformer.source();
        Matcher made = MADE.matcher(text);
        int count = 0;
        while (made.find()) {
            int end = made.end();
            for (int depth = 1; depth > 0; end++) {
                depth += text.charAt(end) == '(' ? 1 : text.charAt(end) == ')' ? -1 : 0;
            }
            assertThat(text.substring(made.start(), end)).contains("device=");
            count++;
        }
        assertThat(count).isGreaterThan(20);
    }

    /**
     * On libtorch's {@code meta} device, which needs no hardware and refuses operations of tensors that lie in two places. It is known to
     * PyTorch's own package: the test is run where the environment of the torch worker is.
     */
    @Test
    void everyMethodIsTracedOnASecondDevice() throws IOException, InterruptedException {
        Process found = new ProcessBuilder("bash", "../learner/torch/env.sh").start();
        String python = new String(found.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
        if (found.waitFor() != 0) {
            System.err.println("NOT RUN: PlacementTest, the script was not traced on a second device: "
                    + new String(found.getErrorStream().readAllBytes(), StandardCharsets.UTF_8).strip());
            assumeTrue(false, "no environment of the torch worker");
        }
        for (ModelConfig.Architecture architecture : ModelConfig.Architecture.values()) {
            for (Placement placement : PLACEMENTS) {
                Precision precision = placement.precision();
                ModelConfig config = Shapes.of(architecture, architecture == ModelConfig.Architecture.QWEN3);
                String name =
                        architecture + "-" + (placement.half() ? "HALF" : placement.paged() ? "PAGED" : precision);
                Files.write(
                        scratch.resolve(name + ".pt"), Transformer.archive(config, placement, Trainer.Lean.STANDARD));
                List<String> shapes = WeightLayout.of(config).slots().stream()
                        .map(slot -> Arrays.toString(slot.shape()))
                        .toList();
                Files.writeString(
                        scratch.resolve(name + ".json"),
                        "{\"shapes\": %s, \"exact\": %s, \"kv_heads\": %d, \"head_dim\": %d}"
                                .formatted(shapes, precision == Precision.EXACT, config.kvHeads(), config.headDim()));
            }
        }
        Process process = new ProcessBuilder(python, "src/test/resources/device/trace.py", scratch.toString())
                .redirectErrorStream(true)
                .start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(said).isZero();
        for (ModelConfig.Architecture architecture : ModelConfig.Architecture.values()) {
            for (String form : List.of("PAGED", "EXACT", "FAST", "HALF")) {
                assertThat(said).contains(architecture + "-" + form + " traced");
            }
        }
    }
}
