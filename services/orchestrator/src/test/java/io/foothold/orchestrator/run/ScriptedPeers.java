package io.foothold.orchestrator.run;

import io.foothold.contracts.flow.CreditedService;
import io.foothold.contracts.flow.StreamLimits;
import io.foothold.orchestrator.remote.GrpcServices;
import io.foothold.v1.*;
import io.grpc.BindableService;
import io.grpc.Channel;
import io.grpc.Server;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import io.smallrye.mutiny.Multi;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/** Sampler, verifier and localizer that do what a test says, over real streams inside the process. */
final class ScriptedPeers implements AutoCloseable {
    /** In the order in which they are started. */
    private static final int LOCALIZER = 2;

    volatile CreditedService.Handler<SampleWork, SampleResponse> sampling = (work, results) -> () -> {};
    volatile Function<VerifyWork, Verdict> verifying =
            work -> Verdict.newBuilder().setKind(VerdictKind.VERDICT_KIND_FAIL).build();
    volatile Function<LocalizeWork, Localization> localizing = work -> Localization.newBuilder()
            .setRolloutId(work.getRolloutId())
            .setStep(1)
            .build();
    final GrpcServices services;
    private final List<AutoCloseable> open = new ArrayList<>();
    private final List<Server> servers = new ArrayList<>();

    /** Peers of a run that loses patience at once: what is scripted to fail fails again and again. */
    ScriptedPeers() throws IOException {
        this(Duration.ofMillis(300));
    }

    ScriptedPeers(Duration patience) throws IOException {
        CreditedService<SampleRequest, SampleResponse> sampler = new CreditedService<>(
                "sampling",
                CreditedService.Shape.of(
                        SampleRequest::getCredit,
                        c -> SampleResponse.newBuilder().setCredit(c).build(),
                        (request, failure) -> {
                            throw failure;
                        }),
                64,
                (request, results) -> sampling.start(request.getWork(), results));
        CreditedService<VerifyRequest, VerifyResponse> verifier = new CreditedService<>(
                "verification",
                CreditedService.Shape.of(
                        VerifyRequest::getCredit,
                        c -> VerifyResponse.newBuilder().setCredit(c).build(),
                        (request, failure) -> {
                            throw failure;
                        }),
                64,
                (request, results) -> {
                    results.emit(VerifyResponse.newBuilder()
                            .setResult(VerifyResult.newBuilder()
                                    .setRolloutId(request.getWork().getRolloutId())
                                    .setVerdict(verifying.apply(request.getWork())))
                            .build());
                    results.done();
                    return () -> {};
                });
        CreditedService<LocalizeRequest, LocalizeResponse> localizer = new CreditedService<>(
                "localization",
                CreditedService.Shape.of(
                        LocalizeRequest::getCredit,
                        c -> LocalizeResponse.newBuilder().setCredit(c).build(),
                        (request, failure) -> List.of(LocalizeResponse.newBuilder()
                                .setLocalization(Localization.newBuilder()
                                        .setRolloutId(request.getWork().getRolloutId())
                                        .setFailed(failure.toItemFailure()))
                                .build())),
                64,
                (request, results) -> {
                    results.emit(LocalizeResponse.newBuilder()
                            .setLocalization(localizing.apply(request.getWork()))
                            .build());
                    results.done();
                    return () -> {};
                });
        Channel samplerChannel = serve(new MutinySamplerServiceGrpc.SamplerServiceImplBase() {
            @Override
            public Multi<SampleResponse> sample(Multi<SampleRequest> request) {
                return sampler.serve(request);
            }
        });
        Channel verifierChannel = serve(new MutinyVerifierServiceGrpc.VerifierServiceImplBase() {
            @Override
            public Multi<VerifyResponse> verify(Multi<VerifyRequest> request) {
                return verifier.serve(request);
            }
        });
        Channel localizerChannel = serve(new MutinyLocalizerServiceGrpc.LocalizerServiceImplBase() {
            @Override
            public Multi<LocalizeResponse> localize(Multi<LocalizeRequest> request) {
                return localizer.serve(request);
            }
        });
        services = new GrpcServices(
                new GrpcServices.Channels(
                        verifierChannel, samplerChannel, verifierChannel, localizerChannel, verifierChannel),
                StreamLimits.standard(),
                new GrpcServices.Waiting(patience, Duration.ofMinutes(1), Duration.ofMinutes(1)));
        open.add(services);
    }

    private Channel serve(BindableService service) throws IOException {
        String name = InProcessServerBuilder.generateName();
        var server =
                InProcessServerBuilder.forName(name).addService(service).build().start();
        var channel = InProcessChannelBuilder.forName(name).build();
        servers.add(server);
        open.add(server::shutdownNow);
        open.add(channel::shutdownNow);
        return channel;
    }

    /** The localizer ends and does not come back. */
    void localizerGoes() {
        servers.get(LOCALIZER).shutdownNow();
    }

    @Override
    public void close() throws Exception {
        for (int i = open.size() - 1; i >= 0; i--) {
            open.get(i).close();
        }
    }
}
