package io.foothold.core.settings;

import io.foothold.core.keys.Section;
import io.foothold.core.keys.Setting;
import java.util.OptionalDouble;
import java.util.OptionalInt;

/** When and how the policy is evaluated. */
@Section("evaluation")
public record EvaluationSettings(
        @Setting(
                help = "Updates between evaluations.",
                fallback = "10",
                from = 1,
                to = Setting.COUNTED,
                unit = "updates")
        long every,

        @Setting(
                help = "Sampled training tokens between evaluations; 0 counts updates.",
                fallback = "0",
                from = 0,
                to = Setting.SUMMED,
                unit = "tokens")
        long everyTokens,

        @Setting(help = "Samples a problem.", fallback = "16", from = 1, to = Setting.AT_ONCE, unit = "samples")
        int samples,

        Sampling sampling,

        @Setting(
                help =
                        "Problems of each set, the training problems too, whose oracle solutions the learner scores at every evaluation from "
                                + "the unguided prompt; 0 is off.",
                fallback = "0",
                from = 0,
                to = Setting.AT_ONCE,
                unit = "problems")
        int oracleProblems) {

    /** How evaluations draw tokens. */
    public record Sampling(
            @Setting(
                    help = "Softmax temperature of evaluation, 0 takes the likeliest token; auto is that of training.",
                    fallback = Setting.AUTO,
                    from = 0,
                    to = 1000,
                    formerly = "evaluation.temperature")
            OptionalDouble temperature,

            @Setting(
                    help =
                            "Evaluation draws from the likeliest tokens with so much probability in all; 1 from every token.",
                    fallback = "1",
                    above = 0,
                    to = 1)
            double topP,

            @Setting(
                    help = "Evaluation draws from so many of the likeliest tokens; 0 from every token.",
                    fallback = "0",
                    from = 0,
                    to = Setting.AT_ONCE,
                    unit = "tokens")
            int topK,

            @Setting(
                    help =
                            "Limit of sampled tokens in evaluation, 0 takes the problem's own; auto is that of training.",
                    fallback = Setting.AUTO,
                    from = 0,
                    to = Setting.COUNTED,
                    unit = "tokens")
            OptionalInt maxTokens) {}
}
