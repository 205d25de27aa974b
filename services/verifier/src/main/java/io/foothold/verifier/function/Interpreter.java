package io.foothold.verifier.function;

import io.foothold.contracts.error.FootholdException;
import io.foothold.verifier.code.Sandbox;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** Finds the Python that functions run in: by path, or by name the first on PATH that the sandbox can run. */
final class Interpreter {
    private static final String ASK = "import sys; print(sys.executable); print(sys.prefix); print(sys.base_prefix)";

    private Interpreter() {}

    /**
     * A sandbox with the interpreter.
     *
     * @param refusal why there is none; empty when it can be used
     */
    record Found(Sandbox sandbox, String refusal) {}

    /**
     * Looks for it.
     *
     * @param bubblewrap the program {@code bwrap}, by name or path
     * @param python name or path
     */
    static Found find(String bubblewrap, String python) {
        List<String> refusals = new ArrayList<>();
        List<Path> candidates = python.contains("/")
                ? List.of(Path.of(python))
                : Stream.of(System.getenv().getOrDefault("PATH", "").split(":"))
                        .filter(d -> !d.isEmpty())
                        .map(d -> Path.of(d, python))
                        .filter(Files::isExecutable)
                        .toList();
        Sandbox last = new Sandbox(new Sandbox.Tools(bubblewrap, python));
        Set<String> seen = new LinkedHashSet<>();
        for (Path candidate : candidates) {
            try {
                Sandbox.Tools tools = tools(bubblewrap, candidate);
                if (!seen.add(tools.python())) {
                    continue;
                }
                last = new Sandbox(tools);
                String refusal = last.refusal().orElse("");
                if (refusal.isEmpty()) {
                    return new Found(last, "");
                }
                refusals.add(tools.python() + ": " + refusal);
            } catch (IOException | FootholdException e) {
                refusals.add(candidate + ": " + e.getMessage());
            }
        }
        return new Found(
                last,
                refusals.isEmpty()
                        ? "there is no " + python + " on PATH (foothold.verifier.python)"
                        : String.join("; ", refusals) + " (foothold.verifier.python)");
    }

    /** Where it lies with its packages, as it says itself: a name may be a script that chooses a version, or a link of an environment. */
    private static Sandbox.Tools tools(String bubblewrap, Path candidate) throws IOException {
        Process process = new ProcessBuilder(candidate.toString(), "-I", "-c", ASK)
                .redirectErrorStream(true)
                .start();
        String said;
        try {
            process.getOutputStream().close();
            if (!process.waitFor(20, TimeUnit.SECONDS)) {
                throw new IOException("did not say where it lies in 20 s");
            }
            said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        } finally {
            process.destroyForcibly();
        }
        List<String> lines = said.lines().toList();
        if (process.exitValue() != 0 || lines.size() != 3) {
            throw new IOException("is no Python: " + said.strip());
        }
        List<Path> directories = new ArrayList<>();
        for (String prefix : Set.copyOf(lines.subList(1, 3))) {
            Path directory = Path.of(prefix).normalize();
            if (!directory.startsWith("/usr") && directory.getNameCount() > 0) {
                directories.add(directory);
            }
        }
        return new Sandbox.Tools(bubblewrap, lines.getFirst(), directories);
    }
}
