package io.foothold.verifier.chat;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.names.WebAddress;
import java.net.URI;
import java.time.Duration;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * A model that judges responses.
 *
 * @param url base of its endpoint, without a slash at its end
 * @param model its name
 * @param question what it is asked and how its answer is read
 * @param calls how it may be called
 */
public record ChatJudge(String url, String model, Question question, Calls calls) {
    /**
     * What it is asked and how its answer is read.
     *
     * @param prompt with {problem}, {answer} and {response}
     * @param pattern whose first group is the mark; its last match counts
     * @param best mark of a score of 1
     * @param passScore least score of a response that is right
     */
    public record Question(String prompt, Pattern pattern, double best, double passScore) {
        /**
         * That of texts.
         *
         * @throws FootholdException INVALID_INPUT when the pattern is none or has no group
         */
        public static Question of(String prompt, String pattern, double best, double passScore) {
            Pattern compiled;
            try {
                compiled = Pattern.compile(pattern);
            } catch (PatternSyntaxException e) {
                throw invalid("the pattern of the judge's mark is no regular expression: " + e.getDescription());
            }
            if (compiled.matcher("").groupCount() < 1) {
                throw invalid("the pattern of the judge's mark has no group: " + pattern);
            }
            if (!(best > 0) || !(passScore > 0 && passScore <= 1)) {
                throw invalid(
                        "the best mark must be above 0 and the score of a pass in (0, 1]: " + best + ", " + passScore);
            }
            return new Question(prompt, compiled, best, passScore);
        }
    }

    /**
     * How it may be called.
     *
     * @param maxTokens of an answer
     * @param deadline of one call
     * @param attempts for one response
     * @param perMinute most calls a minute; 0 for no limit
     */
    public record Calls(int maxTokens, Duration deadline, int attempts, int perMinute) {}

    /**
     * Checks what came over the wire.
     *
     * @throws FootholdException INVALID_INPUT for an address that is none
     */
    public ChatJudge {
        url = WebAddress.of(url)
                .orElseThrow(() -> invalid("the judge's address must be " + WebAddress.EXPECTED))
                .toString();
        if (model.isEmpty() || calls.attempts() < 1 || calls.maxTokens() < 1) {
            throw invalid("a judge needs a model, an attempt and a token");
        }
    }

    URI endpoint() {
        return URI.create(url + "/chat/completions");
    }

    static FootholdException invalid(String message) {
        return new FootholdException(ErrorCode.INVALID_INPUT, message);
    }

    @Override
    public String toString() {
        return "judge " + model + " at " + url;
    }
}
