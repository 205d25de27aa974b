package io.foothold.orchestrator.rest;

import io.foothold.orchestrator.config.Runs;
import io.foothold.orchestrator.ledger.LedgerLookup;
import io.smallrye.common.annotation.Blocking;
import jakarta.inject.Inject;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import java.util.List;
import org.eclipse.microprofile.openapi.annotations.Operation;

/** A run's rollouts over HTTP. */
@Path("/api/runs/{id}/rollouts")
@Produces(MediaType.APPLICATION_JSON)
@Blocking
public class RolloutsResource {
    private final Runs runs;

    /** Configured by the container. */
    @Inject
    public RolloutsResource(Runs runs) {
        this.runs = runs;
    }

    /** Where they are. */
    @GET
    @Path("counts")
    @Operation(summary = "Counts a run's rollouts by purpose, state and the reason why they ended")
    public List<LedgerLookup.Count> counts(@PathParam("id") String id) {
        var unused = runs.manager().row(id);
        return runs.lookup().counts(id);
    }
}
