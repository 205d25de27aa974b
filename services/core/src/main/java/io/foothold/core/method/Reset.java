package io.foothold.core.method;

import com.google.auto.service.AutoService;
import io.foothold.core.keys.SettingsException;
import io.foothold.core.random.Seeds;
import io.foothold.core.reset.Instead;
import io.foothold.core.reset.LocalizationStatistics.Outcome;
import io.foothold.core.reset.LocalizerTrust;
import io.foothold.core.reset.ResetSplit;
import io.foothold.core.reset.SeedSelection;
import io.foothold.core.settings.RunSettings;
import io.foothold.core.start.StartState;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;

/**
 * RRPO and SRPO (arXiv 2605.25507): fresh rollouts until a seed failed, its first wrong thought, and a group of suffixes that begin just
 * before it. Suffixes are compared with each other only, and credit is theirs alone. About three chains of sampling one after the
 * other, whatever the number of seeds.
 *
 * @param split what the rollouts of a place are spent on
 * @param onNoError what is done when the localizer finds no wrong thought
 * @param onUnparseable what is done when its answer cannot be read
 * @param offset thoughts by which a reset lies before the named one
 * @param trust when the localizer is given up for thoughts at random; of the whole run, as it remembers
 */
public record Reset(ResetSplit split, Instead onNoError, Instead onUnparseable, int offset, LocalizerTrust trust)
        implements Method {

    /** A reset is not behind the named thought. */
    public Reset {
        if (offset < 0) {
            throw new IllegalArgumentException("a reset lies before the named thought, not behind it: " + offset);
        }
    }

    @Override
    public Place place(StartState start, Peers peers, Seeds seeds) {
        Sampling sampling = new Sampling(peers);
        List<Rollout> drawn = new ArrayList<>();
        SeedSelection selection = new SeedSelection(split);
        for (int next = selection.next(); next > 0; next = selection.next()) {
            List<Rollout> fresh = sampling.complete(new Sampling.Wanted("", start, drawn.size(), next, 0, seeds));
            selection.record(fresh.stream().map(Reset::draw).toList());
            drawn.addAll(fresh);
        }
        SeedSelection.Result chosen = selection.result();

        List<String> dropped = new ArrayList<>();
        List<Seed> continuing = localized(
                chosen.seeds().stream().map(drawn::get).toList(), peers, seeds.split("suffix"), sampling, dropped);
        List<Sampling.Filled> suffixes = sampling.fill(continuing.stream()
                .map(s -> new Sampling.Wanted(s.question().group(), s.start(), 0, split.suffixes(), 0, s.seeds()))
                .toList());

        List<Group> groups = new ArrayList<>();
        List<Resets.Continued> continued = new ArrayList<>();
        for (int i = 0; i < suffixes.size(); i++) {
            Seed seed = continuing.get(i);
            Sampling.Filled group = suffixes.get(i);
            if (group.isComplete()) {
                groups.add(Group.of(seed.start(), group.rollouts()));
                continued.add(new Resets.Continued(seed.rollout(), seed.outcome(group.rollouts())));
            } else {
                sampling.giveUp(group);
                dropped.add(notContinued(seed.rollout(), group.why()));
            }
        }
        continued.forEach(c -> trust.watch(c.outcome()));

        // Without any suffix group the fresh rollouts are what can be trained.
        boolean all = groups.isEmpty() && chosen.base().isEmpty();
        List<Rollout> base = new ArrayList<>();
        for (int i = 0; i < drawn.size(); i++) {
            if (all || chosen.trains(i)) {
                base.add(drawn.get(i));
            } else {
                sampling.end(new End.Consumed(drawn.get(i), "seed"));
            }
        }
        if (!base.isEmpty()) {
            groups.addFirst(Group.of(start, base));
        }
        int passed = (int) drawn.stream().filter(Rollout::passed).count();
        return new Place(groups, sampling.ends(), new Resets(drawn.size(), passed, continued, dropped));
    }

    @Override
    public boolean fellBack() {
        return trust.lost();
    }

    /** What a run file says of it. */
    @AutoService(MethodKind.class)
    public static final class Kind implements MethodKind<ResetSettings> {
        private static final long MOST_OF_A_PLACE = 100_000;

        @Override
        public Class<ResetSettings> settings() {
            return ResetSettings.class;
        }

        @Override
        public String asking() {
            return "resets.share";
        }

        @Override
        public boolean isAsked(ResetSettings own) {
            return own.share() > 0;
        }

        @Override
        public void check(ResetSettings own, RunSettings run) {
            if (!isAsked(own)) {
                return;
            }
            if (run.prompting().thoughtDelimiter().isEmpty()) {
                throw new SettingsException(
                        asking(), "resets need 'prompts.thought_delimiter': without it a rollout has no thoughts");
            }
            if (own.localizing().minCleanShare() > 0 && !own.localizing().compareWithOracle()) {
                throw new SettingsException(
                        "resets.min_clean_share", "'resets.min_clean_share' needs resets.compare_with_oracle: true");
            }
            ResetSettings.Split split = own.split();
            long most = split.baseRollouts() + (long) split.seeds() * split.suffixes();
            if (most > MOST_OF_A_PLACE) {
                throw new SettingsException(
                        "resets.seeds",
                        "resets.base_rollouts + resets.seeds * resets.suffixes must be at most " + MOST_OF_A_PLACE
                                + ", is " + most);
            }
            try {
                var unused = split.split();
            } catch (IllegalArgumentException e) {
                throw new SettingsException("resets.draws", "'resets': " + e.getMessage());
            }
        }

        @Override
        public Method method(ResetSettings own, RunSettings run) {
            return new Reset(
                    own.split().split(),
                    own.onNoError(),
                    own.onUnparseable(),
                    own.offset(),
                    new LocalizerTrust(own.localizing().minCleanShare()));
        }

        @Override
        public double share(ResetSettings own) {
            return own.share();
        }

        @Override
        public boolean localizes() {
            return true;
        }
    }

    private static SeedSelection.Draw draw(Rollout rollout) {
        if (rollout.passed()) {
            return SeedSelection.Draw.RIGHT;
        }
        return rollout.sampled().thoughtEnds().isEmpty()
                ? SeedSelection.Draw.WRONG_WITHOUT_THOUGHTS
                : SeedSelection.Draw.WRONG;
    }

    /** What of a failed rollout is sampled again, if anything is. */
    private sealed interface Choice {}

    private record Nothing(String why) implements Choice {}

    /**
     * A failed rollout with the thought that it is reset to.
     *
     * @param thought one-based; those before it are kept
     */
    private record Seed(
            Question question, int thought, OptionalInt firstError, int effectiveDeviation, StartState start)
            implements Choice {
        Rollout rollout() {
            return question.rollout();
        }

        Seeds seeds() {
            return question.seeds();
        }

        Outcome outcome(List<Rollout> suffixes) {
            int passes = (int) suffixes.stream().filter(Rollout::passed).count();
            return new Outcome(thought, firstError, effectiveDeviation, suffixes.size(), passes);
        }
    }

    /** The failed rollouts that can be continued; why one cannot be goes to {@code dropped}. */
    private List<Seed> localized(
            List<Rollout> failed, Peers peers, Seeds seeds, Sampling sampling, List<String> dropped) {
        if (failed.isEmpty()) {
            return List.of();
        }
        List<Question> questions = new ArrayList<>();
        for (int i = 0; i < failed.size(); i++) {
            questions.add(new Question("s" + i, failed.get(i), trust.lost(), seeds.split(i)));
        }
        List<Localization> found = peers.localize(questions);
        for (Localization one : found) {
            if (one instanceof Localization.Failed f && f.refused()) {
                throw new PlaceLost("the localizer refuses", f.failure(), sampling.ends());
            }
        }
        List<Seed> out = new ArrayList<>();
        for (int i = 0; i < found.size(); i++) {
            Question question = questions.get(i);
            switch (choice(question, found.get(i), peers)) {
                case Seed seed -> out.add(seed);
                case Nothing nothing -> dropped.add(notContinued(question.rollout(), nothing.why()));
            }
        }
        return out;
    }

    private Choice choice(Question question, Localization found, Peers peers) {
        return switch (found) {
            case Localization.Step s -> at(question, s.step(), s.firstError(), s.effectiveDeviation(), peers);
            case Localization.NoError n -> instead(onNoError, question, "the localizer found no error", peers);
            case Localization.Unparseable u ->
                instead(onUnparseable, question, "the localizer's answer cannot be read: " + u.answer(), peers);
            case Localization.Failed f -> new Nothing(String.valueOf(f.failure().getMessage()));
        };
    }

    private Choice instead(Instead instead, Question question, String why, Peers peers) {
        int thoughts = question.rollout().sampled().thoughtEnds().size();
        return switch (instead) {
            case RANDOM ->
                named(
                        question,
                        1 + question.seeds().split("instead").generator().nextInt(thoughts),
                        peers);
            case FIRST -> named(question, 1, peers);
            case LAST -> named(question, thoughts, peers);
            case DROP -> new Nothing(why);
        };
    }

    private Choice named(Question question, int step, Peers peers) {
        return at(question, step, OptionalInt.empty(), 0, peers);
    }

    private Choice at(Question question, int step, OptionalInt firstError, int effectiveDeviation, Peers peers) {
        Rollout seed = question.rollout();
        List<Integer> ends = seed.sampled().thoughtEnds();
        int thought = Math.max(1, step - offset);
        if (thought > ends.size() + 1) {
            return new Nothing("a reset to thought " + thought + " lies beyond rollout " + seed.id() + ", which has "
                    + ends.size());
        }
        int kept = thought == 1 ? 0 : ends.get(thought - 2);
        StartState start = new StartState.Reset(seed.start().problemId(), seed.id(), thought, kept);
        return peers.limit(start) < 1
                ? new Nothing(
                        "a reset of rollout " + seed.id() + " to thought " + thought + " leaves no token to sample")
                : new Seed(question, thought, firstError, effectiveDeviation, start);
    }

    private static String notContinued(Rollout seed, String why) {
        return "no suffixes of rollout " + seed.id() + ": " + why;
    }
}
