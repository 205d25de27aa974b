package io.foothold.augmentation.prompt;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.problem.Problem;
import io.foothold.core.prompt.Prompts;

/**
 * The prompts of root and guided start states.
 *
 * @param root with the placeholder {problem}
 * @param guided with the placeholders {problem} and {prefix}
 */
public record Templates(String root, String guided) {
    private static final String PROBLEM = "{problem}";
    private static final String PREFIX = "{prefix}";

    /** Checks the placeholders. */
    public Templates {
        if (!root.contains(PROBLEM)) {
            throw new FootholdException(ErrorCode.INVALID_INPUT, "the root prompt has no {problem}: '" + root + "'");
        }
        if (!guided.isEmpty() && !(guided.contains(PROBLEM) && guided.contains(PREFIX))) {
            throw new FootholdException(
                    ErrorCode.INVALID_INPUT, "the guided prompt needs {problem} and {prefix}: '" + guided + "'");
        }
    }

    /** The prompt of a problem with so many oracle thoughts; none gives the root prompt. */
    public String prompt(Problem problem, int prefixThoughts) {
        if (prefixThoughts == 0) {
            return new Prompts(root, guided).root(problem.statement());
        }
        if (guided.isEmpty()) {
            throw new FootholdException(ErrorCode.INVALID_INPUT, "the run has no guided prompt");
        }
        if (prefixThoughts > problem.longestPrefix()) {
            throw new FootholdException(
                    ErrorCode.INVALID_INPUT,
                    "problem " + problem.id() + ": a prefix of " + prefixThoughts
                            + " thoughts would show the answer; the longest is " + problem.longestPrefix());
        }
        return new Prompts(root, guided).guided(problem.statement(), problem.oracleThoughts(), prefixThoughts);
    }
}
