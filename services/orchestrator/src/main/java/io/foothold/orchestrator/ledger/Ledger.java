package io.foothold.orchestrator.ledger;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.ledger.LedgerAudit;
import io.foothold.core.ledger.RolloutState;
import io.foothold.orchestrator.event.RunEvent;
import io.foothold.orchestrator.rollout.TrainGroup;
import io.foothold.orchestrator.update.Manifest;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;

/**
 * What runs are remembered by: every rollout's life, admitted batches, manifests, what was prepared and evaluated, and events. A write
 * completes when it is durable; writes take effect in the order in which they were asked for, and one that is refused leaves nothing behind.
 * Reads see every write that has completed. Implementations are thread-safe.
 */
public interface Ledger {
    /**
     * A row of the run table.
     *
     * @param settings the run file's settings as data, see RunFile.stored
     */
    record RunRow(String id, String settings, String state, long updateDone, long updates, String reason) {}

    /**
     * How a rollout went on.
     *
     * @param steps the states it went through, in order, at least one; what happened at once is one outcome
     * @param verdict name of the verdict, empty when there is none
     * @param reason why it was dropped, or what it was consumed for
     */
    record Outcome(
            String rolloutId, List<RolloutState> steps, String verdict, double reward, int tokens, String reason) {
        /** States that come with a batch or a manifest, or before an outcome. */
        private static final Set<RolloutState> WRITTEN_ELSEWHERE =
                Set.of(RolloutState.RESERVED, RolloutState.ADMITTED, RolloutState.TRAINED);

        /** Copies the steps. */
        public Outcome {
            steps = List.copyOf(steps);
            if (steps.isEmpty() || steps.stream().anyMatch(WRITTEN_ELSEWHERE::contains)) {
                throw new IllegalArgumentException("an outcome of rollout " + rolloutId
                        + " takes it to SAMPLED, VERIFIED, CONSUMED or DROPPED, not " + steps);
            }
        }

        /** A single step. */
        public Outcome(String rolloutId, RolloutState state, String verdict, double reward, int tokens, String reason) {
            this(rolloutId, List.of(state), verdict, reward, tokens, reason);
        }
    }

    /**
     * A group of rollouts, as they are reserved.
     *
     * @param id opaque
     * @param purpose training, evaluation, mining, search, localization
     * @param problem that is being solved; empty for questions about several
     * @param start the glossary's word for where its rollouts begin; empty for questions
     */
    record Group(String id, String purpose, String problem, String start) {}

    /** A stored event. */
    record EventRow(long number, String kind, String json) {
        /** The details, read. */
        public ObjectNode details() {
            return RunEvent.details(json);
        }
    }

    /** Waits for a write. */
    static void await(CompletableFuture<Void> write) {
        try {
            write.join();
        } catch (RuntimeException e) {
            throw FootholdException.of(e);
        }
    }

    /**
     * The same ledger for those who do a run's work. Every write is refused with {@link ErrorCode#WRONG_STATE} once the run belongs to another
     * process. Reads too wait for a database that is away; those of others fail at once, so that no request waits behind it.
     */
    Ledger inRun(Lease lease);

    /**
     * Takes a run for a process and a learner, and says that it is running.
     *
     * @param dead what its owner was last seen at, when that owner is gone; empty when the run has none
     * @return empty when another process was first, its owner lives, or the learner has another run that is running
     */
    CompletableFuture<Optional<Lease>> claim(String runId, String owner, String learner, Optional<Lease.Seen> dead);

    /**
     * Says that the owner lives; fails with {@link ErrorCode#WRONG_STATE} when the run is no longer its own. Gives what somebody wants of it,
     * empty for nothing.
     */
    CompletableFuture<String> renew(Lease lease);

    /** Gives a run up without a word about its state: another process goes on with it. */
    CompletableFuture<Void> release(Lease lease);

    /** Ends a run in a state and gives its learner back, in one. */
    CompletableFuture<Void> endRun(Lease lease, String state, String reason);

    /** Wants something of whoever has a run; gives whether anybody has it. */
    CompletableFuture<Boolean> wish(String runId, String wish);

    /** Lets a run wait that nobody has, or that is to wait no more; gives whether nobody had it. */
    CompletableFuture<Boolean> setAside(String runId, String state, String reason);

    /** Nobody has a run or a learner any more: said by a process that is alone. */
    CompletableFuture<Void> forgetOwners();

    /** The leases that somebody has. */
    List<Lease.Seen> leases();

    /** Creates a run in state created. */
    CompletableFuture<Void> createRun(String id, String settings, long updates);

    /** Gives a run other settings. */
    CompletableFuture<Void> setRunSettings(String id, String settings);

    /** Moves a run to another state. */
    CompletableFuture<Void> setRunState(String id, String state, String reason);

    /** Writes down rollouts before they are sampled. */
    CompletableFuture<Void> reserve(String runId, Group group, List<String> rolloutIds);

    /** Takes rollouts further; a step that does not follow the state in the ledger fails the whole write. */
    CompletableFuture<Void> record(List<Outcome> outcomes);

    /** Admits an update's groups and stores them, so that they can be trained again after a crash. */
    CompletableFuture<Void> admit(String runId, long update, List<TrainGroup> groups);

    /**
     * Takes over what the learner did. A manifest that is known already changes nothing, so a replayed update counts once.
     *
     * @throws FootholdException {@link ErrorCode#CONFLICT} when the same update has another digest
     */
    CompletableFuture<Void> trained(Manifest manifest);

    /** Gives up what was under way when a process died: rollouts neither admitted nor ended. Gives their number. */
    CompletableFuture<Void> dropUnfinished(String runId, String reason);

    /** The stored groups of an update that was admitted and is not yet in every checkpoint that the learner may go back to. */
    List<TrainGroup> admittedBatch(String runId, long update);

    /** The manifests of a run in order. */
    List<Manifest> manifests(String runId);

    /** Stores searched prefixes. */
    CompletableFuture<Void> savePrefix(String runId, String problemId, int thoughts, boolean fallback);

    /** Searched prefixes by problem. */
    Map<String, Integer> prefixes(String runId);

    /** Stores the result of a preparation step, such as mining. */
    CompletableFuture<Void> savePreparation(String runId, String name, String json);

    /** Forgets a run's hard set and its prefixes, so that both are looked for again. */
    CompletableFuture<Void> forgetPrepared(String runId);

    /** The result of a preparation step, if it was done. */
    Optional<String> preparation(String runId, String name);

    /** Stores an evaluation. */
    CompletableFuture<Void> saveEvaluation(String runId, long update, String set, String json);

    /** Whether a set was evaluated at an update. */
    boolean evaluated(String runId, long update, String set);

    /** Evaluations of a run as JSON, by update and set. */
    List<String> evaluations(String runId);

    /** Stores an event. */
    CompletableFuture<Void> saveEvent(String runId, EventRow event);

    /** Events of a run from a number on. */
    List<EventRow> events(String runId, long from);

    /** All runs, newest first. */
    List<RunRow> runs();

    /** One run. */
    Optional<RunRow> run(String id);

    /** Number of rollouts of a run by purpose. */
    Map<String, Long> countsByPurpose(String runId);

    /** Sampled tokens of a run by what they served: the purpose of a rollout, or of one that was consumed its reason. */
    Map<String, Long> tokensByUse(String runId);

    /** Checks conservation. */
    LedgerAudit.Report audit(String runId);
}
