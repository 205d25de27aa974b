package io.foothold.orchestrator.rest;

import io.foothold.orchestrator.config.OrchestratorConfig;
import io.foothold.orchestrator.config.Runs;
import io.foothold.orchestrator.event.EventBus;
import io.foothold.orchestrator.event.RunEvent;
import io.smallrye.common.annotation.Blocking;
import io.smallrye.common.annotation.NonBlocking;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.infrastructure.Infrastructure;
import jakarta.inject.Inject;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.DefaultValue;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.PUT;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.jboss.resteasy.reactive.RestStreamElementType;

/** Runs over HTTP: create, list, watch, stop, resume. */
@Path("/api/runs")
@Produces(MediaType.APPLICATION_JSON)
@Blocking
public class RunsResource {
    private final Runs runs;
    private final EventBus bus;
    private final OrchestratorConfig config;

    /** Configured by the container. */
    @Inject
    public RunsResource(Runs runs, EventBus bus, OrchestratorConfig config) {
        this.runs = runs;
        this.bus = bus;
        this.config = config;
    }

    /** All runs. */
    @GET
    @Operation(summary = "Lists all runs, newest first")
    public List<RunView> list() {
        return runs.manager().rows().stream().map(RunView::of).toList();
    }

    /** One run. */
    @GET
    @Path("{id}")
    @Operation(summary = "Shows where a run stands")
    public RunView show(@PathParam("id") String id) {
        return RunView.of(runs.manager().row(id));
    }

    /** Creates and starts a run. */
    @PUT
    @Path("{id}")
    @Consumes({MediaType.TEXT_PLAIN, "application/yaml"})
    @Operation(summary = "Creates a run from a run file and starts it; the same id and file again changes nothing")
    @NonBlocking
    public Uni<RunView> create(@PathParam("id") String id, String runFile) {
        // A blocking method would hold a worker thread while the body comes in, and few slow clients would hold them
        // all.
        return Uni.createFrom()
                .item(() -> RunView.of(runs.manager().create(id, sized(runFile), List.of())))
                .runSubscriptionOn(Infrastructure.getDefaultWorkerPool());
    }

    /** A body without an announced length is measured when it is here. */
    private String sized(String runFile) {
        if (runFile.getBytes(StandardCharsets.UTF_8).length
                > config.largestRunFile().asLongValue()) {
            throw BodyGuard.tooLarge(config);
        }
        return runFile;
    }

    /** Stops a run. */
    @POST
    @Path("{id}/stop")
    @Operation(summary = "Stops a run after the update that is under way")
    public RunView stop(@PathParam("id") String id) {
        return RunView.of(runs.manager().stop(id));
    }

    /** Goes on with a run. */
    @POST
    @Path("{id}/resume")
    @Operation(
            summary =
                    "Continues a run that was stopped or whose process died; refused when its problems changed, unless "
                            + "accept_changed_data is true")
    public RunView resume(
            @PathParam("id") String id,
            @QueryParam("accept_changed_data") @DefaultValue("false") boolean acceptChangedData) {
        return RunView.of(runs.manager().resume(id, acceptChangedData));
    }

    /** Evaluations of a run. */
    @GET
    @Path("{id}/evaluations")
    @Operation(summary = "Evaluations of a run, one JSON object each")
    public String evaluations(@PathParam("id") String id) {
        return "[" + String.join(",", runs.manager().ledger().evaluations(id)) + "]";
    }

    /** What happened in a run so far. */
    @GET
    @Path("{id}/history")
    @Operation(summary = "Events of a run so far, from a number on; does not wait for more")
    public List<RunEvent> history(@PathParam("id") String id, @QueryParam("from") @DefaultValue("1") long from) {
        var unused = runs.manager().row(id);
        return runs.manager().ledger().events(id, from).stream()
                .map(e -> new RunEvent(id, e.number(), e.kind(), e.json()))
                .toList();
    }

    /** Watches a run. */
    @GET
    @Path("{id}/events")
    @Produces(MediaType.SERVER_SENT_EVENTS)
    @RestStreamElementType(MediaType.APPLICATION_JSON)
    @Operation(summary = "Events of a run, the past ones first")
    public Multi<RunEvent> watch(@PathParam("id") String id, @QueryParam("from") @DefaultValue("1") long from) {
        runs.manager().row(id);
        return EventHistory.follow(runs.manager().ledger(), bus, id, from);
    }
}
