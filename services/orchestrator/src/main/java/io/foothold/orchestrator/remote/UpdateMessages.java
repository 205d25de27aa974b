package io.foothold.orchestrator.remote;

import io.foothold.core.policy.PolicyVersion;
import io.foothold.orchestrator.update.Artefact;
import io.foothold.orchestrator.update.Manifest;
import io.foothold.orchestrator.update.Opened;
import io.foothold.orchestrator.update.ServerState;
import io.foothold.v1.InferenceServerStatus;
import io.foothold.v1.OpenRunResponse;
import io.foothold.v1.PolicyAdapter;
import io.foothold.v1.PolicyCanary;
import io.foothold.v1.PublishPolicyRequest;
import io.foothold.v1.Publisher;
import io.foothold.v1.TrainedRollout;
import io.foothold.v1.UpdateManifest;
import java.util.Optional;

/** Updates and policies in the words of the contracts. */
public final class UpdateMessages {
    private UpdateMessages() {}

    /** A manifest that came or was stored. */
    public static Manifest manifest(UpdateManifest m) {
        return new Manifest(
                m.getRunId(),
                m.getUpdate(),
                new Artefact(
                        new PolicyVersion(m.getPolicyVersion(), m.getDigest()),
                        m.getArtefactUri(),
                        m.hasCanary() ? Optional.of(canary(m.getCanary())) : Optional.empty(),
                        m.hasAdapter() ? Optional.of(adapter(m.getAdapter())) : Optional.empty()),
                new Manifest.Steps(m.getOptimizerSteps(), m.getGroupsWithSignal()),
                m.getRolloutsList().stream()
                        .map(r -> new Manifest.Trained(r.getRolloutId(), r.getAdvantage()))
                        .toList(),
                new Manifest.Kept(m.getCheckpointedUpdate(), m.getOldestKeptUpdate()),
                m.getMetricsMap(),
                m.getSettingsDigest());
    }

    /** A manifest as it is stored: without its canary, which is no part of what an update did. */
    public static UpdateManifest stored(Manifest m) {
        UpdateManifest.Builder out = UpdateManifest.newBuilder()
                .setRunId(m.runId())
                .setUpdate(m.update())
                .setPolicyVersion(m.policyVersion())
                .setArtefactUri(m.artefact().uri())
                .setDigest(m.digest())
                .setOptimizerSteps(m.steps().optimizerSteps())
                .setGroupsWithSignal(m.steps().groupsWithSignal())
                .setCheckpointedUpdate(m.kept().checkpointedUpdate())
                .putAllMetrics(m.metrics())
                .setSettingsDigest(m.settingsDigest())
                .setOldestKeptUpdate(m.kept().oldestUpdate());
        m.rollouts()
                .forEach(r -> out.addRollouts(
                        TrainedRollout.newBuilder().setRolloutId(r.rolloutId()).setAdvantage(r.advantage())));
        m.artefact().adapter().ifPresent(a -> out.setAdapter(message(a)));
        return out.build();
    }

    static Opened opened(OpenRunResponse open) {
        return new Opened(
                open.getUpdate(),
                new Artefact(
                        new PolicyVersion(open.getPolicyVersion(), open.getDigest()),
                        open.getArtefactUri(),
                        open.hasCanary() ? Optional.of(canary(open.getCanary())) : Optional.empty(),
                        open.hasAdapter() ? Optional.of(adapter(open.getAdapter())) : Optional.empty()),
                open.getDamagedCheckpointsList());
    }

    static PublishPolicyRequest publish(Artefact artefact, Holder publisher) {
        PublishPolicyRequest.Builder out = PublishPolicyRequest.newBuilder()
                .setPolicyVersion(artefact.policy().number())
                .setDigest(artefact.policy().digest())
                .setArtefactUri(artefact.uri())
                .setPublisher(message(publisher));
        artefact.canary()
                .ifPresent(c -> out.setCanary(PolicyCanary.newBuilder()
                        .addAllTokenIds(c.tokenIds())
                        .addAllLengths(c.lengths())
                        .addAllLogProbs(c.logProbs())));
        artefact.adapter().ifPresent(a -> out.setAdapter(message(a)));
        return out.build();
    }

    static Publisher message(Holder publisher) {
        return Publisher.newBuilder()
                .setRunId(publisher.runId())
                .setIncarnation(publisher.incarnation())
                .setToken(publisher.token())
                .build();
    }

    static ServerState server(InferenceServerStatus s) {
        return new ServerState(
                s.getEndpoint(),
                s.getHealthy(),
                s.getPolicyVersion(),
                s.getDigest(),
                s.getMaxModelLength(),
                s.getProblem(),
                s.getFrozen(),
                new ServerState.Engine(s.getEngine(), s.getWeightChange(), s.getAdapters()));
    }

    private static Artefact.Canary canary(PolicyCanary c) {
        return new Artefact.Canary(c.getTokenIdsList(), c.getLengthsList(), c.getLogProbsList());
    }

    private static Artefact.Adapter adapter(PolicyAdapter a) {
        return new Artefact.Adapter(a.getUri(), a.getDigest());
    }

    private static PolicyAdapter message(Artefact.Adapter a) {
        return PolicyAdapter.newBuilder().setUri(a.uri()).setDigest(a.digest()).build();
    }
}
