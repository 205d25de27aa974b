package io.foothold.orchestrator.run;

import io.foothold.core.problem.Problem;
import io.foothold.core.prompt.Placeholders;
import io.foothold.core.start.StartState;
import io.foothold.orchestrator.remote.Services;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;

/**
 * The prompts under which the policy teaches itself: a problem with its whole oracle solution, as tokens. Those of a problem are encoded
 * once. Only unguided rollouts are taught: what begins elsewhere has other text before it. One thread.
 */
final class TeacherPrompts {
    private final RunSpec spec;
    private final Services services;
    private final Function<String, Problem> problems;
    private final Map<String, List<Integer>> encoded = new HashMap<>();

    TeacherPrompts(RunSpec spec, Services services, Function<String, Problem> problems) {
        this.spec = spec;
        this.services = services;
        this.problems = problems;
    }

    /** The prompt of a problem's teacher. */
    static String text(RunSpec spec, Problem problem) {
        return Placeholders.fill(
                spec.settings().distillation().prompt(),
                Map.of("problem", problem.statement(), "solution", OracleScorer.solution(problem)));
    }

    /**
     * Encodes what the groups of an update need. Blocks.
     *
     * @return by problem; without any where nobody is taught
     */
    Map<String, List<Integer>> of(List<FilledGroup> groups) {
        if (!spec.settings().distillation().distillation().teaches()) {
            return Map.of();
        }
        List<Problem> missing = groups.stream()
                .filter(TeacherPrompts::taught)
                .map(g -> g.start().problemId())
                .distinct()
                .filter(id -> !encoded.containsKey(id))
                .map(problems)
                .toList();
        List<List<Integer>> tokens = PromptFit.tokens(
                spec, services, missing.stream().map(p -> text(spec, p)).toList());
        for (int i = 0; i < missing.size(); i++) {
            encoded.put(missing.get(i).id(), tokens.get(i));
        }
        Map<String, List<Integer>> out = new HashMap<>();
        groups.stream()
                .filter(TeacherPrompts::taught)
                .map(g -> g.start().problemId())
                .forEach(id -> out.put(id, Objects.requireNonNull(encoded.get(id))));
        return out;
    }

    /** Whether the members of a group have a teacher. */
    static boolean taught(FilledGroup group) {
        return group.start().origin() instanceof StartState.Root;
    }
}
