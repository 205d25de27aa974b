package io.foothold.orchestrator.config;

import io.foothold.contracts.flow.NamedReplicas;
import io.foothold.contracts.flow.Replicas;
import io.foothold.orchestrator.remote.GrpcServices;
import io.foothold.orchestrator.remote.OwnVerifiers;
import io.grpc.Channel;
import io.quarkus.grpc.GrpcClient;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.inject.Produces;
import jakarta.inject.Singleton;
import java.util.List;

/** The services that the orchestrator works with, as the container configures them; whoever works with them closes them. */
@ApplicationScoped
class Peers {
    @Produces
    @Singleton
    GrpcServices.Channels channels(
            PeersConfig peers,
            OrchestratorConfig config,
            @GrpcClient("augmentation") Channel augmentation,
            @GrpcClient("learner") Channel learner) {
        return new GrpcServices.Channels(
                augmentation,
                behind(peers.sampler()),
                behind(peers.verifier()),
                behind(peers.localizer()),
                learner,
                OwnVerifiers.of(config.verifiers().orElse(List.of())));
    }

    private static Replicas behind(PeersConfig.Peer peer) {
        return new NamedReplicas(peer.host(), peer.port());
    }
}
