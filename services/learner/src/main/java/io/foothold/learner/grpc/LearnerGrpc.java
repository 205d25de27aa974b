package io.foothold.learner.grpc;

import com.google.common.primitives.Floats;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FailureLog;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.files.Roots;
import io.foothold.contracts.flow.CreditedService;
import io.foothold.contracts.flow.ReadableMessages;
import io.foothold.contracts.log.LogIds;
import io.foothold.contracts.metric.Metric;
import io.foothold.contracts.names.Name;
import io.foothold.contracts.trace.Trace;
import io.foothold.learner.config.LearnerConfig;
import io.foothold.learner.torch.TorchBackend;
import io.foothold.learner.torch.TorchOptions;
import io.foothold.learner.train.DjlBackend;
import io.foothold.learner.train.LearnerRun;
import io.foothold.learner.train.Manifest;
import io.foothold.learner.train.RunLease;
import io.foothold.learner.train.RunSettings;
import io.foothold.learner.train.RunStore;
import io.foothold.learner.train.TensorBackend;
import io.foothold.policy.Disk;
import io.foothold.policy.PolicyDirectory;
import io.foothold.store.ArtefactStore;
import io.foothold.store.ConfiguredStore;
import io.foothold.v1.*;
import io.grpc.ServerServiceDefinition;
import io.micrometer.core.instrument.MeterRegistry;
import io.quarkus.grpc.GrpcService;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import jakarta.annotation.PreDestroy;
import jakarta.inject.Inject;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import org.jboss.logging.Logger;

/** Learning over a credited stream. Everything that touches tensors runs on one thread. */
@GrpcService
public final class LearnerGrpc extends MutinyLearnerServiceGrpc.LearnerServiceImplBase {
    private static final Logger LOG = Logger.getLogger(LearnerGrpc.class);

    private final LearnerConfig config;
    private final Roots roots;
    private final MeterRegistry metrics;
    private final Disk disk;
    private final StoredRuns stored;
    private final ExecutorService thread = Executors.newSingleThreadExecutor(Thread.ofPlatform()
            .daemon()
            .name("learner")
            .priority(Thread.MAX_PRIORITY)
            .factory());
    private final RunLease lease = new RunLease(System::nanoTime);
    private final Map<String, LearnerRun> runs = new HashMap<>();
    private final Map<String, Assembly> assemblies = new ConcurrentHashMap<>();
    private final Map<String, AtomicReference<Double>> gauges = new ConcurrentHashMap<>();
    private final CreditedService<TrainRequest, TrainResponse> service;

    /** Configured by the container. */
    @Inject
    public LearnerGrpc(LearnerConfig config, Roots roots, MeterRegistry metrics, ConfiguredStore store) {
        this(config, roots, metrics, Disk.REAL, store.store());
    }

    /** The same without an object store. */
    public LearnerGrpc(LearnerConfig config, Roots roots, MeterRegistry metrics) {
        this(config, roots, metrics, Disk.REAL);
    }

    LearnerGrpc(LearnerConfig config, Roots roots, MeterRegistry metrics, Disk disk) {
        this(config, roots, metrics, disk, Optional.empty());
    }

    private LearnerGrpc(
            LearnerConfig config, Roots roots, MeterRegistry metrics, Disk disk, Optional<ArtefactStore> store) {
        this.disk = disk;
        this.stored = new StoredRuns(store, disk);
        this.config = config;
        this.roots = roots;
        this.metrics = metrics;
        this.service = new CreditedService<>(
                "training",
                CreditedService.Shape.of(
                        TrainRequest::getCredit,
                        c -> TrainResponse.newBuilder().setCredit(c).build(),
                        Messages::failed),
                config.window(),
                this::accept);
        Metric.work(metrics, "learner", service.work());
    }

    @Override
    public ServerServiceDefinition bindService() {
        return ReadableMessages.of(super.bindService());
    }

    @Override
    public Uni<OpenRunResponse> openRun(OpenRunRequest request) {
        RunLease.Holder holder;
        try {
            holder = holder(request.getRunId(), request.getHolder());
            // Here and not behind what is being computed: whoever does not get the learner hears it at once.
            lease.take(holder);
        } catch (FootholdException e) {
            return Uni.createFrom()
                    .failure(FailureLog.told(LOG, "opening a run", e).toStatus());
        }
        return onThread(() -> {
            try (LogIds ids = LogIds.ofRun(holder.run())) {
                return open(request);
            } finally {
                if (!runs.containsKey(holder.run())) {
                    lease.release(holder);
                }
            }
        });
    }

    /** The directory of a base policy; one that holds adapters has another one opened, which a caller names in a file of it. */
    private Path basePolicy(String given) {
        Path base = roots.directory("base policy", given);
        PolicyDirectory.adaptedBase(base)
                .ifPresent(own -> roots.directory("base model of the adapters in " + given, own.toString()));
        return base;
    }

    private static RunLease.Holder holder(String runId, RunHolder who) {
        return new RunLease.Holder(runId, who.getIncarnation(), who.getToken());
    }

    private OpenRunResponse open(OpenRunRequest request) {
        Path base = basePolicy(request.getBasePolicy());
        Optional<TorchOptions> torch = SettingsReader.torch(request.getSettings(), base);
        RunSettings settings = torch.isPresent()
                ? SettingsReader.torchSettings(request.getSettings(), base)
                : SettingsReader.settings(
                        request.getSettings(), PolicyDirectory.open(base).config());
        LearnerRun run = runs.get(request.getRunId());
        if (run != null && !run.alive()) {
            runs.remove(request.getRunId());
            closeQuietly(run, request.getRunId());
            run = null;
        }
        if (run != null && !run.settingsText().equals(settings.text())) {
            throw new FootholdException(
                    ErrorCode.CONFLICT, "run " + request.getRunId() + " is open with other settings");
        }
        if (run == null) {
            // One policy in memory at a time: what is still open is of a run that lost the learner.
            runs.values().forEach(LearnerRun::close);
            runs.clear();
            assemblies.clear();
            TensorBackend.Opener opener = torch.isPresent()
                    ? TorchBackend.opener(Path.of(config.torchPackage()), torch.get())
                    : DjlBackend.opener(SettingsReader.device(request.getSettings()));
            Path home = home(request.getRunId());
            Path begin = Messages.warmStart(request)
                    .map(warm -> warm.policy(base, home, settings, disk, opener))
                    .orElse(base);
            run = new LearnerRun(begin, stored.files(request.getRunId(), home, settings), settings, opener);
            runs.put(request.getRunId(), run);
            LOG.infof("run %s opened at update %d, policy version %d", request.getRunId(), run.update(), run.version());
        }
        RunStore.Artefact artefact = run.artefact();
        OpenRunResponse.Builder out = OpenRunResponse.newBuilder()
                .setUpdate(run.update())
                .setPolicyVersion(run.version())
                .setArtefactUri(Messages.uri(run, artefact.name()))
                .setDigest(artefact.digest())
                .setCheckpointedUpdate(run.checkpointed())
                .addAllDamagedCheckpoints(run.damagedCheckpoints())
                .setCanary(Messages.canary(run));
        Messages.adapter(run, artefact.name()).ifPresent(out::setAdapter);
        return out.build();
    }

    @Override
    public Uni<AwaitStoredResponse> awaitStored(AwaitStoredRequest request) {
        return stored.await(request);
    }

    @Override
    public Uni<KeepRunResponse> keepRun(KeepRunRequest request) {
        return answered("keeping a run", () -> KeepRunResponse.newBuilder()
                .setHeld(lease.keep(holder(request.getRunId(), request.getHolder())))
                .build());
    }

    @Override
    public Uni<CloseRunResponse> closeRun(CloseRunRequest request) {
        // Behind what is being computed, and so is letting go: between the two a later holder may have opened the run.
        return onThread(() -> {
            RunLease.Holder holder = holder(request.getRunId(), request.getHolder());
            try (LogIds ids = LogIds.ofRun(holder.run())) {
                if (lease.release(holder)) {
                    close(holder.run());
                }
            }
            return CloseRunResponse.getDefaultInstance();
        });
    }

    /** At once, on the thread that asks. */
    private static <T> Uni<T> answered(String what, Supplier<T> work) {
        return Uni.createFrom().item(() -> {
            try {
                return work.get();
            } catch (RuntimeException e) {
                throw FailureLog.told(LOG, what, e).toStatus();
            }
        });
    }

    private void close(String runId) {
        assemblies.keySet().removeIf(key -> key.startsWith(runId + "/"));
        LearnerRun run = runs.remove(runId);
        if (run != null) {
            run.close();
            LOG.infof("run %s closed at update %d", runId, run.update());
        }
    }

    private Path home(String runId) {
        return Name.of("run id", runId).below(Path.of(config.home())).resolve("learner");
    }

    @Override
    public Multi<TrainResponse> train(Multi<TrainRequest> request) {
        return service.serve(request);
    }

    private Runnable accept(TrainRequest request, CreditedService.Results<TrainResponse> results) {
        TrainGroup group = request.getGroup();
        lease.heardOf(group.getRunId());
        String key = group.getRunId() + "/" + group.getUpdate();
        Assembly assembly = assemblies.computeIfAbsent(key, k -> new Assembly());
        while (!assembly.add(group, results)) {
            assemblies.remove(key, assembly);
            assembly = assemblies.computeIfAbsent(key, k -> new Assembly());
        }
        Assembly joined = assembly;
        try {
            thread.execute(() -> attend(key, group, joined));
        } catch (RejectedExecutionException e) {
            throw new FootholdException(ErrorCode.DRAINING, "the learner is shutting down", e);
        }
        return () -> {};
    }

    /**
     * Finishes what a group made complete. After a learner or a stream was lost, groups come again without those whose outcome had got
     * through: of an update that was done, or of a run that is not open here, they are answered by themselves.
     */
    private void attend(String key, TrainGroup group, Assembly assembly) {
        LearnerRun run = runs.get(group.getRunId());
        boolean known = run == null || group.getUpdate() <= run.update();
        if (assembly.take(group.getGroupsInUpdate(), known)) {
            assemblies.remove(key, assembly);
            finish(group.getRunId(), group.getUpdate(), group.getGroupsInUpdate(), assembly);
        }
    }

    private void finish(String runId, long update, int groups, Assembly assembly) {
        UpdateManifest manifest = null;
        FootholdException failure = null;
        List<TrainGroup> batch = List.copyOf(assembly.groups.values());
        List<Trace.Part> parts = batch.stream()
                .map(g -> Trace.follow("train", g.getTrace())
                        .with("run", runId)
                        .with("update", update)
                        .with("group", g.getGroupId()))
                .toList();
        try (LogIds ids = LogIds.ofRun(runId).update(update)) {
            try {
                UpdateManifest done = train(runId, update, batch);
                parts.forEach(part -> part.with("policy_version", done.getPolicyVersion()));
                manifest = done;
            } catch (Throwable t) {
                FootholdException told = failure(runId, update, t);
                parts.forEach(part -> part.failed(told));
                failure = told;
            }
        }
        parts.forEach(Trace.Part::close);
        for (var entry : assembly.waiting.entrySet()) {
            GroupOutcome.Builder outcome =
                    GroupOutcome.newBuilder().setRunId(runId).setUpdate(update).setIndex(entry.getKey());
            if (failure != null) {
                outcome.setFailure(failure.toItemFailure());
            } else if (manifest != null && entry.getKey() == groups - 1) {
                outcome.setManifest(manifest);
            }
            entry.getValue().emit(TrainResponse.newBuilder().setOutcome(outcome).build());
            entry.getValue().done();
        }
    }

    /** Whatever it is: the groups of the update are waited for. An error of the machine's is no reason not to try once more. */
    private static FootholdException failure(String runId, long update, Throwable t) {
        FootholdException told = FailureLog.told(LOG, "run " + runId + ", update " + update, Messages.translated(t));
        return t instanceof Error
                ? new FootholdException(
                        ErrorCode.WRONG_STATE,
                        "run " + runId + " is not open any more, update " + update + " was broken off: " + told.text(),
                        t)
                : told;
    }

    /** All or nothing: after a failure the weights are unknown, so the run begins at its checkpoint when it is opened again. */
    private Manifest trained(LearnerRun run, String runId, long update, List<TrainGroup> groups) {
        boolean whole = false;
        try {
            Manifest manifest =
                    run.train(update, groups.stream().map(Messages::group).toList());
            whole = true;
            return manifest;
        } finally {
            if (!whole) {
                runs.remove(runId);
                closeQuietly(run, runId);
            }
        }
    }

    /** What is wrong with it is told already. */
    private static void closeQuietly(LearnerRun run, String runId) {
        try {
            run.close();
        } catch (Throwable t) {
            LOG.errorf(t, "run %s could not be closed", runId);
        }
    }

    private UpdateManifest train(String runId, long update, List<TrainGroup> groups) {
        LearnerRun run = opened(runId);
        if (update > run.update() + 1) {
            throw new FootholdException(
                    ErrorCode.WRONG_STATE,
                    "update " + update + " cannot follow update " + run.update() + " of run " + runId);
        }
        long start = System.nanoTime();
        Manifest manifest = update <= run.update()
                ? run.manifest(update)
                        .orElseThrow(() -> new FootholdException(
                                ErrorCode.NOT_FOUND, "run " + runId + " has no manifest of update " + update))
                : trained(run, runId, update, groups);
        Metric.LEARNER_UPDATE.timer(metrics).record(System.nanoTime() - start, TimeUnit.NANOSECONDS);
        manifest.metrics().forEach((name, value) -> gauge(name).set(value));
        return Messages.manifest(run, runId, update, manifest);
    }

    private AtomicReference<Double> gauge(String name) {
        return gauges.computeIfAbsent(name, n -> {
            AtomicReference<Double> value = new AtomicReference<>(0.0);
            Metric.UPDATE_NUMBERS.of(n, metrics, value, AtomicReference::get);
            return value;
        });
    }

    @Override
    public Uni<SaveCheckpointResponse> saveCheckpoint(SaveCheckpointRequest request) {
        return onThread(() -> {
            LearnerRun run = opened(request.getRunId());
            long update = request.hasUpdate() ? request.getUpdate() : run.update();
            try (LogIds ids = LogIds.ofRun(request.getRunId()).update(update)) {
                run.checkpoint(request.getLabel(), update);
            }
            return SaveCheckpointResponse.newBuilder().setUpdate(update).build();
        });
    }

    @Override
    public Uni<ScoreSolutionsResponse> scoreSolutions(ScoreSolutionsRequest request) {
        return onThread(() -> {
            LearnerRun run = opened(request.getRunId());
            ScoreSolutionsResponse.Builder out =
                    ScoreSolutionsResponse.newBuilder().setTemperature(run.temperature());
            run.score(
                            request.getSolutionsList().stream()
                                    .map(Messages::solution)
                                    .toList(),
                            request.getPolicyVersion())
                    .forEach(s -> out.addScores(SolutionScore.newBuilder()
                            .addAllLogProbs(Floats.asList(s.logProbs()))
                            .setEndLogProb(s.endLogProb())
                            .setProblem(s.problem())));
            return out.build();
        });
    }

    private LearnerRun opened(String runId) {
        LearnerRun run = runs.get(runId);
        if (run == null) {
            throw new FootholdException(ErrorCode.WRONG_STATE, "run " + runId + " is not open");
        }
        return run;
    }

    private <T> Uni<T> onThread(Supplier<T> work) {
        return Uni.createFrom()
                .item(() -> {
                    try {
                        return work.get();
                    } catch (Throwable t) {
                        throw FailureLog.told(LOG, "a call", Messages.translated(t))
                                .toStatus();
                    }
                })
                .runSubscriptionOn(thread);
    }

    @PreDestroy
    void stop() {
        thread.execute(() -> runs.values().forEach(LearnerRun::close));
        thread.shutdown();
        stored.close();
        try {
            // What is computed with must not go before the computation is over.
            while (!thread.awaitTermination(10, TimeUnit.SECONDS)) {
                LOG.warn("waiting for the update that is under way");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
