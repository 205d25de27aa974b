package io.foothold.learner.train;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.loss.CreditPlan;
import io.foothold.core.loss.LossRule;
import io.foothold.core.loss.Tokens;
import io.foothold.core.policy.Canary;
import io.foothold.policy.Disk;
import io.foothold.policy.FileContent;
import io.foothold.policy.PolicyException;
import io.foothold.policy.Trainer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * One run's policy under training. When an update fails, the object must be thrown away: what is on disk is the last checkpoint
 * and the manifests, and opening the run again begins there. Owned by one thread.
 */
public final class LearnerRun implements AutoCloseable {
    private static final Logger LOG = Logger.getLogger(LearnerRun.class);
    private static final String WEIGHTS = "model.safetensors";

    private final RunSettings settings;
    private final RunStore store;
    private final CheckpointStore checkpoints;
    private final List<String> damaged;
    private final TensorBackend backend;
    private final CanaryMaker canaries;
    private long update;
    private long version;
    private long checkpointed;
    private RunStore.Artefact artefact;

    /**
     * Opens a run where its newest whole checkpoint left it, or at the base policy.
     *
     * @param basePolicy Hugging Face directory
     * @param home directory of this run's files
     * @throws FootholdException {@link ErrorCode#CONFLICT} when the checkpoint was made with other settings,
     *     {@link ErrorCode#INVALID_DATA} naming the files when every checkpoint is damaged
     */
    public LearnerRun(Path basePolicy, Path home, RunSettings settings) {
        this(basePolicy, home, settings, Disk.REAL);
    }

    /** The same on another disk. */
    public LearnerRun(Path basePolicy, Path home, RunSettings settings, Disk disk) {
        this(basePolicy, new RunStore(home, disk), settings, DjlBackend::open);
    }

    /** The same with other files and another backend. */
    public LearnerRun(Path basePolicy, RunStore store, RunSettings settings, TensorBackend.Opener opener) {
        this.settings = settings;
        this.store = store;
        this.checkpoints = store.checkpoints(settings.checkpoints().kept());
        checkpoints.recover();
        store.copy().restore();
        CheckpointStore.Found found = checkpoints.newest(settings.text());
        this.damaged = List.copyOf(found.damaged());
        Optional<CheckpointStore.Checkpoint> checkpoint = found.checkpoint();
        this.backend = opener.open(
                basePolicy,
                settings,
                checkpoint.map(CheckpointStore.Checkpoint::directory),
                checkpoint.map(c -> c.state().optimizerSteps()).orElse(0L));
        try {
            checkpoint.ifPresent(c -> {
                update = c.state().update();
                version = c.state().version();
                checkpointed = update;
            });
            this.artefact = store.writeArtefact(backend::export, backend::exportAdapter);
            this.canaries = new CanaryMaker(settings.seed(), backend);
        } catch (RuntimeException | Error e) {
            backend.close();
            throw e;
        }
    }

    /** Whether it can still be used; after an exception of {@link #train} it must not, whatever this says. */
    public boolean alive() {
        return backend.alive();
    }

    /** The last update in the weights. */
    public long update() {
        return update;
    }

    /** The policy version of the weights. */
    public long version() {
        return version;
    }

    /** The last update that a durable checkpoint holds. */
    public long checkpointed() {
        return store.copy().checkpointed(checkpointed);
    }

    /** The oldest update that the run can go on from, should newer checkpoints be lost; 0 for the base policy. */
    public long oldestKept() {
        return store.copy().oldestKept(checkpoints.oldestKept());
    }

    /** Checkpoints that were passed over when the run was opened, each with its files and what is wrong with them. */
    public List<String> damagedCheckpoints() {
        return damaged;
    }

    /** The artefact of the weights. */
    public RunStore.Artefact artefact() {
        return artefact;
    }

    /** An artefact as adapters; empty when all weights are trained, or when they are gone. */
    public Optional<RunStore.Adapter> adapter(String artefactName) {
        return store.adapter(artefactName);
    }

    /** What an inference server has to compute under the artefact's weights. */
    public Canary canary() {
        return canaries.of(backend);
    }

    /** The canonical text of the settings. */
    public String settingsText() {
        return settings.text();
    }

    /** The manifest of an update that was done, if it is known. */
    public Optional<Manifest> manifest(long number) {
        return store.readManifest(number);
    }

    /** The run's artefacts. */
    public RunStore store() {
        return store;
    }

    /**
     * How likely solutions are under the weights, at the temperature that the run trains at; see {@link GivenSolutions}.
     *
     * @throws FootholdException {@link ErrorCode#CONFLICT} when the weights are of another version
     */
    public List<GivenSolutions.Score> score(List<GivenSolutions.Solution> solutions, long policyVersion) {
        if (policyVersion != version) {
            throw new FootholdException(
                    ErrorCode.CONFLICT,
                    "solutions are to be scored under policy version " + policyVersion + ", the weights are of version "
                            + version);
        }
        return GivenSolutions.score(backend, solutions, settings.temperature());
    }

    /** Temperature that the run trains at. */
    public double temperature() {
        return settings.temperature();
    }

    /** Does the next update. After an exception this object is of no further use. */
    public Manifest train(long number, List<TrainGroup> groups) {
        if (number != update + 1) {
            throw new FootholdException(ErrorCode.WRONG_STATE, "update " + number + " cannot follow update " + update);
        }
        try {
            Manifest manifest = learn(number, TrainedSequences.ended(groups, backend.endTokens()));
            store.writeManifest(manifest);
            if (number % settings.checkpoints().every() == 0) {
                checkpoint("", update);
            }
            return manifest;
        } catch (PolicyException e) {
            throw new FootholdException(ErrorCode.INTERNAL, "update " + number + ": " + e.getMessage(), e);
        }
    }

    private Manifest learn(long number, List<TrainGroup> groups) {
        List<TrainGroup.Member> all =
                groups.stream().flatMap(g -> g.members().stream()).toList();
        PrivilegedTeacher teacher = new PrivilegedTeacher(
                settings.learning().distillation(), all, advantages(groups), backend, settings.temperature());
        double[] advantages = teacher.means();
        UpdateStatistics statistics = new UpdateStatistics(
                groups, advantages, version, settings.learning().maskTruncated());
        List<Trainer.@Nullable Score> beginning = Arrays.asList(new Trainer.@Nullable Score[all.size()]);
        if (number == 1) {
            score(all, IntStream.range(0, all.size()).toArray(), beginning);
            compareScored(all, beginning, statistics);
            checkDifference(statistics, number);
        } else if (settings.mismatch().corrects()) {
            // What carries no credit has none to correct.
            score(
                    all,
                    IntStream.range(0, all.size())
                            .filter(i -> advantages[i] != 0 && all.get(i).sampled().length > 0)
                            .toArray(),
                    beginning);
        }
        ProximalPolicy proximal = new ProximalPolicy(settings.mismatch(), all, beginning);
        if (number == 1 || settings.mismatch().corrects()) {
            statistics.importance(proximal.statistics());
        }
        int perStep = settings.steps().groupsPerStep() == 0
                ? groups.size()
                : settings.steps().groupsPerStep();
        int steps = 0;
        for (int epoch = 0; epoch < settings.steps().epochs(); epoch++) {
            int from = 0;
            for (int g = 0; g < groups.size(); g += perStep) {
                List<TrainGroup.Member> part = groups.subList(g, Math.min(groups.size(), g + perStep)).stream()
                        .flatMap(group -> group.members().stream())
                        .toList();
                boolean first = steps == 0;
                if (step(part, teacher, from, proximal, statistics, first, number)) {
                    steps++;
                }
                from += part.size();
            }
        }
        update = number;
        if (steps > 0) {
            version++;
            canaries.forget();
            artefact = store.writeArtefact(backend::export, backend::exportAdapter);
        }
        List<Manifest.Advantage> given = new ArrayList<>();
        for (int i = 0; i < all.size(); i++) {
            given.add(new Manifest.Advantage(all.get(i).rolloutId(), advantages[i]));
        }
        Map<String, Double> metrics = new LinkedHashMap<>(statistics.metrics());
        metrics.putAll(teacher.metrics());
        metrics.put("optimizer_steps", (double) steps);
        metrics.put("learning_rate", settings.optimizer().schedule().at(Math.max(1, backend.steps())));
        return new Manifest(
                number,
                version,
                artefact.name(),
                artefact.digest(),
                steps,
                statistics.groupsWithSignal(),
                given,
                metrics);
    }

    /** One optimizer step; false when nothing carries a gradient, or the gradient is not finite and the step was skipped. */
    private boolean step(
            List<TrainGroup.Member> part,
            PrivilegedTeacher teacher,
            int from,
            ProximalPolicy proximal,
            UpdateStatistics statistics,
            boolean first,
            long number) {
        List<CreditPlan.Member> members = new ArrayList<>();
        double[] advantages = teacher.planned();
        for (int i = 0; i < part.size(); i++) {
            TrainGroup.Member m = part.get(i);
            int unmasked = settings.learning().trainGiven() ? m.given().length : 0;
            boolean masked = settings.learning().maskTruncated() && m.truncated();
            members.add(new CreditPlan.Member(
                    m.prompt().length,
                    m.given().length - unmasked,
                    masked ? 0 : m.sampled().length + unmasked,
                    masked ? 0 : advantages[from + i],
                    m.offPolicy()));
        }
        CreditPlan plan = teacher.taught(proximal.corrected(CreditPlan.of(settings.loss(), members), from), from);
        List<float[]> denominators = IntStream.range(from, from + part.size())
                .mapToObj(proximal::logProbs)
                .toList();
        if (!plan.hasSignal() && !settings.loss().isRegularised()) {
            return false;
        }
        List<Trainer.Sequence> sequences = settings.learning().trainGiven()
                ? TrainedSequences.unmasked(part)
                : TrainedSequences.of(part, denominators);
        Trainer.Accumulated sum = backend.accumulate(sequences, plan, ofStep(sequences, plan), settings.temperature());
        List<Trainer.@Nullable Score> scores =
                settings.learning().trainGiven() ? TrainedSequences.ofSampled(part, sum.scores()) : sum.scores();
        statistics.ratios(part, scores, denominators, settings.loss());
        if (first) {
            compareScored(part, scores, statistics);
            checkDifference(statistics, number);
            if (number > 1 && !settings.mismatch().corrects()) {
                // The weights are those that the update begins with until the first step is taken.
                statistics.importance(new ProximalPolicy(settings.mismatch(), part, scores).statistics());
            }
        }
        TensorBackend.Stepped stepped = backend.step(settings.optimizer().at(backend.steps() + 1));
        if (stepped.taken()) {
            statistics.stepped(sum.loss(), stepped.norm());
        } else {
            LOG.warnf("update %d: the gradient norm is %s, a step was skipped", number, stepped.norm());
            statistics.skipped();
        }
        return stepped.taken();
    }

    /** The loss of a step: where it looks at all of the step's tokens, they are scored first. */
    private LossRule ofStep(List<Trainer.Sequence> sequences, CreditPlan plan) {
        LossRule rule = settings.loss();
        if (!rule.loss().looksAtStep()) {
            return rule;
        }
        int[] use = IntStream.range(0, sequences.size())
                .filter(i -> plan.rollouts().get(i).member().sampledTokens() > 0
                        && !plan.rollouts().get(i).member().offPolicy())
                .toArray();
        List<Trainer.Score> scores =
                backend.score(Arrays.stream(use).mapToObj(sequences::get).toList(), settings.temperature());
        List<Tokens> step = new ArrayList<>();
        for (int i = 0; i < use.length; i++) {
            step.add(scores.get(i)
                    .tokens(plan.rollouts().get(use[i]), sequences.get(use[i]).behaviour()));
        }
        return rule.with(rule.loss().over(step));
    }

    /** Scores some of the members; the others keep what they have. */
    private void score(List<TrainGroup.Member> all, int[] which, List<Trainer.@Nullable Score> out) {
        List<TrainGroup.Member> members =
                Arrays.stream(which).mapToObj(all::get).toList();
        List<Trainer.Score> scores = backend.score(
                TrainedSequences.of(
                        members,
                        members.stream().map(TrainGroup.Member::logProbs).toList()),
                settings.temperature());
        for (int i = 0; i < which.length; i++) {
            out.set(which[i], scores.get(i));
        }
    }

    private static void compareScored(
            List<TrainGroup.Member> part, List<Trainer.@Nullable Score> scores, UpdateStatistics statistics) {
        List<TrainGroup.Member> members = new ArrayList<>();
        List<Trainer.Score> known = new ArrayList<>();
        for (int i = 0; i < part.size(); i++) {
            Trainer.Score score = scores.get(i);
            if (score != null) {
                members.add(part.get(i));
                known.add(score);
            }
        }
        statistics.compare(members, known);
    }

    private void checkDifference(UpdateStatistics statistics, long number) {
        if (statistics.largestDifference() > settings.computation().maxLogProbDifference()) {
            throw new FootholdException(
                    ErrorCode.INTERNAL,
                    "update " + number + ": sampler and learner disagree by " + statistics.largestDifference()
                            + " nats on a token of version " + version + " (bound "
                            + settings.computation().maxLogProbDifference()
                            + "): they do not run the same policy, or round more than max_log_prob_difference allows");
        }
    }

    private double[] advantages(List<TrainGroup> groups) {
        return settings
                .learning()
                .estimator()
                .together(groups.stream()
                        .map(g -> g.scored(settings.learning().weights()))
                        .toList())
                .stream()
                .flatMapToDouble(Arrays::stream)
                .toArray();
    }

    /**
     * Writes a checkpoint.
     *
     * @param label keeps it apart from retention; empty for an ordinary one
     * @param number the update whose weights are meant: the last one, or with a label an earlier one, of which the weights alone
     *     are written
     * @throws FootholdException {@link ErrorCode#WRONG_STATE} when that update is not there any more or not yet
     */
    public void checkpoint(String label, long number) {
        if (number == update) {
            checkpoints.write(
                    label,
                    new CheckpointStore.State(update, version, backend.steps(), settings.text()),
                    backend.modelFiles(),
                    backend::save);
        } else {
            checkpointOfEarlier(label, number);
        }
        if (label.isEmpty()) {
            checkpointed = update;
        }
        store.copy().written(label.isEmpty() ? Long.toString(number) : label);
        LOG.infof("checkpoint %s of update %d written", label.isEmpty() ? Long.toString(number) : label, number);
    }

    private void checkpointOfEarlier(String label, long number) {
        Manifest then = label.isEmpty() || number > update
                ? null
                : store.readManifest(number).orElse(null);
        if (then == null || !Files.exists(store.artefactFile(then.artefact()))) {
            throw new FootholdException(
                    ErrorCode.WRONG_STATE,
                    "a checkpoint of update " + number + " cannot be written: the run is at update " + update);
        }
        Map<String, FileContent> files = new LinkedHashMap<>(backend.modelFiles());
        files.put(WEIGHTS, store.whole(then.artefact(), then.digest()));
        checkpoints.write(
                label,
                new CheckpointStore.State(number, then.policyVersion(), 0, settings.text()),
                files,
                CheckpointStore.Part.NONE);
    }

    @Override
    public void close() {
        store.copy().close();
        backend.close();
    }
}
