package io.foothold.core.settings;

import io.foothold.core.keys.Setting;

/**
 * A model that judges responses, behind an endpoint for chat completions as OpenAI defined it. Its score is a mark that it writes over the best
 * one, in [0, 1].
 *
 * @param url base of the endpoint; empty for none
 * @param model its name
 * @param prompt what it is asked, with {problem}, {answer} and {response}
 * @param pattern regular expression whose first group is the mark
 * @param best mark of a score of 1
 * @param maxTokens of an answer
 * @param seconds most time of a call
 * @param attempts most calls of one response
 * @param perMinute most calls a minute; 0 for no limit
 */
public record JudgeSettings(
        @Setting(
                help =
                        "Base URL of an OpenAI-compatible endpoint whose model judges responses; /chat/completions is added. As "
                                + "'verification.judge' it judges every response whose kind has no server of its own; see docs/rewards.md.",
                fallback = "")
        String url,

        @Setting(help = "The judge's model, by its name there.", fallback = "")
        String model,

        @Setting(
                help = "What the judge is asked: a text with {response}, and with {problem} and {answer} as wanted.",
                fallback = "")
        String prompt,

        @Setting(
                help = "Regular expression whose first group is the mark in the judge's answer; its last match counts.",
                fallback = "(?i)score:\\s*([0-9]+(?:\\.[0-9]+)?)")
        String pattern,

        @Setting(help = "Best mark: the score is the mark divided by it.", fallback = "10", above = 0, to = 1_000_000)
        double best,

        @Setting(help = "Most tokens of the judge's answer.", fallback = "512", from = 1, to = 100_000, unit = "tokens")
        int maxTokens,

        @Setting(
                help = "Most time that a call of the judge may take.",
                fallback = "60",
                above = 0,
                to = 600,
                unit = "seconds")
        double seconds,

        @Setting(
                help = "Most calls for one response, where the judge is busy, away or late.",
                fallback = "4",
                from = 1,
                to = 20,
                unit = "calls")
        int attempts,

        @Setting(
                help = "Most calls a minute that a verifier makes of this judge; 0 for no limit.",
                fallback = "0",
                from = 0,
                to = 1_000_000,
                unit = "calls")
        int perMinute)
        implements ScorerSettings {

    /** Most characters of a prompt: it travels with every response. */
    public static final int LONGEST_PROMPT = 1 << 16;

    @Override
    public boolean given() {
        return !url.isEmpty();
    }

    @Override
    public String key() {
        return "judge.url";
    }

    @Override
    public boolean asksServer() {
        return true;
    }
}
