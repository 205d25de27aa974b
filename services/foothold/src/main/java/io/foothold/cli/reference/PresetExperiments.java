package io.foothold.cli.reference;

import io.foothold.core.bandit.EstimatorTable;
import io.foothold.core.bandit.Experiment;
import io.foothold.core.bandit.Experiment.Target;
import io.foothold.core.method.Method;
import io.foothold.core.method.ResetSettings;
import io.foothold.core.random.Seeds;
import io.foothold.core.settings.RunSettings;
import io.foothold.core.start.StartState;
import io.foothold.orchestrator.runfile.Methods;
import io.foothold.orchestrator.runfile.RunFile;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;

/** Every shipped preset as it would run, against problems that can be enumerated. */
public final class PresetExperiments {
    private PresetExperiments() {}

    /** One a preset and gradient. */
    public static List<Experiment> all() {
        List<Experiment> out = new ArrayList<>();
        for (String preset : RunFile.presets()) {
            RunFile file = resolved(preset);
            if (file.settings().general().updates() == 0
                    || file.settings().distillation().rewards() == 0) {
                // Imitation or distillation only: no estimator whose gradient could be looked at.
                continue;
            }
            for (Target target : targets(file)) {
                out.add(experiment(preset, file, target));
            }
        }
        return out;
    }

    /**
     * The table of estimators: every shipped preset, then rules one at a time.
     *
     * @param trials updates of each
     */
    public static List<EstimatorTable.Row> table(int trials, Seeds seed) {
        List<Experiment> experiments = new ArrayList<>(all());
        experiments.addAll(Experiment.rules());
        return EstimatorTable.of(experiments, trials, seed);
    }

    /** A run file that says nothing but the preset. */
    private static RunFile resolved(String preset) {
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
        RunSettings settings = file.settings();
        if (settings.guided()) {
            return List.of(new Target.RootAndGuided(), new Target.Pass1());
        }
        if (settings.estimator().name().startsWith("pass_at_k")) {
            return List.of(new Target.PassAtK(settings.estimator().k()));
        }
        OptionalDouble revision = new Methods(file).chosen().revisionWeight();
        return List.of(revision.isPresent() ? new Target.BothAttempts(revision.getAsDouble()) : new Target.Pass1());
    }

    private static Experiment experiment(String preset, RunFile file, Target target) {
        Methods methods = new Methods(file);
        RunSettings settings = file.settings();
        boolean hints = methods.chosen().choosesHints();
        Method method = methods.own();
        return new Experiment(
                "`" + preset + "`",
                target,
                hints ? drawnGuided(method) : method,
                methods.estimator(),
                methods.loss(),
                settings.guided() && !hints,
                !settings.of(ResetSettings.class).localizing().localizer().equals("random"));
    }

    /** A method whose every place is drawn with a hint. */
    private static Method drawnGuided(Method method) {
        return (start, peers, seeds) ->
                method.place(new StartState.Guided(start.problemId(), EstimatorTable.GUIDED), peers, seeds);
    }
}
