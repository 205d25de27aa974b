package io.foothold.core.settings;

import io.foothold.core.keys.Setting;

/**
 * A function of the user that judges responses: {@code score(problem, response)} in Python, a number in [0, 1].
 *
 * @param python file and name, {@code rewards.py:score}; empty for none
 * @param pythonSource text of the file
 * @param pythonNetwork whether it sees the network
 * @param pythonSeconds most time of a call
 * @param pythonMemoryMb most memory of one of its processes
 * @param passScore least score of a response that is right
 */
public record RewardFunctionSettings(
        @Setting(
                help =
                        "FILE.py:FUNCTION of a function score(problem, response). As 'verification.python' it judges every response whose kind has no "
                                + "server of its own; see docs/rewards.md.",
                fallback = "")
        String python,

        @Setting(
                help =
                        "Text of that file. A command reads it from the file; a run file that is sent to an orchestrator holds it.",
                fallback = "")
        String pythonSource,

        @Setting(help = "Whether the function may use the network.", fallback = "false")
        boolean pythonNetwork,

        @Setting(
                help = "Most time that a call of the function may take.",
                fallback = "10",
                above = 0,
                to = 600,
                unit = "seconds")
        double pythonSeconds,

        @Setting(
                help = "Most memory of a process that the function runs in.",
                fallback = "1024",
                from = 64,
                to = 1_000_000,
                unit = "MiB")
        int pythonMemoryMb,

        @Setting(
                help =
                        "Least score of the function, the judge or the reward model for a response that counts as right.",
                fallback = "1",
                above = 0,
                to = 1)
        double passScore)
        implements ScorerSettings {

    /** Most bytes of a file, in UTF-8: it travels with every response. */
    public static final int LONGEST_SOURCE = 1 << 16;

    @Override
    public boolean given() {
        return !python.isEmpty();
    }

    @Override
    public String key() {
        return "python";
    }

    @Override
    public boolean asksServer() {
        return false;
    }

    /** Name of the file without its directories; empty when there is no function. */
    public String file() {
        String path = python.substring(0, Math.max(0, python.lastIndexOf(':')));
        return path.substring(path.lastIndexOf('/') + 1);
    }

    /** Name of the function; empty when there is none. */
    public String name() {
        return given() ? python.substring(python.lastIndexOf(':') + 1) : "";
    }
}
