package io.foothold.cli.process;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.settings.RewardFunctionSettings;
import io.foothold.orchestrator.runfile.RunFile;
import io.foothold.verifier.function.RewardFunction;
import io.foothold.verifier.function.RewardFunctions;
import java.io.IOException;
import java.nio.charset.MalformedInputException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * A run file with what a command reads of it on the machine of its user, before any service sees it: the text of a reward function, and models
 * and data sets that are named as on a hub.
 *
 * @param plan the run file with that
 * @param overrides the settings of the command line, and what was read as further ones
 */
public record RunInputs(RunFile plan, List<String> overrides) {
    /** Copies. */
    public RunInputs {
        overrides = List.copyOf(overrides);
    }

    /**
     * Resolves a run file and reads what it names.
     *
     * @param where name of the file in messages
     * @param overrides {@code key=value} settings that win over the file
     * @throws FootholdException INVALID_INPUT or NOT_FOUND with the place of the key for what is wrong
     */
    public static RunInputs read(String where, String text, List<String> overrides) {
        return read(where, text, overrides, System.getenv());
    }

    /**
     * The same.
     *
     * @param environment variables that name the hub and its cache
     */
    public static RunInputs read(String where, String text, List<String> overrides, Map<String, String> environment) {
        RunFile asked = RunFile.resolve(where, text, overrides);
        List<String> all = new ArrayList<>(overrides);
        all.addAll(new HubNames(environment).of(asked));
        asked.settings().verification().functions().forEach((key, function) -> {
            if (function.pythonSource().isEmpty()) {
                all.add(key + "_source=" + source(asked, key, function));
            }
        });
        return new RunInputs(all.size() == overrides.size() ? asked : RunFile.resolve(where, text, all), all);
    }

    private static String source(RunFile asked, String name, RewardFunctionSettings function) {
        String key = asked.at(name) + ": '" + name + "': ";
        Path file = Path.of(function.python().substring(0, function.python().lastIndexOf(':')));
        try {
            if (Files.size(file) > RewardFunctionSettings.LONGEST_SOURCE) {
                throw new FootholdException(
                        ErrorCode.INVALID_INPUT,
                        key + file + " has " + Files.size(file) + " bytes, at most "
                                + RewardFunctionSettings.LONGEST_SOURCE + " travel with every response");
            }
            String source = Files.readString(file, StandardCharsets.UTF_8);
            if (source.isBlank()) {
                throw new FootholdException(ErrorCode.INVALID_INPUT, key + file + " is empty");
            }
            return source;
        } catch (MalformedInputException e) {
            throw new FootholdException(ErrorCode.INVALID_INPUT, key + file + " is not UTF-8", e);
        } catch (IOException e) {
            throw new FootholdException(
                    ErrorCode.INVALID_INPUT,
                    key + "the file " + file.toAbsolutePath().normalize()
                            + (Files.exists(file) ? " cannot be read: " + e.getMessage() : " does not exist"),
                    e);
        }
    }

    /**
     * Loads the run's reward functions as its verifier will, before anything is started.
     *
     * @throws FootholdException INVALID_INPUT with the place of the key and Python's report when it does not load
     */
    public void check() {
        plan.settings().verification().functions().forEach(this::check);
    }

    private void check(String key, RewardFunctionSettings function) {
        try (RewardFunctions functions = new RewardFunctions(RewardFunctions.Setup.standard())) {
            functions.check(RewardFunction.of(
                    function.file(),
                    function.name(),
                    function.pythonSource(),
                    new RewardFunction.Limits(
                            function.pythonNetwork(), function.pythonSeconds(), (long) function.pythonMemoryMb() << 20),
                    function.passScore()));
        } catch (FootholdException e) {
            throw new FootholdException(e.code(), plan.at(key) + ": '" + key + "': " + e.text(), e);
        }
    }
}
