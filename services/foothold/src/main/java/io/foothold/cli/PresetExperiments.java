package io.foothold.cli;

import io.foothold.core.bandit.EstimatorTable;
import io.foothold.core.bandit.Experiment;
import io.foothold.core.bandit.Experiment.Target;
import io.foothold.core.method.Method;
import io.foothold.core.start.StartState;
import io.foothold.orchestrator.runfile.Methods;
import io.foothold.orchestrator.runfile.RunFile;
import java.util.ArrayList;
import java.util.List;

/** Every shipped preset as it would run, against problems that can be enumerated. */
final class PresetExperiments {
    private PresetExperiments() {}

    /** One a preset and gradient. */
    static List<Experiment> all() {
        List<Experiment> out = new ArrayList<>();
        for (String preset : RunFile.presets()) {
            RunFile file = resolved(preset);
            for (Target target : targets(file)) {
                out.add(experiment(preset, file, target));
            }
        }
        return out;
    }

    /** A run file that says nothing but the preset. */
    static RunFile resolved(String preset) {
        return RunFile.resolve(preset, """
                method: %s
                policy: {base: any}
                problems:
                  train: {family: dial, level: medium, count: 3}
                  evaluate:
                    any-test: {family: dial, level: medium, count: 1, split: test}
                prompts: {guided: "{problem}{prefix}"}
                """.formatted(preset), List.of());
    }

    private static List<Target> targets(RunFile file) {
        if (file.number("mixture.guided") > 0) {
            return List.of(new Target.RootAndGuided(), new Target.Pass1());
        }
        if (file.text("estimator.name").startsWith("pass_at_k")) {
            return List.of(new Target.PassAtK(file.count("estimator.k")));
        }
        return file.text("revision.prompt").isEmpty() || file.refines()
                ? List.of(new Target.Pass1())
                : List.of(new Target.BothAttempts(1 + file.number("revision.bonus")));
    }

    private static Experiment experiment(String preset, RunFile file, Target target) {
        Methods methods = new Methods(file);
        Method method = file.number("resets.share") > 0 ? methods.withResets() : methods.withoutResets();
        return new Experiment(
                "`" + preset + "`",
                target,
                file.hintsWhenWrong() ? drawnGuided(method) : method,
                methods.estimator(),
                methods.loss(),
                file.number("mixture.guided") > 0 && !file.hintsWhenWrong(),
                !file.text("resets.localizer").equals("random"));
    }

    /** A method whose every place is drawn with a hint. */
    private static Method drawnGuided(Method method) {
        return (start, peers, seeds) ->
                method.place(new StartState.Guided(start.problemId(), EstimatorTable.GUIDED), peers, seeds);
    }
}
