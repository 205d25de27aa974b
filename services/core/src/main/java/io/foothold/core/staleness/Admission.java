package io.foothold.core.staleness;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Which places of a run may begin to be filled, and which filled places make its next update.
 *
 * <p>Synchronous (S = 0): the places of one update are filled together, and trained in their order. Asynchronous: up to S + 1 updates' worth
 * are under way, and the oldest tokens go first; a straggler that waited behind younger places would hold the gate shut for ever. The
 * policy that samples may be behind the one that the learner has, as while it is being published; {@link StalenessGate} counts both.
 *
 * <p>Pure: no clock, no threads. Not thread-safe: owned by the loop of one run.
 *
 * @param <P> what filled a place
 */
public final class Admission<P> {
    private record Filled<P>(long number, P place, long oldest) {}

    private final long bound;
    private final int places;
    private final long updates;
    private final StalenessGate gate;
    private final Map<Long, Long> underWay = new LinkedHashMap<>();
    private final List<Filled<P>> ready = new ArrayList<>();
    private long admitted;
    private long next;
    private boolean training;

    /**
     * Admission of a run that goes on.
     *
     * @param bound S, in versions; 0 is synchronous training
     * @param places of one update
     * @param updates that the run makes
     * @param update the last one that is made; the numbers of places go on behind it
     */
    public Admission(long bound, int places, long updates, long update) {
        if (places < 1) {
            throw new IllegalArgumentException("an update has " + places + " places, expected at least 1");
        }
        this.bound = bound;
        this.places = places;
        this.updates = updates;
        this.gate = new StalenessGate(bound);
        this.admitted = update;
        this.next = update * places;
    }

    /**
     * Begins another place, if one may be under way.
     *
     * @param learner the version that the learner has
     * @param sampler the version that samples, at most that
     * @return its number in the run, from 0
     */
    public OptionalLong begin(long learner, long sampler) {
        boolean wanted = admitted * places + underWay.size() + ready.size() < updates * places;
        if (!wanted || !gate.mayReserve(sampler, learner + (training ? 1 : 0), places)) {
            return OptionalLong.empty();
        }
        long number = next++;
        gate.reserved(id(number), sampler);
        underWay.put(number, sampler);
        return OptionalLong.of(number);
    }

    /**
     * A place is filled.
     *
     * @param oldest version stamped on one of its tokens; empty without tokens, which counts as the version at its beginning
     */
    public void filled(long number, P place, OptionalLong oldest) {
        Long begun = underWay.remove(number);
        if (begun == null) {
            throw new IllegalStateException("place " + number + " is not under way");
        }
        long version = oldest.orElse(begun);
        gate.sampled(id(number), version);
        ready.add(new Filled<>(number, place, version));
    }

    /** A place could not be filled: another one takes its turn. */
    public void lost(long number) {
        if (underWay.remove(number) == null) {
            throw new IllegalStateException("place " + number + " is not under way");
        }
        gate.ended(id(number));
    }

    /**
     * Admits the next update's places, if there are enough and the learner may go past what stays under way. Until {@link #trained} no
     * other update is admitted.
     *
     * @param learner the version that the learner has
     * @return the places in the order in which they are trained
     */
    public Optional<List<P>> admit(long learner) {
        if (training || ready.size() < places) {
            return Optional.empty();
        }
        List<Filled<P>> batch = ready.stream()
                .sorted(
                        bound == 0
                                // By place, so that nothing depends on arrival.
                                ? Comparator.comparingLong((Filled<P> f) -> f.number())
                                // By arrival among the equally old.
                                : Comparator.comparingLong((Filled<P> f) -> f.oldest()))
                .limit(places)
                .toList();
        // The batch ends with the update that it makes; whoever stays under way decides whether that update may come.
        batch.forEach(f -> gate.ended(id(f.number())));
        if (!gate.mayMake(learner + 1, places)) {
            batch.forEach(f -> gate.reserved(id(f.number()), f.oldest()));
            return Optional.empty();
        }
        Set<Long> numbers = batch.stream().map(Filled::number).collect(Collectors.toSet());
        ready.removeIf(f -> numbers.contains(f.number()));
        training = true;
        admitted++;
        return Optional.of(batch.stream().map(Filled::place).toList());
    }

    /** The admitted update was made. */
    public void trained() {
        if (!training) {
            throw new IllegalStateException("no update was admitted");
        }
        training = false;
    }

    /** Whether an update was admitted and is not made yet. */
    public boolean training() {
        return training;
    }

    /** Places that are being filled. */
    public int underWay() {
        return underWay.size();
    }

    /** Takes the filled places that no update will admit any more. */
    public List<P> takeReady() {
        ready.forEach(f -> gate.ended(id(f.number())));
        List<P> out = ready.stream().map(Filled::place).toList();
        ready.clear();
        return out;
    }

    private static String id(long number) {
        return Long.toString(number);
    }
}
