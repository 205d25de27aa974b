package io.foothold.cli.report;

import com.fasterxml.jackson.databind.JsonNode;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import java.util.Locale;
import java.util.OptionalDouble;

/** Reads the numbers of an evaluation, as a run stores them. */
public final class Evaluations {
    private Evaluations() {}

    /** pass@k; empty when no problem had enough verdicts. */
    static OptionalDouble passAt(JsonNode evaluation, int k) {
        JsonNode value = evaluation.path("pass@" + k);
        return value.isNumber() ? OptionalDouble.of(value.asDouble()) : OptionalDouble.empty();
    }

    /**
     * pass@1 of an evaluation that a report stands on.
     *
     * @throws FootholdException when nothing was judged
     */
    public static double passAt1(JsonNode evaluation) {
        return passAt(evaluation, 1)
                .orElseThrow(() -> new FootholdException(
                        ErrorCode.INVALID_DATA,
                        "the evaluation of " + evaluation.path("set").asText() + " at update "
                                + evaluation.path("update").asLong() + " has no verdict: not judged"));
    }

    /** Three digits of it. */
    static String passAt1Text(JsonNode evaluation) {
        return String.format(Locale.ROOT, "%.3f", passAt1(evaluation));
    }

    /** Its 95 % Wilson interval. */
    static String interval(JsonNode evaluation) {
        return String.format(
                Locale.ROOT,
                "%.3f to %.3f",
                evaluation.path("low").asDouble(),
                evaluation.path("high").asDouble());
    }

    /** How likely oracle solutions are, for people; empty where that was not asked. */
    public static String oracleText(JsonNode evaluation) {
        String held = oracle(evaluation.path("oracle"));
        String trained = oracle(evaluation.path("oracle_train"));
        return held.isEmpty() && trained.isEmpty()
                ? ""
                : "oracle solutions from the unguided prompt: "
                        + (trained.isEmpty()
                                ? held
                                : held.isEmpty() ? "training " + trained : held + "; training " + trained);
    }

    private static String oracle(JsonNode o) {
        if (o.isMissingNode()) {
            return "";
        }
        String failed = o.path("not_scored").asLong() == 0
                ? ""
                : ", " + o.path("not_scored").asLong() + " not scored ("
                        + o.path("not_scored_first").asText() + ")";
        return o.path("log_prob").isNumber()
                ? String.format(
                        Locale.ROOT,
                        "10^%.2f a solution, %.3f nats a token, mean probability %.2g (%d problems, %d tokens%s)",
                        o.path("log_prob").asDouble() / Math.log(10),
                        o.path("log_prob_per_token").asDouble(),
                        o.path("probability").asDouble(),
                        o.path("problems").asLong(),
                        o.path("tokens").asLong(),
                        failed)
                : "none" + failed;
    }

    /** pass@1 with what it was measured on, for people. */
    public static String text(JsonNode evaluation) {
        OptionalDouble passAt1 = passAt(evaluation, 1);
        long asked = evaluation.path("problems").asLong()
                * evaluation.path("samples_per_problem").asLong();
        if (passAt1.isEmpty()) {
            return "not judged (0 of " + asked + " samples have a verdict)";
        }
        long judged = evaluation.path("samples").asLong();
        return String.format(
                Locale.ROOT,
                "pass@1 %.3f  (%d of %d, 95%% interval %.3f to %.3f)%s%s",
                passAt1.getAsDouble(),
                evaluation.path("passes").asLong(),
                judged,
                evaluation.path("low").asDouble(),
                evaluation.path("high").asDouble(),
                judged < asked ? "; " + (asked - judged) + " samples without a verdict" : "",
                evaluation.path("finished_share").isNumber()
                        ? String.format(
                                Locale.ROOT,
                                "; %.3f ended before their limit",
                                evaluation.path("finished_share").asDouble())
                        : "");
    }
}
