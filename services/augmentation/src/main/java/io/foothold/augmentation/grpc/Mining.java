package io.foothold.augmentation.grpc;

import io.foothold.augmentation.problems.ProbeLoop;
import io.foothold.augmentation.prompt.Templates;
import io.foothold.core.problem.Problem;
import io.foothold.v1.HardSet;
import io.foothold.v1.MineHardSetRequest;
import io.foothold.v1.MineHardSetResponse;
import io.foothold.v1.MineHardSetStart;
import io.foothold.v1.Probe;
import io.foothold.v1.ProbeOutcome;
import io.foothold.v1.ProblemSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/** The search for the problems that a policy hardly solves. */
final class Mining implements ProbeStream.Session<MineHardSetRequest, MineHardSetResponse> {
    /** A problem that is sampled from its root, and once more when the first samples leave it hard. */
    private static final class Mined implements ProbeLoop.Subject<String> {
        private final Problem problem;
        private final int maxPasses;
        private final boolean twice;
        private int passes;
        private int looks;

        Mined(Problem problem, int maxPasses, boolean twice) {
            this.problem = problem;
            this.maxPasses = maxPasses;
            this.twice = twice;
        }

        @Override
        public String id() {
            return problem.id();
        }

        @Override
        public Optional<Integer> next() {
            return looks == 0 || (looks == 1 && twice && hard()) ? Optional.of(0) : Optional.empty();
        }

        @Override
        public void record(int prefix, int passed, int judged) {
            if (judged > 0) {
                passes += passed;
                looks++;
            }
        }

        boolean hard() {
            return passes <= maxPasses;
        }
    }

    private final MineHardSetStart start;
    private final Templates templates;
    private final List<Mined> subjects;
    private final ProbeLoop<String> loop;
    private long rollouts;

    /**
     * Begins.
     *
     * @param sets loads problems
     */
    Mining(MineHardSetStart start, Function<ProblemSource, Map<String, Problem>> sets) {
        if (start.getSamples() < 1) {
            throw ProblemMessages.invalid("mining needs at least 1 sample a problem, got " + start.getSamples());
        }
        if (start.getSecondSamples() < 0) {
            throw ProblemMessages.invalid("a second look needs at least 0 samples, got " + start.getSecondSamples());
        }
        this.start = start;
        this.templates = ProblemMessages.templates(start.getTemplates());
        this.subjects = sets.apply(start.getSource()).values().stream()
                .map(p -> new Mined(p, start.getMaxPasses(), start.getSecondSamples() > 0))
                .toList();
        this.loop = new ProbeLoop<>(subjects);
    }

    @Override
    public List<MineHardSetResponse> take(MineHardSetRequest request) {
        if (request.hasCredit()) {
            loop.grant(request.getCredit().getItems());
        } else if (request.hasOutcome()) {
            ProbeOutcome o = request.getOutcome();
            rollouts += o.getJudged();
            loop.answer(o.getProbeId(), o.getPasses(), o.getJudged());
        }
        List<MineHardSetResponse> out = new ArrayList<>();
        for (var q = loop.poll(); q.isPresent(); q = loop.poll()) {
            Mined mined = (Mined) q.get().subject();
            out.add(MineHardSetResponse.newBuilder()
                    .setProbe(Probe.newBuilder()
                            .setProbeId(q.get().probeId())
                            .setStart(ProblemMessages.start(mined.problem, 0, templates))
                            .setEarlierLooks(mined.looks)
                            .setRollouts(mined.looks == 0 ? start.getSamples() : start.getSecondSamples()))
                    .build());
        }
        return out;
    }

    @Override
    public Optional<MineHardSetResponse> end() {
        if (!loop.over()) {
            return Optional.empty();
        }
        HardSet.Builder set = HardSet.newBuilder()
                .setTried(subjects.size())
                .setRollouts(rollouts)
                .setLookedAtTwice(
                        (int) subjects.stream().filter(s -> s.looks > 1).count());
        subjects.stream().filter(Mined::hard).forEach(s -> set.addProblemIds(s.id()));
        return Optional.of(MineHardSetResponse.newBuilder().setHardSet(set).build());
    }
}
