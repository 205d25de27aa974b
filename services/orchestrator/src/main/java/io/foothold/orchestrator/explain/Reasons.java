package io.foothold.orchestrator.explain;

import com.fasterxml.jackson.databind.JsonNode;
import io.foothold.orchestrator.ledger.LedgerLookup;
import io.foothold.orchestrator.update.Manifest;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Why a rollout counted as it did, in sentences. */
final class Reasons {
    private Reasons() {}

    static List<String> of(
            LedgerLookup.Row row,
            @Nullable Double advantage,
            Optional<Manifest> manifest,
            List<RolloutStory.Compared> group,
            @Nullable JsonNode said) {
        List<String> out = new ArrayList<>();
        out.add(verdict(row, said));
        switch (row.state()) {
            case "TRAINED" -> trained(row, advantage, manifest, group, out);
            case "ADMITTED" ->
                out.add("It is part of update " + row.update() + ", which the learner has not confirmed.");
            case "CONSUMED" -> out.add("It served " + row.reason() + " and was not trained.");
            case "DROPPED" -> out.add("It was dropped and not trained: " + row.reason() + ".");
            default ->
                out.add("It is " + row.state().toLowerCase(Locale.ROOT) + ": where it goes on to is not known yet.");
        }
        return out;
    }

    private static String verdict(LedgerLookup.Row row, @Nullable JsonNode said) {
        if (row.verdict().isEmpty()) {
            return "It has no verdict.";
        }
        String rule = said == null ? "" : said.path("rule").asText();
        return "Its verdict is " + row.verdict() + (rule.isEmpty() ? "" : " by the rule '" + rule + "'")
                + number(", reward %.4g.", row.reward());
    }

    private static void trained(
            LedgerLookup.Row row,
            @Nullable Double advantage,
            Optional<Manifest> manifest,
            List<RolloutStory.Compared> group,
            List<String> out) {
        out.add("Update " + row.update() + " used it"
                + manifest.map(m -> " and made policy version " + m.policyVersion() + " (digest " + m.digest() + ")")
                        .orElse("")
                + ".");
        double[] rewards = group.stream()
                .filter(c -> c.advantage() != null)
                .mapToDouble(c -> c.row().reward())
                .toArray();
        if (rewards.length > 0) {
            double mean = java.util.Arrays.stream(rewards).average().orElse(0);
            out.add(String.format(
                    Locale.ROOT,
                    "%d rollouts of its group were trained, with a mean reward of %.4g.",
                    rewards.length,
                    mean));
        }
        if (advantage == null) {
            out.add("The manifest has no advantage of it.");
        } else if (advantage == 0) {
            out.add("Its advantage is 0: it gave no gradient.");
        } else {
            out.add(number("Its advantage is %.4g: ", advantage)
                    + (advantage > 0
                            ? "what was sampled in it became more likely."
                            : "what was sampled in it became less likely."));
        }
    }

    private static String number(String format, double value) {
        return String.format(Locale.ROOT, format, value);
    }
}
