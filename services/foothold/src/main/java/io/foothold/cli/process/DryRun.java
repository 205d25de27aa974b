package io.foothold.cli.process;

import com.fasterxml.jackson.databind.JsonNode;
import io.foothold.cli.machine.Memory;
import io.foothold.cli.machine.MemoryWatch;
import io.foothold.cli.size.MemoryNeed;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.orchestrator.run.RunManager;
import io.foothold.orchestrator.runfile.RunFile;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Whether a run fits the machine, and what an update takes there: looked at before it begins, or measured in its own processes. */
public final class DryRun {
    private static final String RUN = "dry-run";
    private static final int MINUTE = 60;

    private final MemoryNeed need;
    private final Path policy;
    private final long available;
    private final PrintStream out;

    /**
     * A look at a run that has not begun.
     *
     * @param policy directory of the base policy
     * @param memory what there is before any process of the run is started
     */
    public DryRun(MemoryNeed need, Path policy, Memory memory, PrintStream out) {
        this.need = need;
        this.policy = policy;
        this.available = memory.available();
        this.out = out;
    }

    /**
     * Refuses a model that cannot fit whatever is set, and says so of one that will hardly fit.
     *
     * @throws FootholdException INVALID_INPUT with what is needed, what there is, and what would help
     */
    public void checkShape() {
        if (need.least() > available) {
            throw new FootholdException(
                    ErrorCode.INVALID_INPUT,
                    String.format(
                            Locale.ROOT,
                            "policy.base: %s has %,d parameters and does not fit this machine's memory: %s take %s at least, "
                                    + "and %s are available (%s)",
                            policy,
                            need.model().parameters(),
                            need.lora().isPresent()
                                    ? "its weights in float32, in learner and policy server,"
                                    : "weights, gradients and two moments in float32, and the policy server's weights,",
                            Memory.told(need.least()),
                            Memory.told(available),
                            remedy(need.all() - available)));
        }
        if (need.all() > available) {
            out.println("# memory: the estimate is " + Memory.told(need.all()) + ", and " + Memory.told(available)
                    + " are available; --dry-run measures it (" + remedy(need.all() - available) + ")");
        }
    }

    private String remedy(long excess) {
        return need.advice(excess)
                .map(setting -> "it would fit with " + setting)
                .orElse("no setting helps: take a smaller model, or a machine with " + Memory.told(need.all()));
    }

    /**
     * Takes the run's load on its own processes and tells what was measured.
     *
     * @param children learner and policy server, where they are processes of their own
     * @throws FootholdException INVALID_INPUT when it does not fit, with the setting that would; else as the run would have ended
     */
    public void measure(RunManager runs, String text, List<String> overrides, RunFile plan, Child... children) {
        Map<String, Supplier<Stream<ProcessHandle>>> processes = new LinkedHashMap<>();
        processes.put("launcher", () -> Stream.of(ProcessHandle.current()));
        for (Child child : children) {
            // The torch learner has ranks of its own.
            processes.put(
                    child.service(),
                    () -> Stream.concat(
                            Stream.of(child.handle()), child.handle().descendants()));
            child.onGivenUp(reason -> runs.abort(RUN, reason));
        }
        List<String> own = new ArrayList<>(overrides);
        own.add("optimizer.micro_batch_tokens=" + need.microBatchTokens());
        // Two rollouts have a signal under it, whatever the size of a group.
        own.add("estimator.name=mean");
        try (MemoryWatch watch = new MemoryWatch(processes)) {
            JsonNode measured;
            try {
                measured = runs.rehearse(RUN, text, own);
            } catch (FootholdException e) {
                for (Child child : children) {
                    if (child.killed()) {
                        throw tooMuch(
                                "Linux ended the " + child.service() + ", which had " + told(watch.peaks()), 1, e);
                    }
                }
                throw e;
            }
            Map<String, MemoryWatch.Peak> peaks = watch.peaks();
            tell(measured, plan);
            long all = peaks.values().stream().mapToLong(MemoryWatch.Peak::own).sum();
            out.printf(
                    Locale.ROOT,
                    "# peak memory: %s; %s of %s that are available%n",
                    told(peaks),
                    Memory.told(all),
                    Memory.told(available));
            if (all > available) {
                throw tooMuch("measured " + Memory.told(all), all - available, null);
            }
        }
    }

    private FootholdException tooMuch(String what, long excess, @Nullable Throwable cause) {
        return new FootholdException(
                ErrorCode.INVALID_INPUT,
                "the run does not fit this machine's memory: " + what + ", and " + Memory.told(available)
                        + " were available (" + remedy(Math.max(excess, need.all() - available)) + ")",
                cause);
    }

    private static String told(Map<String, MemoryWatch.Peak> peaks) {
        return peaks.entrySet().stream()
                .map(e -> e.getKey() + " " + Memory.told(e.getValue().resident())
                        + (e.getValue().resident() - e.getValue().own() > (100L << 20)
                                ? " (" + Memory.told(e.getValue().own()) + " without mapped files)"
                                : ""))
                .collect(Collectors.joining(", "));
    }

    private void tell(JsonNode m, RunFile plan) {
        double update = m.path("update_seconds").asDouble();
        out.printf(
                Locale.ROOT,
                "# measured: an update takes at most %.1f s (sampling %.1f s: %d rollouts, the longest prompt %d tokens, answers of "
                        + "%d; training %.1f s), %d updates %s; evaluations and what resets, revisions and trees sample come on top%n",
                update,
                m.path("sampling_seconds").asDouble(),
                plan.settings().sampling().groupsPerUpdate()
                        * plan.settings().sampling().rolloutsPerGroup(),
                m.path("prompt_tokens").asInt(),
                m.path("answer_tokens").asInt(),
                m.path("training_seconds").asDouble(),
                plan.settings().general().updates(),
                duration(update * plan.settings().general().updates()));
        if (m.has("log_prob_difference_max")) {
            out.printf(
                    Locale.ROOT,
                    "# step 0: log-probs of sampler and learner differ by %.1e nats at most%n",
                    m.path("log_prob_difference_max").asDouble());
        }
    }

    private static String duration(double seconds) {
        if (seconds < 2 * MINUTE) {
            return String.format(Locale.ROOT, "%.0f s", seconds);
        }
        double minutes = seconds / MINUTE;
        return minutes < 2 * MINUTE
                ? String.format(Locale.ROOT, "%.0f minutes", minutes)
                : String.format(Locale.ROOT, "%.1f hours", minutes / MINUTE);
    }
}
