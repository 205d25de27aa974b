package io.foothold.core.method;

import io.foothold.core.random.Seeds;
import io.foothold.core.start.StartState;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Complete groups for a method. A group is never smaller than it was asked for: a rollout without a verdict is sampled again, with
 * another seed; one that did not come is asked for again with its own; and after three attempts the group is lost. One place, one
 * thread.
 */
final class Sampling {
    private static final int ATTEMPTS = 3;

    private final Peers peers;
    private final List<End> ends = new ArrayList<>();

    Sampling(Peers peers) {
        this.peers = peers;
    }

    /**
     * A group that is asked for.
     *
     * @param name inside the place
     * @param from number of its first member
     * @param segment most tokens of segments; 0 for rollouts to the end
     * @param seeds split by the number of the member
     */
    record Wanted(String name, StartState start, int from, int members, int segment, Seeds seeds) {
        /** Whether nothing more can be asked of a rollout. */
        boolean isEnough(Rollout rollout) {
            return rollout.reward().isPresent()
                    || (segment > 0 && rollout.came() && rollout.sampled().cut());
        }
    }

    /**
     * What came of a group.
     *
     * @param rollouts in the order of their numbers; all of them when the group is complete
     * @param missing how many are not there
     * @param failure why; null when the group is complete
     */
    record Filled(
            List<Rollout> rollouts, int missing, @Nullable RuntimeException failure) {
        boolean isComplete() {
            return failure == null;
        }

        /** Why it is not complete. */
        String why() {
            return String.valueOf(Objects.requireNonNull(failure).getMessage());
        }

        /** Why its rollouts are given up. */
        String reason() {
            return "its group lost " + missing + " members: " + why();
        }
    }

    /** Ends so far: of what was sampled and not judged, and those that the method said. */
    List<End> ends() {
        return ends;
    }

    void end(End end) {
        ends.add(end);
    }

    /** Gives up what came of a group that is not complete. */
    void giveUp(Filled group) {
        group.rollouts().forEach(r -> end(new End.Dropped(r, group.reason())));
    }

    /** A complete group of rollouts to the end. */
    List<Rollout> group(String name, StartState start, int members, Seeds seeds) {
        return complete(new Wanted(name, start, 0, members, 0, seeds));
    }

    /** A complete group. */
    List<Rollout> complete(Wanted wanted) {
        Filled filled = fill(List.of(wanted)).get(0);
        if (filled.failure() != null) {
            throw new PlaceLost(filled.reason(), filled.failure(), ends);
        }
        return filled.rollouts();
    }

    /** Groups, sampled at the same time; those that cannot be completed are among them. */
    List<Filled> fill(List<Wanted> groups) {
        List<Filling> filling = groups.stream().map(Filling::new).toList();
        for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
            List<Ask> asks = new ArrayList<>();
            List<Filling> askedBy = new ArrayList<>();
            List<Integer> places = new ArrayList<>();
            for (Filling group : filling) {
                for (int place : group.missing()) {
                    asks.add(group.ask(place, attempt));
                    askedBy.add(group);
                    places.add(place);
                }
            }
            if (asks.isEmpty()) {
                break;
            }
            List<Rollout> came = peers.sample(asks);
            for (int i = 0; i < came.size(); i++) {
                askedBy.get(i).take(places.get(i), came.get(i));
            }
        }
        return filling.stream().map(Filling::filled).toList();
    }

    /** A group while it is being filled. */
    private final class Filling {
        private final Wanted wanted;
        private final @Nullable Rollout[] kept;
        /** How often a member was sampled and not judged: only then another seed can help. */
        private final int[] unjudged;

        private @Nullable RuntimeException last;

        Filling(Wanted wanted) {
            this.wanted = wanted;
            this.kept = new @Nullable Rollout[wanted.members()];
            this.unjudged = new int[wanted.members()];
        }

        List<Integer> missing() {
            List<Integer> out = new ArrayList<>();
            for (int place = 0; place < kept.length; place++) {
                if (kept[place] == null) {
                    out.add(place);
                }
            }
            return out;
        }

        Ask ask(int place, int attempt) {
            int number = wanted.from() + place;
            Seeds own = wanted.seeds().split(number);
            return new Ask(
                    wanted.name(),
                    number + (attempt == 0 ? "" : "." + attempt),
                    wanted.start(),
                    wanted.segment(),
                    unjudged[place] == 0 ? own : own.split(unjudged[place]));
        }

        void take(int place, Rollout rollout) {
            if (wanted.isEnough(rollout)) {
                kept[place] = rollout;
                return;
            }
            last = Objects.requireNonNull(rollout.failure(), rollout.id());
            unjudged[place] += rollout.unjudged() ? 1 : 0;
            if (rollout.came()) {
                end(new End.Dropped(rollout, String.valueOf(last.getMessage())));
            }
        }

        Filled filled() {
            List<Rollout> rollouts = Arrays.stream(kept)
                    .filter(Objects::nonNull)
                    .map(Objects::requireNonNull)
                    .toList();
            int missing = kept.length - rollouts.size();
            return new Filled(rollouts, missing, missing == 0 ? null : last);
        }
    }
}
