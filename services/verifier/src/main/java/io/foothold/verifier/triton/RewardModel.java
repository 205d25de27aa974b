package io.foothold.verifier.triton;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.triton.ServerAddress;
import java.time.Duration;
import java.util.List;
import java.util.OptionalDouble;

/**
 * A reward model.
 *
 * @param server where it is served
 * @param name its name there
 * @param version of it; 0 for the one that the server chooses
 * @param tensors what it takes and gives
 * @param scale what makes its number a score
 * @param calls how it may be called
 */
public record RewardModel(ServerAddress server, String name, int version, Tensors tensors, Scale scale, Calls calls) {
    /**
     * What it takes and gives.
     *
     * @param inputs in the order in which texts are given
     * @param output its scores
     */
    public record Tensors(List<Input> inputs, String output) {
        /** Copies. */
        public Tensors {
            inputs = List.copyOf(inputs);
        }
    }

    /**
     * A tensor of texts.
     *
     * @param text with {problem}, {answer} and {response}
     */
    public record Input(String name, String text) {}

    /** What makes its number a score in [0, 1]. */
    public sealed interface Scale {
        /** The score; empty where a number has none. The number is finite. */
        OptionalDouble score(double number);

        /** The number itself. */
        record None() implements Scale {
            @Override
            public OptionalDouble score(double number) {
                return number >= 0 && number <= 1 ? OptionalDouble.of(number) : OptionalDouble.empty();
            }
        }

        /**
         * Linear, and cut to the ends beyond them.
         *
         * @param low number of a score of 0
         * @param high number of a score of 1
         */
        record Range(double low, double high) implements Scale {
            /**
             * Checks.
             *
             * @throws FootholdException INVALID_INPUT unless low is below high
             */
            public Range {
                if (!(low < high)) {
                    throw invalid("a reward model's range needs low below high: " + low + ", " + high);
                }
            }

            @Override
            public OptionalDouble score(double number) {
                return OptionalDouble.of(Math.clamp((number - low) / (high - low), 0, 1));
            }
        }

        /** The logistic function. */
        record Sigmoid() implements Scale {
            @Override
            public OptionalDouble score(double number) {
                return OptionalDouble.of(1 / (1 + Math.exp(-number)));
            }
        }
    }

    /**
     * How it may be called.
     *
     * @param deadline of one call
     * @param attempts for one response
     * @param maxBatch most responses of a call
     */
    public record Calls(Duration deadline, int attempts, int maxBatch) {}

    /**
     * Checks what came over the wire.
     *
     * @throws FootholdException INVALID_INPUT for what is no model
     */
    public RewardModel {
        boolean nameless = name.isEmpty() || tensors.output().isEmpty() || version < 0;
        if (nameless
                || tensors.inputs().isEmpty()
                || tensors.inputs().stream().anyMatch(i -> i.name().isEmpty())
                || tensors.inputs().stream().map(Input::name).distinct().count()
                        != tensors.inputs().size()) {
            throw invalid("a reward model needs a name, inputs of different names and an output");
        }
        if (calls.attempts() < 1 || calls.maxBatch() < 1 || calls.deadline().isNegative()) {
            throw invalid("a reward model needs an attempt, time, and a response a call");
        }
    }

    static FootholdException invalid(String message) {
        return new FootholdException(ErrorCode.INVALID_INPUT, message);
    }

    @Override
    public String toString() {
        return "reward model " + name + (version == 0 ? "" : " version " + version) + " at " + server;
    }
}
