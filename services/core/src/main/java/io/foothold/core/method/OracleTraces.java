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

/**
 * Off-policy reinforcement learning on oracle traces, a rival that POPE's paper reports to fail (arXiv 2601.18779): among a group's members from a
 * root start stands the oracle's solution, with its reward and an importance ratio ρ = π_θ / 1 on every token, its behaviour being that of
 * somebody who writes just this (mixed-policy GRPO without shaping, arXiv 2504.14945, equation 4). Groups from other starts are plain. What
 * the paper ran in detail is not known.
 *
 * @param members of a group, the given ones among them
 * @param given how many of them are the oracle's solution
 */
public record OracleTraces(int members, int given) implements Method {
    /** At least one is sampled. */
    public OracleTraces {
        if (given < 1 || given >= members) {
            throw new IllegalArgumentException("of " + members + " members " + given + " cannot be given");
        }
    }

    @Override
    public Place place(StartState start, Peers peers, Seeds seeds) {
        Sampling sampling = new Sampling(peers);
        if (!(start instanceof StartState.Root)) {
            return new Place(List.of(Group.of(start, sampling.group("", start, members, seeds))), sampling.ends());
        }
        List<Rollout> all = new ArrayList<>(sampling.group("", start, members - given, seeds));
        for (int i = 0; i < given; i++) {
            all.add(peers.given(
                    new Ask("", "oracle" + i, start, 0, seeds.split("oracle").split(i))));
        }
        return new Place(List.of(Group.of(start, all)), sampling.ends());
    }

    /** Its settings. */
    @Section("oracle_traces")
    public record Settings(
            @Setting(
                    help =
                            "Members of a group from a root start that are the problem's oracle solution, with a ratio to a behaviour of "
                                    + "probability 1; 0 is off.",
                    fallback = "0",
                    from = 0,
                    to = Setting.AT_ONCE,
                    unit = "members",
                    source = "arXiv 2504.14945, equation 4")
            int given) {}

    /** What a run file says of it. */
    @AutoService(MethodKind.class)
    public static final class Kind implements MethodKind<Settings> {
        @Override
        public Class<Settings> settings() {
            return Settings.class;
        }

        @Override
        public String asking() {
            return "oracle_traces.given";
        }

        @Override
        public boolean isAsked(Settings own) {
            return own.given() > 0;
        }

        @Override
        public void check(Settings own, RunSettings run) {
            if (!isAsked(own)) {
                return;
            }
            if (own.given() >= run.sampling().rolloutsPerGroup()) {
                throw new SettingsException(
                        asking(),
                        "'oracle_traces.given' must be below 'sampling.rollouts_per_group', which is "
                                + run.sampling().rolloutsPerGroup() + ", is " + own.given());
            }
            if (!run.lossRule(false).loss().hasRatio()) {
                throw new SettingsException(
                        asking(),
                        "'oracle_traces.given' needs a loss with a ratio, such as loss.name: ppo: without one the solution would count as if "
                                + "the policy had written it");
            }
        }

        @Override
        public Method method(Settings own, RunSettings run) {
            return new OracleTraces(run.sampling().rolloutsPerGroup(), own.given());
        }

        @Override
        public boolean givesSolutions(Settings own) {
            return isAsked(own);
        }
    }
}
