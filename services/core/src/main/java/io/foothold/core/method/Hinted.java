package io.foothold.core.method;

import com.google.auto.service.AutoService;
import io.foothold.core.keys.Section;
import io.foothold.core.keys.Setting;
import io.foothold.core.keys.SettingsException;
import io.foothold.core.random.Seeds;
import io.foothold.core.settings.RunSettings;
import io.foothold.core.start.StartState;
import java.util.List;

/**
 * Hints only where all are wrong: the rule of Guide (arXiv 2506.13923). A problem is tried from its root; when every answer failed, the
 * same number of rollouts starts behind the hint that the place was drawn with. They replace none: both groups are trained, each
 * against its own start. Without a hint the first group stands alone. A hinted group that cannot be had loses the place.
 *
 * <p>Guide trains its hinted answers under the bare prompt, weighed by the ratio of the two. Here the hint is the beginning of a solution and
 * the answer goes on from it: under the bare prompt it would be taught to begin in the middle. So they are plain guided starts.
 *
 * @param members of each group
 */
public record Hinted(int members) implements Method {
    /** At least one member. */
    public Hinted {
        if (members < 1) {
            throw new IllegalArgumentException("a group needs a member: " + members);
        }
    }

    @Override
    public Place place(StartState start, Peers peers, Seeds seeds) {
        Sampling sampling = new Sampling(peers);
        StartState root = new StartState.Root(start.problemId());
        List<Rollout> alone = sampling.group("", root, members, seeds);
        Group first = Group.of(root, alone);
        if (start.equals(root) || alone.stream().anyMatch(Rollout::passed)) {
            return new Place(List.of(first), sampling.ends());
        }
        List<Rollout> hinted = sampling.group("hinted", start, members, seeds.split("hinted"));
        return new Place(List.of(first, Group.of(start, hinted)), sampling.ends());
    }

    /** When a place that is drawn guided starts so. */
    public enum When {
        /** Always. */
        ALWAYS,
        /** When every answer from the root failed. */
        ALL_WRONG
    }

    /** Its settings. */
    @Section("guidance")
    public record Settings(
            @Setting(
                    help =
                            "When a place that is drawn guided starts so: always; all_wrong tries the problem from its root and starts guided, "
                                    + "too, when every answer failed (Guide).",
                    fallback = "always",
                    source = "arXiv 2506.13923")
            When when) {}

    /** What a run file says of it. */
    @AutoService(MethodKind.class)
    public static final class Kind implements MethodKind<Settings> {
        @Override
        public Class<Settings> settings() {
            return Settings.class;
        }

        @Override
        public String asking() {
            return "guidance.when: all_wrong";
        }

        @Override
        public boolean isAsked(Settings own) {
            return own.when() == When.ALL_WRONG;
        }

        @Override
        public void check(Settings own, RunSettings run) {
            if (isAsked(own) && !run.guided()) {
                throw new SettingsException(
                        "guidance.when",
                        "'guidance.when: all_wrong' needs 'mixture.guided' above 0: places with a hint");
            }
        }

        @Override
        public Method method(Settings own, RunSettings run) {
            return new Hinted(run.sampling().rolloutsPerGroup());
        }

        @Override
        public boolean choosesHints() {
            return true;
        }
    }
}
