package io.foothold.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.google.common.collect.ListMultimap;
import com.google.common.collect.MultimapBuilder;
import com.google.common.math.Stats;
import io.foothold.cli.machine.Workspace;
import io.foothold.cli.process.AllInOne;
import io.foothold.cli.process.FileRoots;
import io.foothold.cli.process.HubNames;
import io.foothold.cli.process.NamedPaths;
import io.foothold.cli.process.RunInputs;
import io.foothold.cli.rows.Suite;
import io.foothold.cli.size.EngineSize;
import io.foothold.cli.size.Inference;
import io.foothold.cli.size.RunDevices;
import io.foothold.cli.size.RunModel;
import io.foothold.cli.size.RunShape;
import io.foothold.cli.terminal.Words;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.problem.Segmenter;
import io.foothold.learner.torch.BackendChoice;
import io.foothold.learner.torch.TorchEnvironment;
import io.foothold.orchestrator.ledger.Ledger;
import io.foothold.orchestrator.run.RunManager;
import io.foothold.orchestrator.runfile.RunFile;
import io.foothold.policy.CausalModel;
import io.foothold.policy.ComputeDevice;
import io.foothold.policy.Precision;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletionException;
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

    /** The suites. */
    static final class Suites extends Words {
        Suites() {
            super(Suite.names());
        }
    }

    @Option(
            names = "--suite",
            completionCandidates = Suites.class,
            description = "srpo-10: the ten benchmarks of the SRPO paper, greedy, once each.")
    private String suite = "";

    @Option(
            names = "--data",
            paramLabel = "DIR",
            description = "With --suite: directory of NAME.jsonl, .parquet, .csv or .json.")
    private Path data = Path.of("benchmarks");

    @Option(names = "--items", description = "With --suite: most problems of a benchmark (default: ${DEFAULT-VALUE}).")
    private int items = 500;

    @Option(
            names = "--policy",
            paramLabel = "DIR",
            description =
                    "Policy directory, such as a checkpoint (default: the run file's base). Repeatable: the final "
                            + "checkpoints of several seeds also get one line a set with mean and standard deviation.")
    private List<Path> policies = new ArrayList<>();

    @Option(names = "--set", paramLabel = "KEY=VALUE", description = "A setting that wins over the file; repeatable.")
    private List<String> given = new ArrayList<>();

    @Option(
            names = "--home",
            description = "Directory of the evaluation's ledger (default: a new one under foothold-home).")
    private Path home = Path.of("foothold-home", "eval-" + System.currentTimeMillis());

    @Option(
            names = "--max-length",
            description = "Longest sequence in tokens (default: the longest prompt and what it may be answered with).")
    private int maxLength;

    @Mixin
    private final Inference inference = new Inference();

    @Mixin
    private final RunDevices devices = new RunDevices();

    private static final long SUITE_SEED = 42;
    private static final ObjectMapper MAPPER = new ObjectMapper();

    /** What is given, and what was read of the files that the run file names. */
    private List<String> overrides = List.of();

    @Override
    public Integer call() throws Exception {
        if (suite.isEmpty() == file.toString().isEmpty()) {
            throw new FootholdException(
                    ErrorCode.INVALID_INPUT, "eval needs a run file or --suite NAME --policy DIR, not both");
        }
        String text = suite.isEmpty() ? Workspace.read(file) : suiteRun();
        List<Path> found =
                policies.stream().map(new HubNames(System.getenv())::policy).toList();
        List<String> asked = new ArrayList<>(given);
        found.stream().limit(1).forEach(first -> asked.add("policy.base=" + first));
        RunInputs inputs = RunInputs.read(suite.isEmpty() ? file.toString() : suite, text, asked);
        overrides = inputs.overrides();
        RunFile plan = inputs.plan();
        if (policies.isEmpty()) {
            NamedPaths.check(plan);
        } else {
            NamedPaths.checkProblems(plan);
        }
        inputs.check();
        List<Path> evaluated =
                found.isEmpty() ? List.of(Path.of(plan.settings().policy().base())) : found;
        List<CausalModel> models = new ArrayList<>();
        boolean torch = false;
        for (Path path : evaluated) {
            // The learner opens and publishes what is evaluated.
            BackendChoice backend = BackendChoice.of(plan.settings().learner().backend(), path);
            CausalModel model = RunModel.open(path, backend.torch(), inference);
            model.checkWeightFiles();
            models.add(model);
            torch |= backend.torch();
        }
        if (torch) {
            var unused = TorchEnvironment.find(Workspace.torchPackage());
        }
        ComputeDevice device = devices.check(plan, torch, inference);
        Map<String, String> engine =
                inference.elsewhere() ? Map.of() : engine(plan, models.getFirst(), maxLength, device);
        List<Path> named = new ArrayList<>(FileRoots.of(plan));
        named.addAll(evaluated);
        Map<String, String> settings = FileRoots.with(inference.settings(engine), home, named);
        return AllInOne.run(home, AllInOne.freePort(), settings, runs -> {
            List<ObjectNode> all = new ArrayList<>();
            for (int i = 0; i < evaluated.size(); i++) {
                List<String> own = new ArrayList<>(overrides);
                own.add("policy.base=" + evaluated.get(i));
                for (ObjectNode set : evaluate(runs, evaluated.size() == 1 ? "eval" : "eval-" + (i + 1), text, own)) {
                    if (evaluated.size() > 1) {
                        set.put("policy", evaluated.get(i).toString());
                    }
                    System.out.println(set);
                    all.add(set);
                }
            }
            if (evaluated.size() > 1) {
                overPolicies(all).forEach(System.out::println);
            }
            return 0;
        });
    }

    /**
     * Settings of our own engine for an evaluation.
     *
     * @param maxLength a length that the user chose; 0 derives it
     * @param device where it samples
     */
    static Map<String, String> engine(RunFile plan, CausalModel policy, int maxLength, ComputeDevice device) {
        Precision precision = RunShape.precision(plan, policy.size());
        EngineSize size = EngineSize.of(plan, policy, maxLength, precision);
        return Map.of(
                "foothold.policy-server.model",
                policy.path().toAbsolutePath().toString(),
                "foothold.policy-server.precision",
                precision.word(),
                "foothold.policy-server.device",
                device.name(),
                "foothold.policy-server.max-length",
                Integer.toString(size.maxLength()),
                "foothold.policy-server.slots",
                Integer.toString(size.slots()));
    }

    /**
     * Evaluates; goes on with the same evaluation where an earlier process left it, and gives what is stored when that had finished it.
     *
     * @throws FootholdException CONFLICT when the home holds another evaluation under that id, with the differences; WRONG_STATE when
     *     the evaluation does not finish
     */
    static List<ObjectNode> evaluate(RunManager runs, String id, String text, List<String> settings)
            throws IOException {
        Ledger.RunRow before = runs.ledger().run(id).orElse(null);
        try {
            runs.evaluate(id, text, settings);
            if (before != null && before.state().equals("finished")) {
                System.err.println("foothold: this home holds the same evaluation already (" + id
                        + "); what follows was measured then. To measure again, name another --home.");
            } else if (before != null) {
                System.err.println("foothold: an earlier process left the same evaluation (" + id + ", "
                        + before.state() + "); it goes on.");
                runs.resume(id, false);
            }
        } catch (FootholdException e) {
            if (e.code() != ErrorCode.CONFLICT) {
                throw e;
            }
            throw new FootholdException(
                    ErrorCode.CONFLICT, e.text() + "\nname another --home for another evaluation", e);
        }
        Ledger.RunRow end;
        try {
            end = runs.end(id).join();
        } catch (CompletionException e) {
            throw FootholdException.of(e);
        }
        if (!end.state().equals("finished")) {
            throw new FootholdException(
                    ErrorCode.WRONG_STATE,
                    "evaluation " + id + " " + end.state() + ": " + end.reason()
                            + " (the same command with the same --home goes on with it)");
        }
        List<ObjectNode> out = new ArrayList<>();
        for (String json : runs.ledger().evaluations(id)) {
            out.add((ObjectNode) MAPPER.readTree(json));
        }
        return out;
    }

    /**
     * Mean and standard deviation (of a sample: divided by n - 1) of every pass@k over the policies, one object a set, as the SRPO
     * paper reports several seeds.
     */
    static List<ObjectNode> overPolicies(List<ObjectNode> evaluations) {
        ListMultimap<String, ObjectNode> bySet =
                MultimapBuilder.linkedHashKeys().arrayListValues().build();
        evaluations.forEach(e -> bySet.put(e.path("set").asText(), e));
        List<ObjectNode> out = new ArrayList<>();
        for (String set : bySet.keySet()) {
            List<ObjectNode> own = bySet.get(set);
            ObjectNode line = MAPPER.createObjectNode().put("set", set).put("policies", own.size());
            own.getFirst().fieldNames().forEachRemaining(name -> {
                if (name.matches("pass@[0-9]+")) {
                    Stats stats = Stats.of(own.stream()
                            .map(e -> e.path(name))
                            .filter(JsonNode::isNumber)
                            .mapToDouble(JsonNode::asDouble));
                    if (stats.count() < own.size()) {
                        line.put(name + "_policies", stats.count());
                    }
                    if (stats.count() > 0) {
                        line.put(name + "_mean", stats.mean());
                    }
                    if (stats.count() > 1) {
                        line.put(name + "_std", stats.sampleStandardDeviation());
                    }
                }
            });
            out.add(line);
        }
        return out;
    }

    /** A run file whose evaluation sets are the benchmarks that are there, converted. */
    private String suiteRun() {
        if (policies.isEmpty()) {
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
                    .append(": {jsonl: ")
                    .append(quoted(out))
                    .append("}\n");
            first = first.isEmpty() ? quoted(out) : first;
        }
        if (first.isEmpty()) {
            throw new FootholdException(
                    ErrorCode.NOT_FOUND, "none of the benchmarks of " + suite + " is in " + data.toAbsolutePath());
        }
        return """
                method: grpo
                policy: {base: %s}
                problems:
                  # Not looked at: an evaluation does not train.
                  train: {jsonl: %s}
                  evaluate:
                %sprompts:
                  root: "{problem}\\n\\nThink step by step and put your final answer in \\\\boxed{}."
                sampling: {max_tokens: 4096}
                evaluation: {samples: 1, sampling: {temperature: 0}}
                verification: {options: contained}
                """.formatted(quoted(policies.getFirst()), first, sets);
    }

    /** A path as a YAML text. */
    private static String quoted(Path path) {
        return "'" + path.toString().replace("'", "''") + "'";
    }
}
