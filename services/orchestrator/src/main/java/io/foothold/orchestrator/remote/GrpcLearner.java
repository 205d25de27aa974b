package io.foothold.orchestrator.remote;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.flow.CreditedStream;
import io.foothold.contracts.flow.StreamCaller;
import io.foothold.contracts.flow.StreamLimits;
import io.foothold.contracts.flow.StreamShape;
import io.foothold.core.settings.RunSettings;
import io.foothold.orchestrator.rollout.TrainGroup;
import io.foothold.orchestrator.update.Manifest;
import io.foothold.orchestrator.update.Opened;
import io.foothold.v1.AwaitStoredRequest;
import io.foothold.v1.CloseRunRequest;
import io.foothold.v1.GroupOutcome;
import io.foothold.v1.KeepRunRequest;
import io.foothold.v1.MutinyLearnerServiceGrpc;
import io.foothold.v1.OpenRunRequest;
import io.foothold.v1.PromptedSolution;
import io.foothold.v1.RunHolder;
import io.foothold.v1.SaveCheckpointRequest;
import io.foothold.v1.ScoreSolutionsRequest;
import io.foothold.v1.ScoreSolutionsResponse;
import io.foothold.v1.TrainRequest;
import io.foothold.v1.TrainResponse;
import io.foothold.v1.UpdateManifest;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

/** A learner behind a connection, as one run sees it. */
final class GrpcLearner implements Learner {
    private final Calls calls;
    private final String name;
    private final MutinyLearnerServiceGrpc.MutinyLearnerServiceStub learner;
    private final CreditedStream<TrainRequest, TrainResponse> training;
    /** The run, towards training, where a stop waits for the update. */
    private final StreamCaller updates;

    GrpcLearner(
            Calls calls,
            String name,
            MutinyLearnerServiceGrpc.MutinyLearnerServiceStub learner,
            CreditedStream<TrainRequest, TrainResponse> training) {
        this.calls = calls;
        this.name = name;
        this.learner = learner;
        this.training = training;
        this.updates = calls.caller(() -> calls.stop().checkUpdate(training::away));
    }

    static CreditedStream<TrainRequest, TrainResponse> stream(
            String name, MutinyLearnerServiceGrpc.MutinyLearnerServiceStub learner, StreamLimits limits) {
        return new CreditedStream<>(
                name,
                StreamShape.of(
                        c -> TrainRequest.newBuilder().setCredit(c).build(),
                        TrainResponse::getCredit,
                        r -> key(
                                r.getOutcome().getRunId(),
                                r.getOutcome().getUpdate(),
                                r.getOutcome().getIndex())),
                learner::train,
                limits);
    }

    @Override
    public Opened openRun(String runId, RunSettings settings, Holder holder, List<Solution> imitated) {
        OpenRunRequest held = new LearnerMessage(settings)
                .open(runId, imitated.stream().map(GrpcLearner::message).toList()).toBuilder()
                        .setHolder(message(holder))
                        .build();
        // Fine-tuning on solutions is done before the answer.
        return UpdateMessages.opened(
                imitated.isEmpty()
                        ? calls.call(name, () -> learner.openRun(held))
                        : calls.longCall(name, () -> learner.openRun(held)));
    }

    @Override
    public void keepRun(Holder holder) {
        var unused = Calls.once(
                name,
                learner.keepRun(KeepRunRequest.newBuilder()
                        .setRunId(holder.runId())
                        .setHolder(message(holder))
                        .build()));
    }

    @Override
    public void closeRun(Holder holder) {
        StopSignal.await(learner.closeRun(CloseRunRequest.newBuilder()
                        .setRunId(holder.runId())
                        .setHolder(message(holder))
                        .build())
                .ifNoItem()
                .after(Calls.RELEASE)
                .fail()
                .subscribeAsCompletionStage());
    }

    @Override
    public Manifest train(List<TrainGroup> groups) {
        List<CompletableFuture<Map<String, TrainResponse>>> futures = new ArrayList<>();
        try {
            for (TrainGroup g : groups) {
                futures.add(training.submit(
                        TrainRequest.newBuilder()
                                .setGroup(BatchMessages.message(g))
                                .build(),
                        List.of(key(g.runId(), g.update(), g.index())),
                        r -> {},
                        updates));
            }
        } catch (FootholdException e) {
            // Without its other groups the batch will not be trained, and nothing of it be answered.
            futures.forEach(f -> f.cancel(false));
            throw e;
        }
        // All of them, also when one failed: what is still under way would be in the way of the same batch sent again.
        var all = CompletableFuture.allOf(futures.toArray(CompletableFuture[]::new));
        calls.stop().awaitUpdate(all.handle((nothing, failure) -> true), training::away);
        UpdateManifest manifest = null;
        for (var future : futures) {
            for (TrainResponse response : StopSignal.await(future).values()) {
                GroupOutcome outcome = response.getOutcome();
                if (outcome.hasFailure()) {
                    throw ItemFailures.failure(outcome.getFailure());
                }
                if (outcome.hasManifest()) {
                    manifest = outcome.getManifest();
                }
            }
        }
        if (manifest == null) {
            throw new FootholdException(ErrorCode.PEER_UNAVAILABLE, name + " gave no manifest");
        }
        return UpdateMessages.manifest(manifest);
    }

    @Override
    public void checkpoint(String runId) {
        var unused = Calls.once(
                name,
                learner.saveCheckpoint(
                        SaveCheckpointRequest.newBuilder().setRunId(runId).build()));
    }

    @Override
    public void checkpoint(String runId, String label, long update) {
        var unused = Calls.once(
                name,
                learner.saveCheckpoint(SaveCheckpointRequest.newBuilder()
                        .setRunId(runId)
                        .setLabel(label)
                        .setUpdate(update)
                        .build()));
    }

    @Override
    public void awaitStored(String runId, String digest) {
        AwaitStoredRequest request = AwaitStoredRequest.newBuilder()
                .setRunId(runId)
                .setDigest(digest)
                .build();
        var unused = calls.longCall(name + " with its object store", () -> learner.awaitStored(request));
    }

    @Override
    public Scores score(String runId, long policyVersion, List<Solution> solutions) {
        ScoreSolutionsRequest.Builder request =
                ScoreSolutionsRequest.newBuilder().setRunId(runId).setPolicyVersion(policyVersion);
        solutions.forEach(s -> request.addSolutions(message(s)));
        ScoreSolutionsResponse response = Calls.once(name, learner.scoreSolutions(request.build()));
        if (response.getScoresCount() != solutions.size()) {
            throw new FootholdException(
                    ErrorCode.INTERNAL,
                    name + " scored " + response.getScoresCount() + " of " + solutions.size() + " solutions");
        }
        return new Scores(
                response.getTemperature(),
                response.getScoresList().stream()
                        .map(s -> new Score(s.getLogProbsList(), s.getEndLogProb(), s.getProblem()))
                        .toList());
    }

    private static PromptedSolution message(Solution s) {
        return PromptedSolution.newBuilder()
                .addAllPromptTokenIds(s.promptTokenIds())
                .addAllSolutionTokenIds(s.tokenIds())
                .build();
    }

    private static RunHolder message(Holder holder) {
        return RunHolder.newBuilder()
                .setIncarnation(holder.incarnation())
                .setToken(holder.token())
                .build();
    }

    private static String key(String runId, long update, int index) {
        return runId + "/" + update + "/" + index;
    }
}
