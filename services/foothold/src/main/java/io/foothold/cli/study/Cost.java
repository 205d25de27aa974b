package io.foothold.cli.study;

import com.fasterxml.jackson.databind.JsonNode;

/** What arms are charged with; evaluations are free. */
enum Cost {
    /** Rollouts: trained ones and those of mining and prefix search. */
    ROLLOUTS("rollouts, search and mining counted") {
        @Override
        double at(Outcome outcome, JsonNode evaluation) {
            return outcome.rolloutsAt(evaluation);
        }
    },
    /** Sampled tokens: seeds, draws that found no failure, localization and suffixes count. */
    TOKENS("sampled tokens, seeds and localization counted") {
        @Override
        double at(Outcome outcome, JsonNode evaluation) {
            return evaluation.path("training_tokens").asDouble();
        }
    };

    private final String words;

    Cost(String words) {
        this.words = words;
    }

    /** For people. */
    String words() {
        return words;
    }

    /** What the policy of an evaluation has cost. */
    abstract double at(Outcome outcome, JsonNode evaluation);
}
