package io.foothold.orchestrator.grpc;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FailureLog;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.flow.ReadableMessages;
import io.foothold.orchestrator.config.OrchestratorConfig;
import io.foothold.orchestrator.config.Runs;
import io.foothold.orchestrator.event.EventBus;
import io.foothold.orchestrator.ledger.Ledger;
import io.foothold.orchestrator.rest.EventHistory;
import io.foothold.v1.*;
import io.grpc.ServerServiceDefinition;
import io.quarkus.grpc.GrpcService;
import io.smallrye.common.annotation.Blocking;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import jakarta.inject.Inject;
import java.util.List;
import java.util.function.Supplier;
import org.jboss.logging.Logger;

/** Runs over gRPC. */
@GrpcService
@Blocking
public class RunGrpc extends MutinyRunServiceGrpc.RunServiceImplBase {
    private static final Logger LOG = Logger.getLogger(RunGrpc.class);

    private final Runs runs;
    private final EventBus bus;
    private final OrchestratorConfig config;

    /** Configured by the container. */
    @Inject
    public RunGrpc(Runs runs, EventBus bus, OrchestratorConfig config) {
        this.runs = runs;
        this.bus = bus;
        this.config = config;
    }

    @Override
    public ServerServiceDefinition bindService() {
        return ReadableMessages.of(super.bindService());
    }

    @Override
    public Uni<CreateRunResponse> createRun(CreateRunRequest request) {
        return answer(() ->
                CreateRunResponse.newBuilder().setRun(summary(create(request))).build());
    }

    @Override
    public Uni<ListRunsResponse> listRuns(ListRunsRequest request) {
        return answer(() -> ListRunsResponse.newBuilder()
                .addAllRuns(runs.manager().rows().stream().map(RunGrpc::summary).toList())
                .build());
    }

    @Override
    public Multi<WatchRunResponse> watchRun(WatchRunRequest request) {
        try {
            runs.manager().row(request.getRunId());
        } catch (FootholdException e) {
            return Multi.createFrom().failure(e.toStatus());
        }
        return EventHistory.follow(runs.manager().ledger(), bus, request.getRunId(), request.getFromEvent())
                .map(e -> WatchRunResponse.newBuilder()
                        .setNumber(e.number())
                        .setKind(e.kind())
                        .setJson(e.json())
                        .build());
    }

    @Override
    public Uni<StopRunResponse> stopRun(StopRunRequest request) {
        return answer(() -> StopRunResponse.newBuilder()
                .setRun(summary(runs.manager().stop(request.getRunId())))
                .build());
    }

    @Override
    public Uni<ResumeRunResponse> resumeRun(ResumeRunRequest request) {
        return answer(() -> ResumeRunResponse.newBuilder()
                .setRun(summary(runs.manager().resume(request.getRunId(), request.getAcceptChangedData())))
                .build());
    }

    private Ledger.RunRow create(CreateRunRequest request) {
        if (request.getRunFileBytes().size() > config.largestRunFile().asLongValue()) {
            throw new FootholdException(
                    ErrorCode.TOO_LARGE,
                    "a run file may have " + config.largestRunFile().asLongValue()
                            + " bytes (foothold.orchestrator.largest-run-file)");
        }
        return runs.manager().create(request.getRunId(), request.getRunFile(), List.of());
    }

    private static RunSummary summary(Ledger.RunRow row) {
        return RunSummary.newBuilder()
                .setRunId(row.id())
                .setState(row.state())
                .setUpdate(row.updateDone())
                .setUpdates(row.updates())
                .setReason(row.reason())
                .build();
    }

    private static <T> Uni<T> answer(Supplier<T> work) {
        return Uni.createFrom().item(() -> {
            try {
                return work.get();
            } catch (FootholdException e) {
                throw FailureLog.told(LOG, "a call", e).toStatus();
            }
        });
    }
}
