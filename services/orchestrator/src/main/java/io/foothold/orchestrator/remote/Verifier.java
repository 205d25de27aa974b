package io.foothold.orchestrator.remote;

import io.foothold.core.problem.ProblemKind;
import io.foothold.core.verdict.Verdict;
import java.util.concurrent.CompletableFuture;

/** Whoever judges responses, as a run sees it. Thread-safe. */
public interface Verifier {
    /**
     * A response that is to be judged.
     *
     * @param rolloutId whose it is
     * @param gold the problem's answer, in the notation of its kind
     * @param opensInThought whether the response begins inside a thought
     * @param options of the run file
     * @param goldOnly whether the gold answer alone is looked at
     * @param trace that it is part of; empty for none
     */
    record Work(
            String rolloutId,
            ProblemKind kind,
            String gold,
            String response,
            boolean opensInThought,
            String options,
            boolean goldOnly,
            String trace) {}

    /**
     * The address of a verifier of one's own that a run file names, when it may be asked.
     *
     * @param key where the file names it, for the error
     * @throws io.foothold.contracts.error.FootholdException INVALID_INPUT when it is no address, or may not be asked
     */
    PeerAddress named(String key, String address);

    /**
     * Judges a response. No verdict in time is a verdict of kind timeout, and one that breaks the contract is one of kind verifier
     * error; the future fails only when the verifier is away or refuses the call.
     *
     * @param verifier address of a verifier of one's own; empty for the standard one
     */
    CompletableFuture<Verdict> verify(Work work, String verifier);
}
