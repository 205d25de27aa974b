package io.foothold.cli.process;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.triton.ServerAddress;
import io.foothold.core.settings.JudgeSettings;
import io.foothold.core.settings.RewardFunctionSettings;
import io.foothold.core.settings.RewardModelSettings;
import io.foothold.orchestrator.runfile.RunFile;
import io.foothold.verifier.function.RewardFunction;
import io.foothold.verifier.function.RewardFunctions;
import io.foothold.verifier.triton.RewardModel;
import io.foothold.verifier.triton.RewardModels;
import java.io.IOException;
import java.nio.charset.MalformedInputException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.eclipse.microprofile.config.ConfigProvider;

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
        asked.settings().verification().scorers().forEach((key, scorer) -> {
            if (scorer instanceof RewardFunctionSettings function
                    && function.pythonSource().isEmpty()) {
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
     * Loads the run's reward functions and looks at its reward models as its verifier will, before anything is started.
     *
     * @throws FootholdException INVALID_INPUT with the place of the key, and Python's report when a function does not load, or what is wrong with a model
     */
    public void check() {
        plan.settings().verification().scorers().forEach((key, scorer) -> {
            try {
                switch (scorer) {
                    case RewardFunctionSettings function -> check(function);
                    case RewardModelSettings model -> check(model);
                    case JudgeSettings judge -> {
                        // A call of a judge costs, and nothing else says whether it can answer.
                    }
                }
            } catch (FootholdException e) {
                throw new FootholdException(e.code(), plan.at(key) + ": '" + key + "': " + e.text(), e);
            }
        });
    }

    private static void check(RewardModelSettings model) {
        Optional<Path> authorities = ConfigProvider.getConfig().getOptionalValue(RewardModels.AUTHORITIES, Path.class);
        RewardModel.Scale scale =
                switch (model.scaling().scale()) {
                    case NONE -> new RewardModel.Scale.None();
                    case RANGE ->
                        new RewardModel.Scale.Range(
                                model.scaling().low(), model.scaling().high());
                    case SIGMOID -> new RewardModel.Scale.Sigmoid();
                };
        List<RewardModel.Input> inputs = new ArrayList<>();
        model.tensors().inputs().forEach((name, text) -> inputs.add(new RewardModel.Input(name, text)));
        try (RewardModels models = new RewardModels(RewardModels.Setup.any(authorities))) {
            var unused = models.check(new RewardModel(
                    ServerAddress.of(model.server()),
                    model.model(),
                    model.version(),
                    new RewardModel.Tensors(inputs, model.tensors().outputTensor()),
                    scale,
                    new RewardModel.Calls(
                            Duration.ofNanos((long) (model.seconds() * 1e9)), model.attempts(), model.maxBatch())));
        }
    }

    private static void check(RewardFunctionSettings function) {
        try (RewardFunctions functions = new RewardFunctions(RewardFunctions.Setup.standard())) {
            functions.check(RewardFunction.of(
                    function.file(),
                    function.name(),
                    function.pythonSource(),
                    new RewardFunction.Limits(
                            function.pythonNetwork(), function.pythonSeconds(), (long) function.pythonMemoryMb() << 20),
                    function.passScore()));
        }
    }
}
