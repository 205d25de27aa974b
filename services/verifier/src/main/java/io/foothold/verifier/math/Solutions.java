package io.foothold.verifier.math;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * Solutions in several unknowns, each with all its unknowns named: {@code p=5, q=2; p=7, q=2} and {@code (p,q)=(5,2), (7,2)}.
 *
 * @param names the unknowns, at least two, in the order of a tuple
 * @param solutions the value of each unknown, at least one solution
 */
record Solutions(List<String> names, List<Map<String, Answer>> solutions) {
    /** Copies. */
    Solutions {
        names = List.copyOf(names);
        solutions = List.copyOf(solutions);
    }

    /** What an answer names; empty when it is anything but solutions in the same unknowns, two or more. */
    static Optional<Solutions> of(Answer a) {
        if (a instanceof Answer.Group g
                && (g.bracket() == Answer.Bracket.NONE || g.bracket() == Answer.Bracket.UNPRINTED)) {
            return new Reading().of(g.items());
        }
        return a instanceof Answer.Relation r ? new Reading().of(List.of(r)) : Optional.empty();
    }

    /** The same without names: a tuple, or several of them. */
    Answer tuples() {
        List<Answer> all = solutions.stream()
                .map(s -> (Answer) new Answer.Group(
                        Answer.Bracket.ROUND, names.stream().map(s::get).toList()))
                .toList();
        return all.size() == 1 ? all.get(0) : new Answer.Group(Answer.Bracket.NONE, all);
    }

    /** Reads the members of a list one after the other. */
    private static final class Reading {
        private final List<Map<String, Answer>> done = new ArrayList<>();
        private Map<String, Answer> open = new LinkedHashMap<>();
        private List<String> tuple = List.of();

        Optional<Solutions> of(List<Answer> items) {
            for (Answer item : items) {
                if (!take(item)) {
                    return Optional.empty();
                }
            }
            close();
            byIndex();
            List<String> names = tuple.isEmpty() && !done.isEmpty()
                    ? inOrder(List.copyOf(done.get(0).keySet()))
                    : tuple;
            return names.size() < 2 || done.stream().anyMatch(s -> !s.keySet().equals(Set.copyOf(names)))
                    ? Optional.empty()
                    : Optional.of(new Solutions(names, done));
        }

        /** One list of x_1, y_1, x_2, y_2 is a solution for each index. */
        private void byIndex() {
            if (done.size() != 1 || !tuple.isEmpty()) {
                return;
            }
            Map<String, Map<String, Answer>> solutions = new LinkedHashMap<>();
            for (Map.Entry<String, Answer> e : done.get(0).entrySet()) {
                int line = e.getKey().indexOf('_');
                if (line < 0) {
                    return;
                }
                solutions
                        .computeIfAbsent(e.getKey().substring(line), i -> new LinkedHashMap<>())
                        .put(e.getKey().substring(0, line), e.getValue());
            }
            Set<String> names = solutions.values().iterator().next().keySet();
            if (names.size() > 1
                    && solutions.values().stream().allMatch(s -> s.keySet().equals(names))) {
                done.clear();
                done.addAll(solutions.values());
            }
        }

        private boolean take(Answer item) {
            if (item instanceof Answer.Relation r && r.sides().size() > 2 && named(r)) {
                Answer value = r.sides().get(r.sides().size() - 1);
                return r.sides().subList(0, r.sides().size() - 1).stream()
                        .allMatch(side -> take(new Answer.Relation(List.of(side, value), List.of("="))));
            }
            if (item instanceof Answer.Relation r
                    && r.sides().size() == 2
                    && r.signs().get(0).equals("=")) {
                Answer left = r.sides().get(0);
                Answer right = r.sides().get(1);
                Optional<String> name = name(left);
                if (name.isPresent()) {
                    if (open.containsKey(name.get())) {
                        close();
                    }
                    open.put(name.get(), right);
                    return true;
                }
                Optional<List<String>> names = names(left);
                if (names.isEmpty()) {
                    return false;
                }
                tuple = names.get();
                return values(right);
            }
            if (item instanceof Answer.Group g && !tuple.isEmpty()) {
                return values(g);
            }
            if (item instanceof Answer.Group g
                    && (g.bracket() == Answer.Bracket.ROUND || g.bracket() == Answer.Bracket.SET)
                    && !g.items().isEmpty()) {
                close();
                boolean all = g.items().stream().allMatch(i -> !(i instanceof Answer.Group) && take(i));
                close();
                return all;
            }
            return false;
        }

        /** The values of a tuple whose names stand before it. */
        private boolean values(Answer right) {
            if (!(right instanceof Answer.Group g)
                    || g.bracket() != Answer.Bracket.ROUND
                    || g.items().size() != tuple.size()) {
                return false;
            }
            close();
            IntStream.range(0, tuple.size())
                    .forEach(i -> open.put(tuple.get(i), g.items().get(i)));
            close();
            return true;
        }

        private void close() {
            if (!open.isEmpty()) {
                done.add(open);
                open = new LinkedHashMap<>();
            }
        }

        /** Whether a chain of equations gives one value to several unknowns: x = y = 2. */
        private static boolean named(Answer.Relation r) {
            return r.signs().stream().allMatch(s -> s.equals("="))
                    && r.sides().subList(0, r.sides().size() - 1).stream()
                            .allMatch(side -> name(side).isPresent())
                    && name(r.sides().get(r.sides().size() - 1)).isEmpty();
        }

        private static Optional<String> name(Answer a) {
            return a instanceof Answer.Scalar s
                            && s.value() instanceof Expr.Var v
                            && s.unit().isEmpty()
                    ? Optional.of(v.name())
                    : Optional.empty();
        }

        private static Optional<List<String>> names(Answer a) {
            if (!(a instanceof Answer.Group g) || g.bracket() != Answer.Bracket.ROUND) {
                return Optional.empty();
            }
            List<String> out =
                    g.items().stream().flatMap(i -> name(i).stream()).distinct().toList();
            return out.size() == g.items().size() && out.size() > 1 ? Optional.of(out) : Optional.empty();
        }

        /** Neighbours of the alphabet (x and y; p and q) and indices in their order; other unknowns as they were written. */
        private static List<String> inOrder(List<String> names) {
            List<String> sorted = names.stream().sorted().toList();
            boolean neighbours = IntStream.range(1, sorted.size()).allMatch(i -> {
                String one = sorted.get(i - 1);
                String two = sorted.get(i);
                return one.length() == two.length()
                        && one.substring(0, one.length() - 1).equals(two.substring(0, one.length() - 1))
                        && two.charAt(two.length() - 1) - one.charAt(one.length() - 1) == 1;
            });
            return neighbours ? sorted : names;
        }
    }
}
