package io.foothold.orchestrator.run;

import io.foothold.orchestrator.remote.Services;
import io.foothold.orchestrator.rollout.PromptedStart;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/** The start states of a run's places; those of one update are drawn together. Thread-safe. */
final class StartDraws {
    /** Start states that were drawn together: those of an update, or what its places are filled with again. */
    private record Draw(long update, int attempt) {}

    private final RunSpec spec;
    private final Services services;
    private final PrefixLengths lengths;
    private final String problemSet;
    private final Executor threads;
    private final Map<Draw, Drawn> draws = new ConcurrentHashMap<>();

    /**
     * Draws of a run.
     *
     * @param problemSet digest of the whole training set
     */
    StartDraws(RunSpec spec, Services services, PrefixLengths lengths, String problemSet, Executor threads) {
        this.spec = spec;
        this.services = services;
        this.lengths = lengths;
        this.problemSet = problemSet;
        this.threads = threads;
    }

    /**
     * The start state of a place; of each further attempt to fill it another one of the same draw.
     *
     * @param number of the place in the run, from 0
     */
    PromptedStart of(long number, int attempt) {
        Draw draw = new Draw(number / spec.groupsPerUpdate() + 1, attempt);
        return drawn(draw).get((int) (number % spec.groupsPerUpdate()));
    }

    /** Lengths in thoughts of the prefixes that an update's guided starts show, by problem; those that show none may be absent. */
    Map<String, Integer> prefixes(long update) {
        return lengths.at(update).prefixes();
    }

    private List<PromptedStart> drawn(Draw draw) {
        return draws.computeIfAbsent(draw, Drawn::new).starts();
    }

    /** One draw, made by whoever asks first; others wait for it. One that failed is made by the next who asks. */
    private final class Drawn {
        private final Draw draw;
        private final ReentrantLock making = new ReentrantLock();
        private @Nullable List<PromptedStart> made;

        Drawn(Draw draw) {
            this.draw = draw;
        }

        List<PromptedStart> starts() {
            making.lock();
            try {
                List<PromptedStart> known = made;
                if (known == null) {
                    known = services.augmentation()
                            .draw(spec.draw(draw.update(), draw.attempt(), problemSet), lengths.at(draw.update()));
                    made = known;
                }
                return known;
            } finally {
                making.unlock();
            }
        }
    }

    /** Takes what the groups of an update reached, before it is admitted: later starts depend on it. Blocks until it is written. */
    void reached(long update, List<FilledPlace> places) {
        lengths.reached(update, places);
    }

    /** Draws the start states of an update and has their prompts encoded, beside the training of another one. */
    void ahead(long update) {
        if (update > spec.updates()) {
            return;
        }
        threads.execute(() -> {
            try {
                services.sampler()
                        .preparePrompts(
                                drawn(new Draw(update, 0)).stream()
                                        .map(PromptedStart::prompt)
                                        .distinct()
                                        .toList(),
                                spec.trainSampling());
            } catch (RuntimeException e) {
                // The same is asked for again when the groups are launched, and fails the run there.
            }
        });
    }

    /** Forgets the draws of earlier updates. */
    void forget(long before) {
        draws.keySet().removeIf(d -> d.update() < before);
    }
}
