package io.foothold.cli.process;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.error.Nearest;
import io.foothold.core.keys.SettingsException;
import io.foothold.orchestrator.runfile.RunFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** The files and directories that a run file names. */
public final class NamedPaths {
    private static final String BASE = "policy.base";

    /** More neighbours than this are no help where none of them is near. */
    private static final int FEW = 8;

    private NamedPaths() {}

    /** All of them, by the keys that name them. */
    static Map<String, Path> of(RunFile plan) {
        Map<String, Path> out = new LinkedHashMap<>();
        out.put(BASE, Path.of(plan.settings().policy().base()));
        out.putAll(problems(plan));
        return out;
    }

    /**
     * Looks whether all that a command is about to read is there.
     *
     * @throws FootholdException {@link ErrorCode#INVALID_INPUT} for the first that is not, with the place of its setting and the name
     *     beside it that is nearest
     */
    public static void check(RunFile plan) {
        of(plan).forEach((key, path) -> check(plan, key, path));
    }

    /** The same without the base, where a command names its policies itself. */
    public static void checkProblems(RunFile plan) {
        problems(plan).forEach((key, path) -> check(plan, key, path));
    }

    private static Map<String, Path> problems(RunFile plan) {
        Map<String, Path> out = new LinkedHashMap<>();
        for (String set : plan.problemSources()) {
            String file = plan.settings().problems().at(set).jsonl();
            if (!file.isEmpty()) {
                out.put(set + ".jsonl", Path.of(file));
            }
        }
        return out;
    }

    private static void check(RunFile plan, String key, Path path) {
        boolean directory = key.equals(BASE);
        if (directory ? Files.isDirectory(path) : Files.isReadable(path) && !Files.isDirectory(path)) {
            return;
        }
        Path whole = path.toAbsolutePath().normalize();
        String wrong = !Files.exists(whole)
                ? "there is no " + (directory ? "directory " : "file ") + shown(whole) + near(whole)
                : shown(whole)
                        + (directory
                                ? " is no directory"
                                : Files.isDirectory(whole) ? " is a directory" : " cannot be read");
        throw new FootholdException(ErrorCode.INVALID_INPUT, plan.at(key) + ": '" + key + "': " + wrong);
    }

    private static String near(Path absent) {
        Path parent = absent.getParent();
        Path name = absent.getFileName();
        if (parent == null || name == null) {
            return "";
        }
        if (!Files.isDirectory(parent)) {
            return ", nor " + shown(parent);
        }
        try (Stream<Path> neighbours = Files.list(parent)) {
            List<String> names =
                    neighbours.map(p -> shown(p.getFileName())).sorted().toList();
            String hint = names.isEmpty() ? "" : Nearest.hint(name.toString(), names);
            return hint.startsWith(" (did you mean") || names.size() <= FEW ? hint : "";
        } catch (IOException e) {
            return "";
        }
    }

    private static String shown(Path path) {
        return SettingsException.shown(path.toString());
    }
}
