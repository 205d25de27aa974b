package io.foothold.orchestrator.config;

import io.foothold.contracts.door.PeerChannels;
import io.foothold.contracts.flow.NamedReplicas;
import io.foothold.contracts.flow.Replicas;
import io.foothold.contracts.trace.Trace;
import io.foothold.orchestrator.remote.GrpcServices;
import io.foothold.orchestrator.remote.OwnVerifiers;
import io.grpc.ManagedChannel;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.inject.Disposes;
import jakarta.enterprise.inject.Produces;
import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** The services that the orchestrator works with, as they are configured. */
@ApplicationScoped
class Peers {
    private final PeerChannels channels;
    /** To services of which there is one; those to replicas are closed by whoever works with them. */
    private final List<ManagedChannel> single = new CopyOnWriteArrayList<>();

    @Inject
    Peers(PeerChannels channels) {
        this.channels = channels;
    }

    @Produces
    @Singleton
    GrpcServices.Channels channels(PeersConfig peers, OrchestratorConfig config) {
        return new GrpcServices.Channels(
                one(peers.augmentation()),
                behind(peers.sampler()),
                behind(peers.verifier()),
                behind(peers.localizer()),
                one(peers.learner()),
                OwnVerifiers.of(config.verifiers().orElse(List.of())));
    }

    void close(@Disposes GrpcServices.Channels made) {
        single.forEach(ManagedChannel::shutdownNow);
    }

    private ManagedChannel one(PeersConfig.Peer peer) {
        ManagedChannel channel = channels.peer(peer.host() + ":" + peer.port(), peer.host())
                .intercept(new Trace.Carrying())
                .build();
        single.add(channel);
        return channel;
    }

    private Replicas behind(PeersConfig.Peer peer) {
        return new NamedReplicas(peer.host(), peer.port(), target -> channels.peer(target, peer.host())
                .build());
    }
}
