package io.foothold.orchestrator.rest;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.orchestrator.config.Runs;
import io.foothold.orchestrator.explain.Explainer;
import io.foothold.orchestrator.explain.RolloutStory;
import io.foothold.orchestrator.explain.UpdateStory;
import io.foothold.orchestrator.ledger.LedgerLookup;
import io.smallrye.common.annotation.Blocking;
import jakarta.inject.Inject;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.Context;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.UriInfo;
import java.util.List;
import java.util.Map;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.jspecify.annotations.Nullable;

/** A run's rollouts over HTTP: where they are, pages of them, and why one or an update is as it is. */
@Path("/api/runs/{id}")
@Produces(MediaType.APPLICATION_JSON)
@Blocking
public class RolloutsResource {
    /**
     * A page.
     *
     * @param behind what to ask for the next one with; empty when there is none
     */
    public record Page(List<LedgerLookup.Row> rollouts, String behind) {}

    /**
     * The problems of a run.
     *
     * @param prefixes thoughts of the searched prefix by problem, i*(x)
     * @param solved how often each was solved in each update
     */
    public record Problems(Map<String, Integer> prefixes, List<LedgerLookup.Solved> solved) {}

    private final Runs runs;

    /** Configured by the container. */
    @Inject
    public RolloutsResource(Runs runs) {
        this.runs = runs;
    }

    /** Where they are. */
    @GET
    @Path("rollouts/counts")
    @Operation(summary = "Counts a run's rollouts by purpose, state and the reason why they ended")
    public List<LedgerLookup.Count> counts(@PathParam("id") String id) {
        return known(id).counts(id);
    }

    /** Pages of them. */
    @GET
    @Path("rollouts")
    @Operation(
            summary =
                    "Rollouts of a run, those of the last update first; 'behind' of a page asks for the next one. All that is asked for"
                            + " must hold")
    public Page list(@PathParam("id") String id, @Context UriInfo address) {
        RolloutQuery query = new RolloutQuery(address.getQueryParameters());
        List<LedgerLookup.Row> rows = known(id).rollouts(id, query.wanted(), query.place(), query.most());
        LedgerLookup.Row last = rows.isEmpty() ? null : rows.getLast();
        return new Page(rows, last == null || rows.size() < query.most() ? "" : last.update() + ":" + last.id());
    }

    /** One of them. */
    @GET
    @Path("rollout")
    @Operation(summary = "One rollout: what it said, its group, and why it counted as it did")
    public RolloutStory rollout(@PathParam("id") String id, @QueryParam("rollout") @Nullable String rollout) {
        if (rollout == null || rollout.isEmpty()) {
            throw new FootholdException(ErrorCode.INVALID_INPUT, "'rollout' is missing (expected the id of a rollout)");
        }
        var unused = known(id);
        RolloutStory story = explainer().rollout(rollout);
        if (!story.row().run().equals(id)) {
            throw new FootholdException(ErrorCode.NOT_FOUND, "run '" + id + "' has no rollout '" + rollout + "'");
        }
        return story;
    }

    /** An update. */
    @GET
    @Path("updates/{update}")
    @Operation(summary = "One update: what the learner made of it, and its groups with their advantages")
    public UpdateStory update(@PathParam("id") String id, @PathParam("update") long update) {
        var unused = known(id);
        return explainer().update(id, update);
    }

    /** Its problems. */
    @GET
    @Path("problems")
    @Operation(
            summary =
                    "How often each problem was solved in each update, by where rollouts began, and its searched prefix")
    public Problems problems(@PathParam("id") String id) {
        LedgerLookup lookup = known(id);
        return new Problems(lookup.prefixes(id), lookup.solved(id));
    }

    private LedgerLookup known(String id) {
        var unused = runs.manager().row(id);
        return runs.lookup();
    }

    private Explainer explainer() {
        return new Explainer(runs.lookup(), runs.manager()::homeOf);
    }
}
