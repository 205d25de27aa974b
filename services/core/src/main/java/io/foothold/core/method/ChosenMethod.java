package io.foothold.core.method;

import io.foothold.core.keys.SettingsException;
import io.foothold.core.settings.RunSettings;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.OptionalDouble;
import java.util.ServiceLoader;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** How the settings of a run fill places: by the {@link MethodKind} that they ask for. Immutable. */
public final class ChosenMethod {
    private static final List<MethodKind<?>> KINDS = found();

    private final RunSettings run;
    private final @Nullable Bound<?> bound;

    /** A kind with its settings. */
    private record Bound<S extends Record>(MethodKind<S> kind, S own, RunSettings run) {
        static <S extends Record> Bound<S> of(MethodKind<S> kind, RunSettings run) {
            return new Bound<>(kind, run.of(kind.settings()), run);
        }

        boolean asked() {
            return kind.isAsked(own);
        }

        void check() {
            kind.check(own, run);
        }

        Method method() {
            return kind.method(own, run);
        }

        double share() {
            return kind.share(own);
        }

        boolean trainsOffPolicy() {
            return kind.trainsOffPolicy(own);
        }

        boolean givesSolutions() {
            return kind.givesSolutions(own);
        }

        String instruction() {
            return kind.instruction(own);
        }

        boolean hasOwnRewards() {
            return kind.hasOwnRewards(own);
        }

        OptionalDouble revisionWeight() {
            return kind.revisionWeight(own);
        }
    }

    /**
     * The method of a run.
     *
     * @throws SettingsException when its settings do not fit, or ask for two
     */
    public ChosenMethod(RunSettings run) {
        this.run = run;
        List<Bound<?>> all = new ArrayList<>();
        KINDS.forEach(kind -> all.add(Bound.of(kind, run)));
        List<Bound<?>> asked = all.stream().filter(Bound::asked).toList();
        if (asked.size() > 1) {
            String first = asked.get(0).kind().asking();
            String second = asked.get(1).kind().asking();
            throw new SettingsException(
                    key(first),
                    "'" + key(first) + "' and '" + key(second)
                            + "' contradict each other, each fills a place of an update in its own way: set one of "
                            + all.stream()
                                    .map(b -> b.kind().asking())
                                    .limit(all.size() - 1L)
                                    .collect(Collectors.joining(", "))
                            + " and " + all.getLast().kind().asking());
        }
        all.forEach(Bound::check);
        this.bound = asked.isEmpty() ? null : asked.get(0);
        if (run.rewardShaping().shapes() && bound != null && !bound.hasOwnRewards()) {
            throw new SettingsException(
                    run.rewardShaping().overlongShare() > 0
                            ? "reward_shaping.overlong_share"
                            : "reward_shaping.length_discount",
                    "'reward_shaping' changes the rewards of verdicts by lengths, and with '"
                            + key(bound.kind().asking()) + "' members have others");
        }
    }

    /** The records of the settings of all methods. */
    public static List<Class<? extends Record>> records() {
        List<Class<? extends Record>> out = new ArrayList<>();
        KINDS.forEach(kind -> out.add(kind.settings()));
        return out;
    }

    /** Around a method, what lengths do to rewards. */
    public Method shaped(Method inner) {
        return run.rewardShaping().shapes() ? new Shaped(inner, run.rewardShaping()) : inner;
    }

    /** The method, without what fills silent places again. One for the whole run, as it may remember. */
    public Method method() {
        return bound == null ? plain() : bound.method();
    }

    /** What fills the places that the method leaves. */
    public Method plain() {
        return new Plain(run.sampling().rolloutsPerGroup());
    }

    /** See {@link MethodKind#share}. */
    public double share() {
        return bound == null ? 1 : bound.share();
    }

    /** Whether members are compared by the rewards of their own verdicts: neither by others that the method gives them nor by shaped ones. */
    public boolean comparesOwnRewards() {
        return !run.rewardShaping().shapes() && (bound == null || bound.hasOwnRewards());
    }

    /** See {@link MethodKind#localizes}. */
    public boolean localizes() {
        return bound != null && bound.kind().localizes();
    }

    /** See {@link MethodKind#trainsOffPolicy}. */
    public boolean trainsOffPolicy() {
        return bound != null && bound.trainsOffPolicy();
    }

    /** See {@link MethodKind#givesSolutions}. */
    public boolean givesSolutions() {
        return bound != null && bound.givesSolutions();
    }

    /** See {@link MethodKind#instruction}. */
    public String instruction() {
        return bound == null ? "" : bound.instruction();
    }

    /** See {@link MethodKind#revisionWeight}. */
    public OptionalDouble revisionWeight() {
        return bound == null ? OptionalDouble.empty() : bound.revisionWeight();
    }

    /** See {@link MethodKind#choosesHints}. */
    public boolean choosesHints() {
        return bound != null && bound.kind().choosesHints();
    }

    private static String key(String asking) {
        return asking.split(":", 2)[0];
    }

    @SuppressWarnings("rawtypes") // A service is found by its class, which knows no parameter.
    private static List<MethodKind<?>> found() {
        List<MethodKind<?>> out = new ArrayList<>();
        for (MethodKind kind : ServiceLoader.load(MethodKind.class, MethodKind.class.getClassLoader())) {
            out.add(kind);
        }
        out.sort(Comparator.comparing(MethodKind::asking));
        return List.copyOf(out);
    }
}
