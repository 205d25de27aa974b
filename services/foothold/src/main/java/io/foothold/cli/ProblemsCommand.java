package io.foothold.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.foothold.augmentation.dial.Dial;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.problem.Problem;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Problem sets. */
@Command(
        name = "problems",
        mixinStandardHelpOptions = true,
        description = "Makes problem sets.",
        subcommands = ProblemsCommand.Generate.class)
final class ProblemsCommand implements Callable<Integer> {
    @Override
    public Integer call() {
        throw new FootholdException(ErrorCode.INVALID_INPUT, "problems needs a command: generate");
    }

    /** Writes a generated family as JSONL. */
    @Command(name = "generate", mixinStandardHelpOptions = true, description = "Writes problems of the dial as JSONL.")
    static final class Generate implements Callable<Integer> {
        @Option(names = "--level", description = "easy, medium, medium8 or hard (default: ${DEFAULT-VALUE}).")
        private String level = "hard";

        @Option(names = "--count", description = "How many (default: ${DEFAULT-VALUE}).")
        private int count = 128;

        @Option(names = "--seed", description = "Seed (default: ${DEFAULT-VALUE}).")
        private long seed;

        @Option(names = "--split", description = "train or test (default: ${DEFAULT-VALUE}).")
        private String split = "train";

        @Option(names = "--out", required = true, description = "The file to write.")
        private Path out = Path.of("problems.jsonl");

        @Override
        public Integer call() {
            StringBuilder text = new StringBuilder();
            ObjectMapper mapper = new ObjectMapper();
            try {
                for (Problem p : Dial.problems(Dial.Level.named(level), count, seed, split)) {
                    ObjectNode json = mapper.createObjectNode();
                    json.put("id", p.id()).put("problem", p.statement()).put("answer", p.answer());
                    json.put("kind", p.kind().name().toLowerCase(Locale.ROOT));
                    p.oracleThoughts().forEach(json.withArray("thoughts")::add);
                    json.put("source", p.source()).put("split", p.split()).put("max_tokens", p.maxTokens());
                    text.append(json).append('\n');
                }
            } catch (IllegalArgumentException e) {
                throw new FootholdException(ErrorCode.INVALID_INPUT, e.getMessage(), e);
            }
            Workspace.write(out, text.toString());
            System.out.println(count + " problems in " + out);
            return 0;
        }
    }
}
