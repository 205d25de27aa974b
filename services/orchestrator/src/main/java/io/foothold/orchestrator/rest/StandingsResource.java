package io.foothold.orchestrator.rest;

import io.foothold.orchestrator.config.Runs;
import io.smallrye.common.annotation.Blocking;
import jakarta.inject.Inject;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import java.util.List;
import org.eclipse.microprofile.openapi.annotations.Operation;

/** Where all runs stand, over HTTP; beside {@link RunsResource}, under which every name may be a run's. */
@Path("/api/standings")
@Produces(MediaType.APPLICATION_JSON)
@Blocking
public class StandingsResource {
    private final Runs runs;

    /** Configured by the container. */
    @Inject
    public StandingsResource(Runs runs) {
        this.runs = runs;
    }

    /** All runs with the last that is known of each. */
    @GET
    @Operation(summary = "Lists all runs, newest first, with the last update, evaluations, warnings and alarm of each")
    public List<RunStanding> list() {
        return runs.manager().rows().stream()
                .map(row -> RunStanding.of(row, runs.manager().ledger(), runs.lookup()))
                .toList();
    }
}
