package io.foothold.core.method;

import com.google.auto.service.AutoService;
import io.foothold.core.keys.Section;
import io.foothold.core.keys.Setting;
import io.foothold.core.keys.SettingsException;
import io.foothold.core.random.Seeds;
import io.foothold.core.settings.RunSettings;
import io.foothold.core.start.StartState;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;

/**
 * SCoRe's second stage (arXiv 2409.12917, section 4.2), as arXiv 2605.25507 runs it: every answer is shown to the policy again with an
 * instruction that says nothing of its verdict, and a revision is rewarded with r₂ + bonus · (r₂ − r₁). Answers are one group; every
 * revision has a start of its own and is a group of one, so the estimator must do without a baseline. A revision that cannot be had loses
 * the place.
 *
 * @param answers to a problem
 * @param instruction the prompt of a revision, see {@link StartState.Revision}
 * @param bonus weight of the progress
 */
public record Revision(int answers, String instruction, double bonus) implements Method {

    @Override
    public Place place(StartState start, Peers peers, Seeds seeds) {
        Sampling sampling = new Sampling(peers);
        List<Rollout> first = sampling.group("", start, answers, seeds);
        List<Revised> revised = again(first, List.of(), instruction, sampling, seeds);
        List<Group> groups = new ArrayList<>();
        groups.add(Group.of(start, first));
        for (Revised r : revised) {
            double before = r.answer().reward().orElseThrow();
            double after = r.revision().reward().orElseThrow();
            double reward = after + bonus * (after - before);
            groups.add(new Group(r.revision().start(), List.of(new Member(r.revision(), reward))));
        }
        return new Place(groups, sampling.ends());
    }

    /** An answer, and what the policy made of it. */
    record Revised(Rollout answer, Rollout revision) {}

    /**
     * Shows answers to the policy again, all at once.
     *
     * @param good answers that are left as they are
     */
    static List<Revised> again(
            List<Rollout> answers, List<Rollout> good, String instruction, Sampling sampling, Seeds seeds) {
        List<Rollout> shown = new ArrayList<>();
        List<Sampling.Wanted> wanted = new ArrayList<>();
        for (int i = 0; i < answers.size(); i++) {
            Rollout answer = answers.get(i);
            if (!good.contains(answer)) {
                shown.add(answer);
                StartState start = new StartState.Revision(answer.start().problemId(), answer.id(), instruction);
                wanted.add(new Sampling.Wanted(
                        "r" + i, start, 0, 1, 0, seeds.split("revision").split(i)));
            }
        }
        List<Revised> out = new ArrayList<>();
        List<Sampling.Filled> filled = sampling.fill(wanted);
        for (int i = 0; i < filled.size(); i++) {
            RuntimeException failure = filled.get(i).failure();
            if (failure != null) {
                throw new PlaceLost("a revision of its place failed", failure, sampling.ends());
            }
            out.add(new Revised(shown.get(i), filled.get(i).rollouts().get(0)));
        }
        return out;
    }

    /** What becomes of revisions. */
    public enum Use {
        /** Each is a group of its own. */
        EVERY,
        /** The best one joins the answers: {@link Refinement}. */
        BEST
    }

    /** Settings of both methods that revise. */
    @Section("revision")
    public record Settings(
            @Setting(
                    help =
                            "Prompt under which every answer is revised, with {problem} and {response}; empty for no revision.",
                    fallback = "",
                    source = "arXiv 2409.12917, section 4")
            String prompt,

            @Setting(
                    help =
                            "every: each revision is a group of its own (SCoRe); best: only failed answers are revised, and the best "
                                    + "revision joins their group (Critique-GRPO).",
                    fallback = "every",
                    source = "arXiv 2506.03106")
            Use use,

            @Setting(
                    help = "Weight of the progress from answer to revision in the revision's reward.",
                    fallback = "10",
                    from = 0,
                    to = Setting.WEIGHT,
                    source = "arXiv 2409.12917, section 4.2")
            double bonus) {

        boolean best() {
            return use == Use.BEST;
        }
    }

    /** What a run file says of both. */
    @AutoService(MethodKind.class)
    public static final class Kind implements MethodKind<Settings> {
        @Override
        public Class<Settings> settings() {
            return Settings.class;
        }

        @Override
        public String asking() {
            return "revision.prompt";
        }

        @Override
        public boolean isAsked(Settings own) {
            return !own.prompt().isEmpty();
        }

        @Override
        public void check(Settings own, RunSettings run) {
            if (!isAsked(own)) {
                if (own.best()) {
                    throw new SettingsException("revision.use", "'revision.use: best' needs 'revision.prompt'");
                }
                return;
            }
            if (!own.prompt().contains("{response}")) {
                throw new SettingsException(
                        asking(), "'revision.prompt' must hold {response}: the answer that is to be revised");
            }
            double shaping = run.loss().shaping();
            if (own.best() && shaping <= 0) {
                throw new SettingsException(
                        "loss.shaping", "'loss.shaping' must be above 0 with revision.use: best, got " + shaping);
            }
        }

        @Override
        public Method method(Settings own, RunSettings run) {
            int answers = run.sampling().rolloutsPerGroup();
            return own.best()
                    ? new Refinement(answers, own.prompt())
                    : new Revision(answers, own.prompt(), own.bonus());
        }

        @Override
        public boolean trainsOffPolicy(Settings own) {
            return own.best();
        }

        @Override
        public boolean hasOwnRewards(Settings own) {
            return !isAsked(own) || own.best();
        }

        @Override
        public String instruction(Settings own) {
            return own.prompt();
        }

        @Override
        public OptionalDouble revisionWeight(Settings own) {
            return own.best() ? OptionalDouble.empty() : OptionalDouble.of(1 + own.bonus());
        }
    }
}
