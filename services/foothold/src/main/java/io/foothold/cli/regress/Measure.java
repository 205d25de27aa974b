package io.foothold.cli.regress;

import com.fasterxml.jackson.databind.JsonNode;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.error.Nearest;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** One number of a run. */
sealed interface Measure {
    /** When it is looked at: behind an update; at the end of the run where there is none. */
    record When(Optional<Long> update) {
        @Override
        public String toString() {
            return update.map(u -> " at update " + u).orElse(" at the end");
        }
    }

    /** The number in what a run left; empty where it is not there. */
    OptionalDouble in(Numbers numbers);

    /** Why it is not there. */
    String absence(Numbers numbers);

    /** Whether it has a 95 % interval. */
    default boolean hasInterval() {
        return false;
    }

    /** The lower end of its interval. */
    default OptionalDouble low(Numbers numbers) {
        return OptionalDouble.empty();
    }

    /** The upper end of its interval. */
    default OptionalDouble high(Numbers numbers) {
        return OptionalDouble.empty();
    }

    /** A number of an evaluation, by the name under which it is stored. */
    record OfSet(String name, String set, When when) implements Measure {
        private Optional<JsonNode> evaluation(Numbers numbers) {
            return numbers.evaluation(set, when.update());
        }

        @Override
        public OptionalDouble in(Numbers numbers) {
            return number(evaluation(numbers), name);
        }

        @Override
        public boolean hasInterval() {
            return name.startsWith("pass@");
        }

        @Override
        public OptionalDouble low(Numbers numbers) {
            return number(evaluation(numbers), name.equals("pass@1") ? "low" : name + "_low");
        }

        @Override
        public OptionalDouble high(Numbers numbers) {
            return number(evaluation(numbers), name.equals("pass@1") ? "high" : name + "_high");
        }

        @Override
        public String absence(Numbers numbers) {
            Optional<JsonNode> there = evaluation(numbers);
            return there.isEmpty()
                    ? "there is no evaluation of " + set + when + Nearest.hint(set, numbers.sets())
                    : "the evaluation of " + set + when + " has no '" + name + "'"
                            + Nearest.hint(name, names(there.get()));
        }
    }

    /** A number of an update. */
    record OfUpdate(String name, When when) implements Measure {
        @Override
        public OptionalDouble in(Numbers numbers) {
            return number(numbers.update(when.update()), name);
        }

        @Override
        public String absence(Numbers numbers) {
            return numbers.update(when.update())
                    .map(update -> "there is no '" + name + "'" + when + Nearest.hint(name, names(update)))
                    .orElse("there is no update" + when);
        }
    }

    /** What it cost until pass@1 of a set first reached a threshold. */
    record Until(String cost, double threshold, String set) implements Measure {
        static final List<String> COSTS = List.of("tokens", "updates");

        @Override
        public OptionalDouble in(Numbers numbers) {
            return numbers.evaluations().stream()
                    .filter(e -> e.path("set").asText().equals(set))
                    .filter(e -> e.path("pass@1").isNumber() && e.path("pass@1").asDouble() >= threshold)
                    .mapToDouble(e -> e.path(cost.equals("tokens") ? "training_tokens" : "update")
                            .asDouble())
                    .findFirst();
        }

        @Override
        public String absence(Numbers numbers) {
            return numbers.sets().contains(set)
                    ? "pass@1 of " + set + " never reached " + threshold
                    : "there is no evaluation of " + set + Nearest.hint(set, numbers.sets());
        }
    }

    /** How often something happened that should not. */
    record Count(String what) implements Measure {
        static final List<String> KINDS =
                List.of("dropped groups", "warnings", "alarms", "lost rollouts", "rollouts trained twice");

        @Override
        public OptionalDouble in(Numbers numbers) {
            return OptionalDouble.of(numbers.counts().getOrDefault(what, 0L));
        }

        @Override
        public String absence(Numbers numbers) {
            throw new IllegalStateException();
        }
    }

    /** A column of the table of estimators. */
    record OfEstimator(String column, String method) implements Measure {
        static final List<String> COLUMNS = List.of("cosine", "bias", "noise");

        @Override
        public OptionalDouble in(Numbers numbers) {
            var row = numbers.estimators().get(method);
            return row == null ? OptionalDouble.empty() : OptionalDouble.of(row.getOrDefault(column, Double.NaN));
        }

        @Override
        public String absence(Numbers numbers) {
            return numbers.estimators().isEmpty()
                    ? "the table of estimators was not made (expected 'estimators: TRIALS' in place of 'file')"
                    : "no estimator is called '" + method + "'"
                            + Nearest.hint(method, numbers.estimators().keySet());
        }
    }

    private static OptionalDouble number(Optional<JsonNode> of, String name) {
        return of.map(node -> node.path(name))
                .filter(JsonNode::isNumber)
                .map(node -> OptionalDouble.of(node.asDouble()))
                .orElse(OptionalDouble.empty());
    }

    private static TreeSet<String> names(JsonNode of) {
        TreeSet<String> out = new TreeSet<>();
        of.properties().stream().filter(e -> e.getValue().isNumber()).forEach(e -> out.add(e.getKey()));
        return out;
    }

    /** The forms of a measure. */
    final class Forms {
        private static final Pattern WHEN = Pattern.compile("(.+?) at (?:update (\\d{1,18})|the end)");
        private static final Pattern UNTIL = Pattern.compile("(\\w+) to (0?\\.\\d+|1|1\\.0*) of (\\S+)");
        private static final Pattern OF_SET = Pattern.compile("(\\S+) of (\\S+)");
        private static final Pattern ESTIMATOR = Pattern.compile("(\\w+) of estimator (.+)");
        private static final Pattern NAME = Pattern.compile("[\\w@]+");

        private Forms() {}
    }

    /**
     * Reads one.
     *
     * @param at where it stands, as a message begins
     * @throws FootholdException {@link ErrorCode#INVALID_INPUT} for a text that is none
     */
    static Measure parse(String at, String text) {
        if (Count.KINDS.contains(text)) {
            return new Count(text);
        }
        Matcher m = Forms.ESTIMATOR.matcher(text);
        if (m.matches()) {
            if (!OfEstimator.COLUMNS.contains(m.group(1))) {
                throw invalid(at, "'" + m.group(1) + "' of estimators" + Nearest.hint(m.group(1), OfEstimator.COLUMNS));
            }
            return new OfEstimator(m.group(1), m.group(2));
        }
        m = Forms.UNTIL.matcher(text);
        if (m.matches()) {
            if (!Until.COSTS.contains(m.group(1))) {
                throw invalid(at, "'" + m.group(1) + " to …'" + Nearest.hint(m.group(1), Until.COSTS));
            }
            return new Until(m.group(1), Double.parseDouble(m.group(2)), m.group(3));
        }
        m = Forms.WHEN.matcher(text);
        if (m.matches()) {
            When when = new When(Optional.ofNullable(m.group(2)).map(Long::valueOf));
            Matcher set = Forms.OF_SET.matcher(m.group(1));
            if (set.matches()) {
                return new OfSet(set.group(1), set.group(2), when);
            }
            if (Forms.NAME.matcher(m.group(1)).matches()) {
                return new OfUpdate(m.group(1), when);
            }
        }
        throw invalid(
                at,
                "'" + text
                        + "' is no measure (expected 'NAME of SET at update N', 'NAME at update N', either with 'at the end', "
                        + "'tokens to SHARE of SET', 'bias of estimator NAME', or one of "
                        + String.join(", ", Count.KINDS)
                        + ")");
    }

    private static FootholdException invalid(String at, String why) {
        return new FootholdException(ErrorCode.INVALID_INPUT, at + ": " + why);
    }
}
