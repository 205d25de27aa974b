package io.foothold.orchestrator.remote;

import io.foothold.contracts.draw.Selection;
import io.foothold.core.problem.Problem;
import io.foothold.v1.DrawStartStatesRequest;
import io.foothold.v1.FoundPrefix;
import io.foothold.v1.HardSet;
import io.foothold.v1.MineHardSetStart;
import io.foothold.v1.Probe;
import io.foothold.v1.ProbeOutcome;
import io.foothold.v1.ProblemSource;
import io.foothold.v1.SearchPrefixesStart;
import io.foothold.v1.SearchSummary;
import io.foothold.v1.StartState;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import java.util.function.Function;

/** Problem sets and where rollouts begin, as a run sees them. Thread-safe. */
public interface Augmentation {
    /** Loads a problem set. */
    List<Problem> problems(ProblemSource source);

    /**
     * Chooses start states. The selection is handed over when augmentation does not know it, as after its restart, which may come
     * between any two calls.
     *
     * @param request without a selection
     */
    List<StartState> draw(DrawStartStatesRequest request, Selection selection);

    /**
     * Runs a mining stream; begins it again when augmentation went away, so that a probe may be asked for again.
     *
     * @param answer samples and judges a probe, off the transport thread
     */
    HardSet mine(MineHardSetStart start, int window, Function<Probe, CompletableFuture<ProbeOutcome>> answer);

    /**
     * Runs a prefix-search stream; begins it again when augmentation went away, so that a probe may be asked for again and a prefix
     * be found again.
     *
     * @param answer samples and judges a probe, off the transport thread
     * @param found told of each prefix as it is found
     */
    SearchSummary searchPrefixes(
            SearchPrefixesStart start,
            int window,
            Function<Probe, CompletableFuture<ProbeOutcome>> answer,
            Consumer<FoundPrefix> found);
}
