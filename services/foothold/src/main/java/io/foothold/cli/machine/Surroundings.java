package io.foothold.cli.machine;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * What a machine has that runs of larger models can use. Nothing of it is needed, and what is not there is no failure.
 *
 * @param root directory that has {@code proc}
 * @param path directories in which programs are looked for
 */
public record Surroundings(Path root, List<Path> path) {
    /** A program that hangs, as a driver may, is not waited for. */
    private static final int PATIENCE_SECONDS = 60;

    /** Of this machine. */
    public static Surroundings ofMachine() {
        return new Surroundings(
                Path.of("/"),
                Arrays.stream(Optional.ofNullable(System.getenv("PATH"))
                                .orElse("")
                                .split(":"))
                        .filter(p -> !p.isEmpty())
                        .map(Path::of)
                        .toList());
    }

    /** One line each, as {@code doctor} prints it. */
    public List<String> told(Memory memory) {
        return List.of(
                line(
                        "GPUs",
                        gpus(),
                        "nvidia-smi is not on PATH, and there is no /proc/driver/nvidia: everything runs on CPUs"),
                line("Python with torch", torch(), "no python3 on PATH that imports torch; the djl backend needs none"),
                line(
                        "tritonserver",
                        program("tritonserver").map(Path::toString),
                        "not on PATH; ./foothold triton start lays one out, and the policy server needs none"),
                "ok    memory: " + Memory.told(memory.available()) + " available" + ", processors: "
                        + Runtime.getRuntime().availableProcessors());
    }

    private static String line(String what, Optional<String> found, String otherwise) {
        return found.map(text -> "ok    " + what + ": " + text).orElse("none  " + what + ": " + otherwise);
    }

    /** Names and memory of the cards, or the driver's names alone. */
    Optional<String> gpus() {
        Optional<String> asked = program("nvidia-smi")
                .flatMap(smi ->
                        output(smi.toString(), "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"))
                .filter(text -> !text.isBlank());
        if (asked.isPresent()) {
            return asked.map(text -> String.join("; ", text.strip().lines().toList()));
        }
        Path cards = root.resolve("proc/driver/nvidia/gpus");
        try (Stream<Path> each = Files.list(cards)) {
            List<String> names = each.sorted()
                    .map(card -> model(card.resolve("information")))
                    .toList();
            return names.isEmpty() ? Optional.empty() : Optional.of(String.join("; ", names));
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    private static String model(Path information) {
        try (Stream<String> lines = Files.lines(information)) {
            return lines.filter(l -> l.startsWith("Model:"))
                    .map(l -> l.substring("Model:".length()).strip())
                    .findFirst()
                    .orElse("a card of unknown name");
        } catch (IOException e) {
            return "a card that cannot be read: " + e.getMessage();
        }
    }

    /** Version of torch in the first Python on the path, and whether it sees a GPU. */
    Optional<String> torch() {
        return program("python3").flatMap(python -> output(
                        python.toString(),
                        "-c",
                        "import torch; print(torch.__version__, 'with' if torch.cuda.is_available() else 'without', 'CUDA')")
                .map(text -> String.format(Locale.ROOT, "torch %s, %s", text.strip(), python)));
    }

    private Optional<Path> program(String name) {
        return path.stream()
                .map(directory -> directory.resolve(name))
                .filter(Files::isExecutable)
                .findFirst();
    }

    /** What a program says; empty where it fails, cannot be started, or takes too long. */
    private static Optional<String> output(String... command) {
        try {
            Path said = Files.createTempFile("foothold-doctor", ".txt");
            try {
                Process process = new ProcessBuilder(command)
                        .redirectOutput(said.toFile())
                        .redirectError(ProcessBuilder.Redirect.DISCARD)
                        .start();
                if (!process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
                    process.destroyForcibly();
                    return Optional.empty();
                }
                return process.exitValue() == 0
                        ? Optional.of(Files.readString(said, StandardCharsets.UTF_8))
                        : Optional.empty();
            } finally {
                Files.delete(said);
            }
        } catch (IOException e) {
            return Optional.empty();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return Optional.empty();
        }
    }
}
