package io.foothold.core.start;

import io.foothold.core.random.Seeds;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * What share of an update's groups begins where.
 *
 * @param parts the ingredients
 * @param draw how they are drawn
 */
public record Mixture(List<Part> parts, Draw draw) {

    /** Kinds of start states that need no earlier rollout. */
    public enum Kind {
        /** The plain problem. */
        ROOT,
        /** The problem with its searched prefix. */
        GUIDED
    }

    /** How parts and problems are drawn. */
    public enum Draw {
        /** Each group draws its part and its problem uniformly with replacement: POPE's paper, where 1:1 holds in expectation. */
        INDEPENDENT,
        /** Each part gets its exact share of the groups and draws its problems without replacement. */
        STRATIFIED,
        /** Problems are drawn without replacement and each appears once in every part. */
        PAIRED
    }

    /**
     * One ingredient.
     *
     * @param share relative to the sum of all shares
     */
    public record Part(Kind kind, double share) {
        /** Shares are positive. */
        public Part {
            if (!(share > 0)) {
                throw new IllegalArgumentException("the share of " + kind + " must be positive: " + share);
            }
        }
    }

    /** Copies the parts. */
    public Mixture {
        parts = List.copyOf(parts);
        if (parts.isEmpty()) {
            throw new IllegalArgumentException("a mixture needs a part");
        }
    }

    /**
     * The start states of one update, one a group. Depends on nothing but its arguments.
     *
     * @param problemIds problems to draw from
     * @param prefixes searched prefix length by problem id; must hold every problem when a part is guided
     * @param seed the seed of this update
     */
    public List<StartState> draw(List<String> problemIds, Map<String, Integer> prefixes, int groups, Seeds seed) {
        if (problemIds.isEmpty()) {
            throw new IllegalArgumentException("no problem to draw from");
        }
        SplittableRandom random = seed.generator();
        List<StartState> out = new ArrayList<>(groups);
        switch (draw) {
            case INDEPENDENT -> {
                double total = parts.stream().mapToDouble(Part::share).sum();
                for (int g = 0; g < groups; g++) {
                    double at = random.nextDouble() * total;
                    int p = 0;
                    while (p < parts.size() - 1 && at >= parts.get(p).share()) {
                        at -= parts.get(p++).share();
                    }
                    out.add(start(parts.get(p).kind(), problemIds.get(random.nextInt(problemIds.size())), prefixes));
                }
            }
            case STRATIFIED -> {
                int[] counts = apportion(groups);
                for (int p = 0; p < parts.size(); p++) {
                    for (String id : distinct(problemIds, counts[p], random)) {
                        out.add(start(parts.get(p).kind(), id, prefixes));
                    }
                }
            }
            case PAIRED -> {
                if (groups % parts.size() != 0) {
                    throw new IllegalArgumentException("paired mixtures need groups (" + groups
                            + ") to be a multiple of the number of parts (" + parts.size() + ")");
                }
                for (String id : distinct(problemIds, groups / parts.size(), random)) {
                    for (Part part : parts) {
                        out.add(start(part.kind(), id, prefixes));
                    }
                }
            }
        }
        return out;
    }

    private static StartState start(Kind kind, String id, Map<String, Integer> prefixes) {
        return switch (kind) {
            case ROOT -> new StartState.Root(id);
            case GUIDED -> {
                Integer prefix = prefixes.get(id);
                if (prefix == null) {
                    throw new IllegalArgumentException("problem " + id + " has no searched prefix");
                }
                yield prefix == 0 ? new StartState.Root(id) : new StartState.Guided(id, prefix);
            }
        };
    }

    /** Largest-remainder apportionment of the groups to the parts; ties go to the earlier part. */
    private int[] apportion(int groups) {
        double total = parts.stream().mapToDouble(Part::share).sum();
        int[] counts = new int[parts.size()];
        double[] remainders = new double[parts.size()];
        int given = 0;
        for (int p = 0; p < counts.length; p++) {
            double exact = groups * parts.get(p).share() / total;
            counts[p] = (int) Math.floor(exact);
            remainders[p] = exact - counts[p];
            given += counts[p];
        }
        List<Integer> order = IntStream.range(0, counts.length)
                .boxed()
                .sorted(Comparator.comparingDouble((Integer p) -> -remainders[p]))
                .toList();
        for (int i = 0; given < groups; i++, given++) {
            counts[order.get(i % order.size())]++;
        }
        return counts;
    }

    /** Without replacement as far as the problems reach; then another round begins. */
    private static List<String> distinct(List<String> ids, int count, SplittableRandom random) {
        List<String> out = new ArrayList<>(count);
        List<String> deck = new ArrayList<>();
        while (out.size() < count) {
            if (deck.isEmpty()) {
                deck.addAll(ids);
            }
            int at = random.nextInt(deck.size());
            out.add(deck.get(at));
            deck.set(at, deck.get(deck.size() - 1));
            deck.remove(deck.size() - 1);
        }
        return out;
    }
}
