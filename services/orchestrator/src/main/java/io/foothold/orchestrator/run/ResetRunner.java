package io.foothold.orchestrator.run;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.policy.PolicyVersion;
import io.foothold.core.random.Seeds;
import io.foothold.core.reset.LocalizationStatistics.Outcome;
import io.foothold.core.reset.SeedSelection;
import io.foothold.orchestrator.remote.Services;
import io.foothold.v1.Localization;
import io.foothold.v1.LocalizeWork;
import io.foothold.v1.LocalizerMode;
import io.foothold.v1.Questions;
import io.foothold.v1.Reset;
import io.foothold.v1.Rollout;
import io.foothold.v1.StartState;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;

/**
 * Takes one place of an update through the reset flow (arXiv 2605.25507; B2): fresh rollouts until a seed failed, localization,
 * suffix groups from just before the named thought. Seeds of a place are localized and continued at the same time, so it takes
 * about three chains of sampling. Blocks its caller, who runs on a virtual thread. Thread-safe.
 */
final class ResetRunner implements PlaceRunner {
    private static final int WATCHED = 64;

    private final RunSpec spec;
    private final Services services;
    private final GroupRunner groups;
    private final ExecutorService threads;
    private final Deque<Boolean> lately = new ArrayDeque<>();
    private boolean fellBack;

    ResetRunner(RunSpec spec, Services services, GroupRunner groups, ExecutorService threads) {
        this.spec = spec;
        this.services = services;
        this.groups = groups;
        this.threads = threads;
    }

    /** A suffix group with what is known of its reset, or the reason why there is none. */
    private sealed interface Continued {
        record Suffixes(GroupRunner.Group group, GroupRunner.Continuation known, double localize, double sample)
                implements Continued {}

        record Dropped(String reason) implements Continued {}

        /** The localizer refuses, and would refuse every other rollout too. */
        record Refused(FootholdException failure) implements Continued {}
    }

    /** A thought to reset to. */
    private record Named(int step, OptionalInt firstError, int effectiveDeviation) {}

    @Override
    public GroupRunner.Unit run(String groupId, StartState start, Seeds seed, PolicyVersion policy) {
        AtomicInteger errors = new AtomicInteger();
        List<GroupRunner.Member> drawn = new ArrayList<>();
        SeedSelection selection = new SeedSelection(spec.split());
        long began = System.nanoTime();
        int rounds = 0;
        for (int next = selection.next(); next > 0; next = selection.next()) {
            List<GroupRunner.Member> fresh;
            try {
                fresh = groups.members(groupId, start, drawn.size(), next, seed, policy, errors);
            } catch (RuntimeException e) {
                groups.drop(drawn, "its group could not be completed");
                throw e;
            }
            drawn.addAll(fresh);
            rounds++;
            selection.record(fresh.stream().map(ResetRunner::draw).toList());
        }
        double drawSeconds = seconds(began);
        double localizeSeconds = 0;
        double suffixSeconds = 0;
        SeedSelection.Result places = selection.result();
        List<CompletableFuture<Continued>> continuing = new ArrayList<>();
        for (int i = 0; i < places.seeds().size(); i++) {
            String id = groupId + "/s" + i;
            GroupRunner.Member failed = drawn.get(places.seeds().get(i));
            Seeds own = seed.split("suffix").split(i);
            continuing.add(
                    CompletableFuture.supplyAsync(() -> continued(id, start, failed, own, policy, errors), threads));
        }
        List<GroupRunner.Group> out = new ArrayList<>();
        List<GroupRunner.Continuation> known = new ArrayList<>();
        List<String> dropped = new ArrayList<>();
        List<GroupRunner.Group> suffixes = new ArrayList<>();
        FootholdException refused = null;
        for (CompletableFuture<Continued> one : continuing) {
            switch (one.join()) {
                case Continued.Suffixes s -> {
                    suffixes.add(s.group());
                    known.add(s.known());
                    localizeSeconds = Math.max(localizeSeconds, s.localize());
                    suffixSeconds = Math.max(suffixSeconds, s.sample());
                }
                case Continued.Dropped d -> dropped.add(d.reason());
                case Continued.Refused r -> refused = r.failure();
            }
        }
        if (refused != null) {
            groups.drop(drawn, "the localizer refuses");
            suffixes.forEach(s -> groups.drop(s.members(), "the localizer refuses"));
            throw refused;
        }
        // Without any suffix group the fresh rollouts are what can be trained.
        boolean all = suffixes.isEmpty() && places.base().isEmpty();
        List<GroupRunner.Member> base = new ArrayList<>();
        List<GroupRunner.Member> rest = new ArrayList<>();
        for (int i = 0; i < drawn.size(); i++) {
            (all || places.trains(i) ? base : rest).add(drawn.get(i));
        }
        if (!base.isEmpty()) {
            out.add(new GroupRunner.Group(groups.named(groupId), start, base));
        }
        out.addAll(suffixes);
        groups.consumed(rest, "seed");
        return new GroupRunner.Unit(
                out,
                errors.get(),
                new GroupRunner.Resets(
                        drawn.size(),
                        (int) drawn.stream().filter(m -> m.judged().passed()).count(),
                        known,
                        suffixes.stream()
                                .mapToInt(GroupRunner.Group::sampledTokens)
                                .sum(),
                        dropped,
                        new GroupRunner.ResetTimes(rounds, drawSeconds, localizeSeconds, suffixSeconds)));
    }

    private static double seconds(long from) {
        return (System.nanoTime() - from) / 1e9;
    }

    private static SeedSelection.Draw draw(GroupRunner.Member m) {
        if (m.judged().passed()) {
            return SeedSelection.Draw.RIGHT;
        }
        return m.rollout().getThoughtEndsCount() > 0
                ? SeedSelection.Draw.WRONG
                : SeedSelection.Draw.WRONG_WITHOUT_THOUGHTS;
    }

    private Continued continued(
            String id,
            StartState start,
            GroupRunner.Member failed,
            Seeds seed,
            PolicyVersion policy,
            AtomicInteger errors) {
        Rollout rollout = failed.rollout();
        long from = System.nanoTime();
        try {
            Localization found = localize(id, rollout, start.getProblemId(), seed, policy);
            if (found.hasFailed() && !Services.failure(found.getFailed()).code().retryable()) {
                return new Continued.Refused(Services.failure(found.getFailed()));
            }
            Named named =
                    switch (found.getOutcomeCase()) {
                        case STEP ->
                            new Named(
                                    found.getStep(),
                                    found.hasComparison()
                                            ? OptionalInt.of(
                                                    found.getComparison().getFirstError())
                                            : OptionalInt.empty(),
                                    found.getComparison().getEffectiveDeviation());
                        case NO_ERROR ->
                            instead(
                                    spec.file().text("resets.on_no_error"),
                                    rollout,
                                    seed,
                                    "the localizer found no error");
                        case UNPARSEABLE ->
                            instead(
                                    spec.file().text("resets.on_unparseable"),
                                    rollout,
                                    seed,
                                    "the localizer's answer cannot be read: " + found.getUnparseable());
                        case FAILED -> throw Services.failure(found.getFailed());
                        case QUESTIONS, OUTCOME_NOT_SET ->
                            throw new FootholdException(
                                    ErrorCode.PEER_UNAVAILABLE, "the localizer named nothing after its answers came");
                    };
            double localizing = seconds(from);
            int thought = Math.max(1, named.step() - spec.file().count("resets.offset"));
            GroupRunner.Group group = groups.train(
                    id, reset(start, rollout, thought), spec.split().suffixes(), seed, policy, errors);
            Outcome outcome = new Outcome(
                    thought,
                    named.firstError(),
                    named.effectiveDeviation(),
                    group.members().size(),
                    group.passes());
            watch(outcome);
            return new Continued.Suffixes(
                    group,
                    new GroupRunner.Continuation(start.getProblemId(), rollout, outcome),
                    localizing,
                    seconds(from) - localizing);
        } catch (RuntimeException e) {
            return new Continued.Dropped("no suffixes of rollout " + rollout.getId() + ": "
                    + FootholdException.of(e).text());
        }
    }

    private Named instead(String consequence, Rollout rollout, Seeds seed, String why) {
        int thoughts = rollout.getThoughtEndsCount();
        int step =
                switch (consequence) {
                    case "random" -> 1 + seed.split("instead").generator().nextInt(thoughts);
                    case "first" -> 1;
                    case "last" -> thoughts;
                    default -> throw new FootholdException(ErrorCode.INVALID_DATA, why);
                };
        return new Named(step, OptionalInt.empty(), 0);
    }

    private Localization localize(String id, Rollout rollout, String problemId, Seeds seed, PolicyVersion policy) {
        LocalizeWork.Builder work = spec.localization()
                .setRolloutId(rollout.getId())
                .addAllThoughts(thoughts(rollout))
                .setSeed(seed.split("localizer").nonNegative())
                .setProblem(groups.problem(problemId).getStatement())
                .addAllResponseTokenIds(response(rollout))
                .addAllThoughtEnds(rollout.getThoughtEndsList());
        if (spec.file().flag("resets.compare_with_oracle") || work.getMode() == LocalizerMode.LOCALIZER_MODE_ORACLE) {
            work.addAllOracleThoughts(groups.problem(problemId).getOracleThoughtsList());
        }
        if (fellBack()) {
            work.setMode(LocalizerMode.LOCALIZER_MODE_RANDOM);
        }
        Localization found = services.localize(work.build()).join();
        if (!found.hasQuestions()) {
            return found;
        }
        Questions questions = found.getQuestions();
        List<Rollout> answers = groups.answers(
                id + "/q",
                questions.getStartsList().stream()
                        .map(s -> s.toBuilder().setProblemId(problemId).build())
                        .toList(),
                spec.conversing(questions.getSettings()),
                seed.split("questions"),
                policy);
        return services.localize(work.addAllAnswers(answers).build()).join();
    }

    /** The exact tokens in front of the thought are kept; the prompt is the seed's, oracle prefix and all. */
    private StartState reset(StartState start, Rollout seed, int thought) {
        int thoughts = seed.getThoughtEndsCount();
        if (thought > thoughts + 1) {
            throw new FootholdException(
                    ErrorCode.INVALID_INPUT,
                    "a reset to thought " + thought + " lies beyond rollout " + seed.getId() + ", which has "
                            + thoughts);
        }
        int kept = thought == 1 ? 0 : seed.getThoughtEnds(thought - 2);
        int limit = spec.tokenLimit(start) - (kept - seed.getPrefixTokenIdsCount());
        if (limit < 1) {
            throw new FootholdException(
                    ErrorCode.INVALID_INPUT,
                    "a reset of rollout " + seed.getId() + " to thought " + thought + " leaves no token to sample");
        }
        return StartState.newBuilder()
                .setProblemId(start.getProblemId())
                .setReset(Reset.newBuilder()
                        .setRolloutId(seed.getId())
                        .setThought(thought)
                        .setTokens(kept))
                .setPrompt(start.getPrompt())
                .addAllPromptTokenIds(seed.getPromptTokenIdsList())
                .addAllPrefixTokenIds(response(seed).subList(0, kept))
                .setMaxTokens(limit)
                .build();
    }

    /** Given and sampled tokens. */
    static List<Integer> response(Rollout rollout) {
        List<Integer> out = new ArrayList<>(rollout.getPrefixTokenIdsList());
        out.addAll(rollout.getTokenIdsList());
        return out;
    }

    /** The decoded thoughts; text behind the last one is none. */
    static List<String> thoughts(Rollout rollout) {
        String text = rollout.getText();
        return IntStream.range(0, rollout.getThoughtTextEndsCount())
                .mapToObj(i -> text.substring(
                        i == 0 ? 0 : text.offsetByCodePoints(0, rollout.getThoughtTextEnds(i - 1)),
                        text.offsetByCodePoints(0, rollout.getThoughtTextEnds(i))))
                .toList();
    }

    private synchronized void watch(Outcome outcome) {
        double least = spec.file().number("resets.min_clean_share");
        if (least == 0 || outcome.firstError().isEmpty()) {
            return;
        }
        lately.add(outcome.clean());
        if (lately.size() > WATCHED) {
            lately.poll();
        }
        fellBack |= lately.size() == WATCHED
                && lately.stream().filter(clean -> clean).count() < least * WATCHED;
    }

    /** Whether too few of the last resets were clean, so that thoughts are chosen at random from now on. */
    synchronized boolean fellBack() {
        return fellBack;
    }
}
