package io.foothold.orchestrator.remote;

import io.foothold.v1.Verdict;
import io.foothold.v1.VerifyWork;
import java.util.concurrent.CompletableFuture;

/** Whoever judges responses, as a run sees it. Thread-safe. */
public interface Verifier {
    /**
     * Judges a response. No verdict in time is a verdict of kind timeout, and one that breaks the contract is one of kind verifier
     * error; the future fails only when the verifier is away or refuses the call.
     *
     * @param verifier address of a verifier of one's own; empty for the standard one
     */
    CompletableFuture<Verdict> verify(VerifyWork work, String verifier);
}
