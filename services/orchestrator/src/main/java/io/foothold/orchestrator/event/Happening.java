package io.foothold.orchestrator.event;

import com.fasterxml.jackson.annotation.JsonAnyGetter;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonValue;
import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.Map;

/** What may happen in a run. Its details are the components, in lower snake case. */
public sealed interface Happening {
    /** The loop begins behind an update. */
    record RunStarted(long update, long updates) implements Happening {}

    /**
     * The run's hard set was mined.
     *
     * @param hardPassRateBelow upper bound of these problems' pass rates
     */
    record Mined(int hard, long tried, long lookedAtTwice, double hardPassRateBelow, long rollouts)
            implements Happening {
        /** Which step of preparation it was. */
        public String getStep() {
            return "mining";
        }
    }

    /**
     * Prefixes were searched.
     *
     * @param prefixes problems by the length of their prefix, thoughts
     */
    record PrefixesSearched(
            int problems,
            long rollouts,
            long fallbacks,
            double seconds,
            @JsonInclude(JsonInclude.Include.NON_EMPTY) Map<Integer, Integer> prefixes)
            implements Happening {
        /** Which step of preparation it was. */
        public String getStep() {
            return "prefix_search";
        }
    }

    /**
     * Answers behind prefixes were sampled to be imitated.
     *
     * @param problems that were asked
     * @param accepted answers that passed
     * @param solved problems that have one
     */
    record TracesAccepted(int problems, long rollouts, int accepted, int solved) implements Happening {
        /** Which step of preparation it was. */
        public String getStep() {
            return "guided_traces";
        }
    }

    /** A place of the run, or a group of it, was given up. */
    record GroupDropped(long group, String reason) implements Happening {}

    /**
     * An update was made and its policy published.
     *
     * @param digest of the policy
     * @param details further ones by name: numbers, and histograms where there are resets
     */
    record UpdateDone(
            long update,
            long policyVersion,
            String digest,
            long optimizerSteps,
            @JsonAnyGetter Map<String, Object> details)
            implements Happening {}

    /** The details of an evaluation, as they are stored. */
    record EvaluationDone(@JsonValue JsonNode details) implements Happening {}

    /** The inference servers have another policy. */
    record PolicyPublished(long policyVersion, String digest, long pauseMicros) implements Happening {}

    /** From this update on, thoughts to reset to are chosen otherwise. */
    record LocalizerFallback(long update, String from, String to) implements Happening {}

    /** A checkpoint cannot be read; an earlier one is gone on from. */
    record CheckpointDamaged(String what, long resumedFrom) implements Happening {}

    /** The run goes on with other settings of the machine. */
    record MachineChanged(List<String> settings) implements Happening {}

    /** The run goes on with other problems. */
    record ChangedDataAccepted(boolean preparedAgain, List<String> differences) implements Happening {}

    /** A rollout was not judged; of the first of a run's process. */
    record NoVerdict(String rollout, String problem, String verdict, String reason) implements Happening {}

    /** A function of the user judges the run's responses. */
    record RewardFunctionLoaded(String function, String sha256) implements Happening {}

    /** A model judges the run's responses. */
    record JudgeAccepted(String url, String model, String promptSha256) implements Happening {}

    /**
     * A reward model judges the run's responses.
     *
     * @param version 0 for the one that the server chooses
     * @param described what its server says of it
     */
    record RewardModelFound(String server, String model, int version, String described) implements Happening {}

    /** A rule over an update's numbers begins to be broken; the run goes on. */
    record Warning(long update, String rule, String what) implements Happening {}

    /** A rule over an update's numbers is broken; the run ends. */
    record Alarm(long update, String what) implements Happening {}

    /** The run waits for a service that is away. */
    record ServiceLost(String service, String reason) implements Happening {}

    /** A service that was away answered. */
    record ServiceFound(String service, double seconds) implements Happening {}

    /** The servers that sample for the run, one entry each. */
    record InferenceServers(List<Map<String, Object>> servers) implements Happening {}

    /** What a rehearsal measured. */
    record Rehearsed(@JsonValue JsonNode details) implements Happening {}

    /** The run is over. */
    record RunEnded(String state, String reason) implements Happening {}

    /** The name of its kind, under which it is stored and told. */
    default String kind() {
        return switch (this) {
            case RunStarted h -> "run_started";
            case Mined h -> "prepared";
            case PrefixesSearched h -> "prepared";
            case TracesAccepted h -> "prepared";
            case GroupDropped h -> "group_dropped";
            case UpdateDone h -> "update_done";
            case EvaluationDone h -> "evaluation_done";
            case PolicyPublished h -> "policy_published";
            case LocalizerFallback h -> "localizer_fallback";
            case CheckpointDamaged h -> "checkpoint_damaged";
            case MachineChanged h -> "machine_changed";
            case ChangedDataAccepted h -> "changed_data_accepted";
            case NoVerdict h -> "no_verdict";
            case RewardFunctionLoaded h -> "reward_function_loaded";
            case JudgeAccepted h -> "judge_accepted";
            case RewardModelFound h -> "reward_model_found";
            case Warning h -> "warning";
            case Alarm h -> "alarm";
            case ServiceLost h -> "service_lost";
            case ServiceFound h -> "service_found";
            case InferenceServers h -> "inference_servers";
            case Rehearsed h -> "rehearsed";
            case RunEnded h -> "run_ended";
        };
    }
}
