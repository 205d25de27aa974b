package io.foothold.learner.grpc;

import com.google.common.primitives.Floats;
import com.google.common.primitives.Ints;
import com.google.common.primitives.Longs;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.policy.Canary;
import io.foothold.learner.train.GivenSolutions;
import io.foothold.learner.train.LearnerRun;
import io.foothold.learner.train.Manifest;
import io.foothold.learner.train.WarmStart;
import io.foothold.policy.PolicyException;
import io.foothold.policy.PolicyWeights;
import io.foothold.policy.ProcessEndingException;
import io.foothold.v1.*;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;

/** What goes over the wire, made of what the learner has, and the other way. */
final class Messages {
    private Messages() {}

    static PolicyCanary canary(LearnerRun run) {
        Canary canary = run.canary();
        return PolicyCanary.newBuilder()
                .addAllTokenIds(Ints.asList(canary.ids()))
                .addAllLengths(Ints.asList(canary.lengths()))
                .addAllLogProbs(Floats.asList(canary.allLogProbs()))
                .build();
    }

    static Optional<PolicyAdapter> adapter(LearnerRun run, String artefact) {
        return run.adapter(artefact).map(a -> PolicyAdapter.newBuilder()
                .setUri(run.store().uri(a.directory()))
                .setDigest(a.digest())
                .build());
    }

    static String uri(LearnerRun run, String artefact) {
        return run.store().uri(artefact);
    }

    /** What an update of a run did, and what of the run is kept now. */
    static UpdateManifest manifest(LearnerRun run, String runId, long update, Manifest manifest) {
        UpdateManifest.Builder out = UpdateManifest.newBuilder()
                .setRunId(runId)
                .setUpdate(update)
                .setPolicyVersion(manifest.policyVersion())
                .setArtefactUri(uri(run, manifest.artefact()))
                .setDigest(manifest.digest())
                .setOptimizerSteps(manifest.optimizerSteps())
                .setGroupsWithSignal(manifest.groupsWithSignal())
                .setCheckpointedUpdate(run.checkpointed())
                .setOldestKeptUpdate(run.oldestKept())
                .putAllMetrics(manifest.metrics())
                .setSettingsDigest(PolicyWeights.digestOf(run.settingsText().getBytes(StandardCharsets.UTF_8)));
        if (manifest.digest().equals(run.artefact().digest())) {
            out.setCanary(canary(run));
        }
        adapter(run, manifest.artefact()).ifPresent(out::setAdapter);
        manifest.advantages()
                .forEach(a -> out.addRollouts(
                        TrainedRollout.newBuilder().setRolloutId(a.rolloutId()).setAdvantage(a.value())));
        return out.build();
    }

    static io.foothold.learner.train.TrainGroup group(TrainGroup g) {
        return new io.foothold.learner.train.TrainGroup(
                g.getGroupId(),
                g.getMembersList().stream()
                        .map(m -> new io.foothold.learner.train.TrainGroup.Member(
                                m.getRollout().getId(),
                                Ints.toArray(
                                        m.getTrainedPromptTokenIdsCount() > 0
                                                ? m.getTrainedPromptTokenIdsList()
                                                : m.getRollout().getPromptTokenIdsList()),
                                Ints.toArray(m.getRollout().getPrefixTokenIdsList()),
                                Ints.toArray(m.getRollout().getTokenIdsList()),
                                Floats.toArray(m.getRollout().getLogProbsList()),
                                Longs.toArray(m.getRollout().getPolicyVersionsList()),
                                m.getRollout().getFinishReason() == FinishReason.FINISH_REASON_LENGTH,
                                m.getReward(),
                                m.getTrainedPromptTokenIdsCount() > 0,
                                Ints.toArray(m.getTeacherPromptTokenIdsList()),
                                m.getRewardsList()))
                        .toList());
    }

    static GivenSolutions.Solution solution(PromptedSolution s) {
        return new GivenSolutions.Solution(
                Ints.toArray(s.getPromptTokenIdsList()), Ints.toArray(s.getSolutionTokenIdsList()));
    }

    /** What is imitated before the first update; empty for nothing. */
    static Optional<WarmStart> warmStart(OpenRunRequest request) {
        if (!request.getSettings().hasSft()) {
            return Optional.empty();
        }
        SftSettings sft = request.getSettings().getSft();
        return Optional.of(new WarmStart(
                sft.getEpochs(),
                sft.getSolutionsPerStep(),
                sft.getLearningRate(),
                request.getSolutionsList().stream().map(Messages::solution).toList()));
    }

    /** What the policy or core refuses was asked for by the caller or stands in a file. */
    static FootholdException translated(Throwable e) {
        if (e instanceof PolicyException) {
            return new FootholdException(ErrorCode.INVALID_DATA, e.getMessage(), e);
        }
        if (e instanceof ProcessEndingException) {
            return new FootholdException(ErrorCode.DRAINING, "the learner is shutting down", e);
        }
        if (e instanceof IllegalArgumentException) {
            return new FootholdException(ErrorCode.INVALID_INPUT, e.getMessage(), e);
        }
        return FootholdException.of(e);
    }

    static List<TrainResponse> failed(TrainRequest request, FootholdException failure) {
        TrainGroup g = request.getGroup();
        return List.of(TrainResponse.newBuilder()
                .setOutcome(GroupOutcome.newBuilder()
                        .setRunId(g.getRunId())
                        .setUpdate(g.getUpdate())
                        .setIndex(g.getIndex())
                        .setFailure(failure.toItemFailure()))
                .build());
    }
}
