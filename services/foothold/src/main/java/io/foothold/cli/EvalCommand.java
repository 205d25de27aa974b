package io.foothold.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.problem.Segmenter;
import io.foothold.orchestrator.ledger.LedgerStore;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Evaluates a policy on the evaluation sets of a run file. */
@Command(
        name = "eval",
        mixinStandardHelpOptions = true,
        description =
                "Evaluates a policy on the evaluation sets of a run file, or on a suite of benchmarks over files that you "
                        + "have; prints one JSON object a set.")
final class EvalCommand implements Callable<Integer> {
    @Parameters(paramLabel = "RUN.yaml", arity = "0..1", description = "The run file; not with --suite.")
    private Path file = Path.of("");

    @Option(names = "--suite", description = "srpo-10: the ten benchmarks of the SRPO paper, greedy, once each.")
    private String suite = "";

    @Option(
            names = "--data",
            paramLabel = "DIR",
            description = "With --suite: directory of NAME.jsonl, .parquet, .csv or .json.")
    private Path data = Path.of("benchmarks");

    @Option(names = "--items", description = "With --suite: most problems of a benchmark (default: ${DEFAULT-VALUE}).")
    private int items = 500;

    @Option(names = "--policy", description = "Policy directory, such as a checkpoint (default: the run file's base).")
    private String policy = "";

    @Option(names = "--set", paramLabel = "KEY=VALUE", description = "A setting that wins over the file; repeatable.")
    private List<String> overrides = new ArrayList<>();

    @Option(
            names = "--home",
            description = "Directory of the evaluation's ledger (default: a new one under foothold-home).")
    private Path home = Path.of("foothold-home", "eval-" + System.currentTimeMillis());

    @Option(names = "--max-length", description = "Longest sequence in tokens (default: ${DEFAULT-VALUE}).")
    private int maxLength = 112;

    @Mixin
    private final Inference inference = new Inference();

    private static final long SUITE_SEED = 42;

    @Override
    public Integer call() throws Exception {
        if (suite.isEmpty() == file.toString().isEmpty()) {
            throw new FootholdException(
                    ErrorCode.INVALID_INPUT, "eval needs a run file or --suite NAME --policy DIR, not both");
        }
        String text = suite.isEmpty() ? Workspace.read(file) : suiteRun();
        List<String> settings = new ArrayList<>(overrides);
        if (!policy.isEmpty()) {
            settings.add("policy.base=" + policy);
        }
        // An evaluation is a run without updates.
        settings.add("updates=1");
        settings.add("evaluation.every=1000000");
        settings.add("mixture.guided=0");
        settings.add("mixture.root=1");
        settings.add("mining.samples=0");
        String base = io.foothold.orchestrator.runfile.RunFile.resolve(file.toString(), text, settings)
                .text("policy.base");
        return AllInOne.run(
                home,
                AllInOne.freePort(),
                inference.settings(Map.of(
                        "foothold.policy-server.model",
                                Path.of(base).toAbsolutePath().toString(),
                        "foothold.policy-server.max-length", Integer.toString(maxLength))),
                runs -> {
                    runs.create("eval", text, settings);
                    LedgerStore.RunRow end = runs.end("eval").join();
                    if (end.state().equals("failed")) {
                        throw new FootholdException(ErrorCode.WRONG_STATE, end.reason());
                    }
                    for (String json : runs.ledger().evaluations("eval")) {
                        JsonNode node = new ObjectMapper().readTree(json);
                        if (node.path("update").asLong() == 0) {
                            System.out.println(json);
                        }
                    }
                    return 0;
                });
    }

    /** A run file whose evaluation sets are the benchmarks that are there, converted. */
    private String suiteRun() {
        if (policy.isEmpty()) {
            throw new FootholdException(ErrorCode.INVALID_INPUT, "--suite needs --policy DIR");
        }
        StringBuilder sets = new StringBuilder();
        String first = "";
        for (Suite.Benchmark b : Suite.named(suite)) {
            Optional<Path> found = Suite.file(data, b);
            if (found.isEmpty()) {
                System.out.println("NOT EVALUATED: " + b.name() + " (no " + data.resolve(b.name())
                        + ".jsonl, .parquet, .csv or .json)");
                continue;
            }
            Path rows = found.get();
            var read = ProblemsCommand.read(rows, b.recipe(), b.rows(), SUITE_SEED, Segmenter.line());
            int count = Math.min(items, read.problems().size());
            Path out = home.resolve("suite").resolve(b.name() + ".jsonl").toAbsolutePath();
            ProblemsCommand.save(out, read.draw(rows, count, SUITE_SEED));
            System.out.println("  left out of " + rows.getFileName() + ": " + read.refused());
            sets.append("    ")
                    .append(b.name())
                    .append(": {jsonl: '")
                    .append(out)
                    .append("'}\n");
            first = first.isEmpty() ? out.toString() : first;
        }
        if (first.isEmpty()) {
            throw new FootholdException(
                    ErrorCode.NOT_FOUND, "none of the benchmarks of " + suite + " is in " + data.toAbsolutePath());
        }
        return """
                method: grpo
                policy: {base: '%s'}
                problems:
                  train: {jsonl: '%s'}
                  evaluate:
                %sprompts:
                  root: "{problem}\\n\\nThink step by step and put your final answer in \\\\boxed{}."
                sampling: {max_tokens: 4096}
                evaluation: {samples: 1, temperature: 0}
                verification: {options: contained}
                """.formatted(policy, first, sets);
    }
}
