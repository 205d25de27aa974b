package io.foothold.orchestrator.config;

import io.foothold.orchestrator.remote.GrpcServices;
import io.grpc.Channel;
import io.quarkus.grpc.GrpcClient;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.inject.Produces;
import jakarta.inject.Singleton;

/** The services that the orchestrator works with, as the container configures them. */
@ApplicationScoped
class Peers {
    @Produces
    @Singleton
    GrpcServices.Channels channels(
            @GrpcClient("augmentation") Channel augmentation,
            @GrpcClient("sampler") Channel sampler,
            @GrpcClient("verifier") Channel verifier,
            @GrpcClient("localizer") Channel localizer,
            @GrpcClient("learner") Channel learner) {
        return new GrpcServices.Channels(augmentation, sampler, verifier, localizer, learner);
    }
}
