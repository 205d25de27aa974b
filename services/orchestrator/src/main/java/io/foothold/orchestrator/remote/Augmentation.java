package io.foothold.orchestrator.remote;

import io.foothold.contracts.draw.Selection;
import io.foothold.core.problem.Problem;
import io.foothold.core.prompt.Prompts;
import io.foothold.core.settings.MiningSettings;
import io.foothold.core.settings.MixtureSettings;
import io.foothold.core.settings.PrefixSearchSettings;
import io.foothold.core.settings.ProblemSettings;
import io.foothold.core.stats.SetStatistics;
import io.foothold.orchestrator.rollout.PromptedStart;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import java.util.function.Function;

/** Problem sets and where rollouts begin, as a run sees them. Thread-safe. */
public interface Augmentation {
    /**
     * Where problems come from.
     *
     * @param thoughtDelimiter text that ends a thought of their solutions
     */
    record Source(ProblemSettings.Source set, String thoughtDelimiter) {}

    /**
     * The start states of an update.
     *
     * @param problemSet digest of the problems as they were loaded; a set that has changed since is refused
     * @param prompts what is put around problems
     * @param update its number, from 1
     * @param groups how many start states
     */
    record Draw(
            Source source,
            String problemSet,
            Prompts prompts,
            MixtureSettings mixture,
            long seed,
            long update,
            int groups) {}

    /** How a hard set is mined. */
    record Mining(Source source, Prompts prompts, MiningSettings settings) {}

    /**
     * A hard set.
     *
     * @param problemIds in the order of the problem set
     * @param tried problems that were looked at
     * @param rollouts that it took
     * @param lookedAtTwice problems that got a second look
     */
    record HardSet(List<String> problemIds, int tried, long rollouts, int lookedAtTwice) {
        /** Copies. */
        public HardSet {
            problemIds = List.copyOf(problemIds);
        }
    }

    /**
     * How prefixes are searched.
     *
     * @param problemIds of the problems whose prefixes are looked for
     * @param seed of the fall-back's draw
     */
    record Search(Source source, List<String> problemIds, Prompts prompts, PrefixSearchSettings settings, long seed) {
        /** Copies. */
        public Search {
            problemIds = List.copyOf(problemIds);
        }
    }

    /**
     * A prefix that was found.
     *
     * @param thoughts its length
     * @param fallback whether it was taken because none worked
     */
    record FoundPrefix(String problemId, int thoughts, boolean fallback) {}

    /**
     * What a search took.
     *
     * @param fallbacks problems for which no prefix worked
     */
    record Searched(long rollouts, int fallbacks) {}

    /**
     * Samples that augmentation needs.
     *
     * @param earlierLooks looks at the same start that were taken before; the rollouts of each are others
     */
    record Probe(PromptedStart start, int rollouts, int earlierLooks) {}

    /** Loads a problem set. */
    List<Problem> problems(Source source);

    /**
     * Chooses start states. The selection is handed over when augmentation does not know it, as after its restart, which may come
     * between any two calls.
     */
    List<PromptedStart> draw(Draw draw, Selection selection);

    /**
     * Runs a mining stream; begins it again when augmentation went away, so that a probe may be asked for again.
     *
     * @param answer samples and judges a probe, off the transport thread
     */
    HardSet mine(Mining mining, int window, Function<Probe, CompletableFuture<SetStatistics.Count>> answer);

    /**
     * Runs a prefix-search stream; begins it again when augmentation went away, so that a probe may be asked for again and a prefix
     * be found again.
     *
     * @param answer samples and judges a probe, off the transport thread
     * @param found told of each prefix as it is found
     */
    Searched searchPrefixes(
            Search search,
            int window,
            Function<Probe, CompletableFuture<SetStatistics.Count>> answer,
            Consumer<FoundPrefix> found);
}
