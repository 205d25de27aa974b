package io.foothold.orchestrator.remote;

import io.foothold.contracts.digest.TextDigest;
import io.foothold.core.problem.Problem;
import io.foothold.core.settings.JudgeSettings;
import io.foothold.core.settings.RewardFunctionSettings;
import io.foothold.core.settings.RewardModelSettings;
import io.foothold.core.settings.ScorerSettings;
import io.foothold.core.verdict.Verdict;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/** Whoever judges responses, as a run sees it. Thread-safe. */
public interface Verifier {
    /**
     * A response that is to be judged.
     *
     * @param rolloutId whose it is
     * @param problem that it answers
     * @param opensInThought whether the response begins inside a thought
     * @param options of the run file
     * @param goldOnly whether the gold answer alone is looked at, or the function alone
     * @param trace that it is part of; empty for none
     * @param scorer of the run file that judges it; empty for the verifier's rules
     */
    record Work(
            String rolloutId,
            Problem problem,
            String response,
            boolean opensInThought,
            String options,
            boolean goldOnly,
            String trace,
            Optional<Scorer> scorer) {}

    /** What judges a response in place of the verifier's rules. */
    sealed interface Scorer permits RewardFunction, ChatJudge, RewardModel {
        /**
         * That of these settings.
         *
         * @param passScore least score of a response that is right
         */
        static Scorer of(ScorerSettings settings, double passScore) {
            return switch (settings) {
                case RewardFunctionSettings function ->
                    new RewardFunction(function, TextDigest.sha256(function.pythonSource()));
                case JudgeSettings judge -> new ChatJudge(judge, passScore);
                case RewardModelSettings model -> new RewardModel(model, passScore);
            };
        }
    }

    /**
     * A model that a run file names.
     *
     * @param passScore least score of a response that is right
     */
    record ChatJudge(JudgeSettings settings, double passScore) implements Scorer {}

    /**
     * A reward model that a run file names.
     *
     * @param passScore least score of a response that is right
     */
    record RewardModel(RewardModelSettings settings, double passScore) implements Scorer {}

    /**
     * A function of a run file.
     *
     * @param settings of the run file
     * @param sha256 of its file's text, hex
     */
    record RewardFunction(RewardFunctionSettings settings, String sha256) implements Scorer {}

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
