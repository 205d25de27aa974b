package io.foothold.localizer.grpc;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.flow.CreditedService;
import io.foothold.localizer.config.LocalizerConfig;
import io.foothold.localizer.thought.FirstWrongThought;
import io.foothold.v1.Localization;
import io.foothold.v1.LocalizeRequest;
import io.foothold.v1.LocalizeResponse;
import io.foothold.v1.LocalizeWork;
import io.foothold.v1.LocalizerService;
import io.foothold.v1.NoError;
import io.quarkus.grpc.GrpcService;
import io.smallrye.mutiny.Multi;
import jakarta.inject.Inject;
import java.util.List;

/** Localization over a credited stream. */
@GrpcService
public final class LocalizerGrpc implements LocalizerService {
    private final CreditedService<LocalizeRequest, LocalizeResponse> service;

    /** The service. */
    @Inject
    public LocalizerGrpc(LocalizerConfig config) {
        this.service = new CreditedService<>(
                CreditedService.Shape.of(
                        LocalizeRequest::getCredit,
                        c -> LocalizeResponse.newBuilder().setCredit(c).build(),
                        LocalizerGrpc::failed),
                config.window(),
                (request, results) -> {
                    results.emit(localize(request.getWork()));
                    results.done();
                    return () -> {};
                });
    }

    @Override
    public Multi<LocalizeResponse> localize(Multi<LocalizeRequest> request) {
        return service.serve(request);
    }

    private static LocalizeResponse localize(LocalizeWork work) {
        Localization.Builder out = Localization.newBuilder().setRolloutId(work.getRolloutId());
        switch (work.getMode()) {
            case LOCALIZER_MODE_RANDOM ->
                out.setStep(FirstWrongThought.random(work.getThoughtsCount(), work.getSeed()));
            case LOCALIZER_MODE_ORACLE ->
                FirstWrongThought.oracle(work.getThoughtsList(), work.getOracleThoughtsList())
                        .ifPresentOrElse(out::setStep, () -> out.setNoError(NoError.getDefaultInstance()));
            case LOCALIZER_MODE_UNSPECIFIED, UNRECOGNIZED ->
                throw new FootholdException(
                        ErrorCode.INVALID_INPUT, "localizer mode is missing (expected random or oracle)");
        }
        return LocalizeResponse.newBuilder().setLocalization(out).build();
    }

    private static List<LocalizeResponse> failed(LocalizeRequest work, FootholdException failure) {
        return List.of(LocalizeResponse.newBuilder()
                .setLocalization(Localization.newBuilder()
                        .setRolloutId(work.getWork().getRolloutId())
                        .setFailed(failure.toItemFailure()))
                .build());
    }
}
