package io.foothold.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.foothold.augmentation.problems.ProblemSets;
import io.foothold.augmentation.problems.Recipe;
import io.foothold.augmentation.problems.TestHalves;
import io.foothold.cli.machine.Workspace;
import io.foothold.cli.process.AllInOne;
import io.foothold.cli.process.FileRoots;
import io.foothold.cli.process.NamedPaths;
import io.foothold.cli.process.RunInputs;
import io.foothold.cli.report.Progress;
import io.foothold.cli.rows.ParquetRows;
import io.foothold.cli.rows.ProblemLines;
import io.foothold.cli.rows.Where;
import io.foothold.cli.size.Inference;
import io.foothold.cli.terminal.Words;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.problem.Problem;
import io.foothold.core.problem.Segmenter;
import io.foothold.core.stats.Interval;
import io.foothold.orchestrator.ledger.Ledger;
import io.foothold.orchestrator.run.RunManager;
import io.foothold.orchestrator.runfile.RunFile;
import io.foothold.verifier.answer.Judge;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.function.Predicate;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Problem sets. */
@Command(
        name = "problems",
        mixinStandardHelpOptions = true,
        description = "Makes problem sets and finds out how hard they are.",
        subcommands = {
            ProblemsCommand.Generate.class,
            ProblemsCommand.Import.class,
            ProblemsCommand.Mine.class,
            ProblemsCommand.PrefixSearch.class
        })
final class ProblemsCommand implements Callable<Integer> {
    private static final String RUN = "problems";
    private static final ObjectMapper MAPPER = new ObjectMapper();

    @Override
    public Integer call() {
        throw new FootholdException(
                ErrorCode.INVALID_INPUT, "problems needs a command: generate, import, mine or prefix-search");
    }

    /** Writes a generated family as JSONL. */
    @Command(
            name = "generate",
            mixinStandardHelpOptions = true,
            description = "Writes problems of a generated family as JSONL.")
    static final class Generate implements Callable<Integer> {
        /** The families. */
        static final class Families extends Words {
            Families() {
                super(ProblemSets.FAMILIES);
            }
        }

        /** The splits. */
        static final class Splits extends Words {
            Splits() {
                super(List.of("train", "test"));
            }
        }

        @Option(
                names = "--family",
                completionCandidates = Families.class,
                description = "${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}).")
        private String family = "dial";

        @Option(
                names = "--level",
                description =
                        "dial: easy, medium, medium8 or hard; two-dials: hard, turns, shared, conflict or several of them "
                                + "as in hard:5+conflict:1; the others: early, late or spread (default: ${DEFAULT-VALUE}).")
        private String level = "hard";

        @Option(names = "--count", description = "How many (default: ${DEFAULT-VALUE}).")
        private int count = 128;

        @Option(names = "--seed", description = "Seed (default: ${DEFAULT-VALUE}).")
        private long seed;

        @Option(
                names = "--split",
                completionCandidates = Splits.class,
                description = "train or test (default: ${DEFAULT-VALUE}).")
        private String split = "train";

        @Option(names = "--out", required = true, description = "The file to write.")
        private Path out = Path.of("problems.jsonl");

        @Override
        public Integer call() {
            var source = new ProblemSets.Source.Generated(family, level, count, seed, split);
            save(out, List.copyOf(new ProblemSets().load(source).values()));
            return 0;
        }
    }

    /** The names of the recipes. */
    static final class Recipes extends Words {
        Recipes() {
            super(Recipe.keys());
        }
    }

    /** Turns a public data set that somebody fetched into problems. */
    @Command(
            name = "import",
            mixinStandardHelpOptions = true,
            description =
                    "Turns a public data set that you fetched (.jsonl, .json, .csv, .parquet) into problems: writes "
                            + "problems.jsonl, or train.jsonl and test.jsonl with --train and --test. Says what it left out and why.")
    static final class Import implements Callable<Integer> {
        @Parameters(paramLabel = "FILE", description = "The data set.")
        private Path file = Path.of("data.jsonl");

        @Option(
                names = "--recipe",
                required = true,
                completionCandidates = Recipes.class,
                description = "What the data set is: ${COMPLETION-CANDIDATES}.")
        private String recipe = "";

        @Option(
                names = "--where",
                paramLabel = "COLUMN=VALUE",
                description =
                        "Only rows with this value, or with a number between two, such as difficulty=5..8; repeatable.")
        private List<String> where = new ArrayList<>();

        @Option(names = "--train", description = "Training problems; 0 without --test writes all problems to one file.")
        private int train;

        @Option(names = "--test", description = "Test problems.")
        private int test;

        @Option(
                names = "--halve-tests",
                description =
                        "Programs: train.jsonl gets half of the tests of each problem, train-held-tests.jsonl the "
                                + "other half; test.jsonl keeps all.")
        private boolean halveTests;

        @Option(names = "--seed", description = "Seed of the shuffle (default: ${DEFAULT-VALUE}).")
        private long seed = 42;

        @Option(
                names = "--segmenter",
                description = "How solutions are cut into thoughts: line, sentence or tokens:FRACTION "
                        + "(default: ${DEFAULT-VALUE}).")
        private String segmenter = "line";

        @Option(names = "--out", required = true, description = "Directory to write.")
        private Path out = Path.of("problems");

        @Override
        public Integer call() {
            if (train < 0 || test < 0) {
                throw new FootholdException(ErrorCode.INVALID_INPUT, "--train and --test must not be negative");
            }
            if (halveTests && train == 0) {
                throw new FootholdException(ErrorCode.INVALID_INPUT, "--halve-tests needs --train");
            }
            var read = read(file, Recipe.named(recipe), Where.all(where), seed, cutter(segmenter));
            System.out.println("left out: " + read.refused());
            if (train + test == 0) {
                save(out.resolve("problems.jsonl"), read.problems());
                return 0;
            }
            List<Problem> drawn = read.draw(file, train + test, seed);
            List<Problem> training = drawn.subList(0, train);
            if (halveTests) {
                save(
                        out.resolve("train-held-tests.jsonl"),
                        training.stream()
                                .map(p -> TestHalves.of(p, seed).held())
                                .toList());
                training = training.stream()
                        .map(p -> TestHalves.of(p, seed).train())
                        .toList();
            }
            save(out.resolve("train.jsonl"), training);
            save(
                    out.resolve("test.jsonl"),
                    drawn.subList(train, train + test).stream()
                            .map(p -> p.withSplit("test"))
                            .toList());
            return 0;
        }

        private static Segmenter cutter(String name) {
            try {
                return Segmenter.named(name, "");
            } catch (IllegalArgumentException e) {
                throw new FootholdException(ErrorCode.INVALID_INPUT, e.getMessage(), e);
            }
        }
    }

    /** The problems of a data set whose answers can be judged by. */
    static io.foothold.augmentation.problems.Import read(
            Path file, Recipe recipe, Predicate<JsonNode> where, long seed, Segmenter segmenter) {
        return io.foothold.augmentation.problems.Import.read(
                file, ParquetRows.of(file), recipe, seed, segmenter, where, p -> Judge.form(p.kind(), p.answer()));
    }

    static void save(Path file, List<Problem> problems) {
        StringBuilder text = new StringBuilder();
        problems.forEach(p -> text.append(ProblemLines.of(p)).append('\n'));
        Workspace.write(file, text.toString());
        System.out.println(problems.size() + " problems in " + file);
    }

    /** What mining and searching share: a run file says on what, with which policy, prompts and sampling. */
    abstract static class Prepared implements Callable<Integer> {
        @Parameters(
                paramLabel = "RUN.yaml",
                description = "The run file whose problems.train, policy, prompts and sampling are used.")
        private Path file = Path.of("run.yaml");

        @Option(
                names = "--set",
                paramLabel = "KEY=VALUE",
                description = "A setting that wins over the file; repeatable.")
        private List<String> overrides = new ArrayList<>();

        @Option(names = "--out", required = true, description = "The JSONL file to write.")
        private Path out = Path.of("problems.jsonl");

        @Option(
                names = "--home",
                description = "Directory of the ledger with every rollout (default: a new one under foothold-home).")
        private Path home = Path.of("foothold-home", "problems-" + System.currentTimeMillis());

        @Mixin
        private final Inference inference = new Inference();

        @Option(names = "--slots", description = "Sequences sampled at the same time (default: ${DEFAULT-VALUE}).")
        private int slots = 128;

        @Option(names = "--max-length", description = "Longest sequence in tokens (default: ${DEFAULT-VALUE}).")
        private int maxLength = 112;

        /** Settings that switch on just this step. */
        abstract List<String> settings(RunFile asked);

        /** The lines of the file. */
        abstract int write(RunManager runs, Map<String, Problem> problems, StringBuilder text);

        @Override
        public Integer call() throws Exception {
            String text = Workspace.read(file);
            RunInputs inputs = RunInputs.read(file.toString(), text, overrides);
            List<String> settings = new ArrayList<>(inputs.overrides());
            settings.addAll(settings(inputs.plan()));
            RunFile plan = RunFile.resolve(file.toString(), text, settings);
            NamedPaths.check(plan);
            inputs.check();
            String base = plan.settings().policy().base();
            return AllInOne.run(
                    home,
                    AllInOne.freePort(),
                    FileRoots.with(
                            inference.settings(Map.of(
                                    "foothold.policy-server.model",
                                    Path.of(base).toAbsolutePath().toString(),
                                    "foothold.policy-server.slots",
                                    Integer.toString(slots),
                                    "foothold.policy-server.max-length",
                                    Integer.toString(maxLength),
                                    "foothold.policy-server.deterministic",
                                    "true")),
                            home,
                            FileRoots.of(plan)),
                    runs -> prepare(runs, text, settings));
        }

        private int prepare(RunManager runs, String text, List<String> settings) throws InterruptedException {
            runs.prepare(RUN, text, settings);
            Ledger.RunRow end = new Progress(runs, System.out).follow(RUN, 1);
            if (end.state().equals("failed")) {
                throw new FootholdException(ErrorCode.WRONG_STATE, end.reason());
            }
            Map<String, Problem> problems = new LinkedHashMap<>();
            runs.trainingProblems(text, settings).forEach(p -> problems.put(p.id(), p));
            StringBuilder lines = new StringBuilder();
            int count = write(runs, problems, lines);
            Workspace.write(out, lines.toString());
            System.out.println(count + " problems in " + out);
            return 0;
        }
    }

    /** Keeps the problems that the policy does not solve. */
    @Command(
            name = "mine",
            mixinStandardHelpOptions = true,
            description = "Samples each training problem of a run file and writes those that stay unsolved as JSONL.")
    static final class Mine extends Prepared {
        /** Samples of the second look for each of the first. */
        private static final int SECOND_LOOK = 4;

        @Option(
                names = "--samples",
                description = "Samples a problem (default: mining.samples of the run file, or 64 where it is 0).")
        private int samples;

        @Option(
                names = "--second-samples",
                description =
                        "Further samples of each problem that the first ones leave hard, before it counts as hard; 0 takes none "
                                + "(default: mining.second_samples of the run file, or four times the samples where it is 0).")
        private int secondSamples = -1;

        @Option(
                names = "--rates",
                paramLabel = "FILE",
                description =
                        "Also writes how often each problem was solved, with its bin: hard (kept), medium (less than half "
                                + "of the samples) or easy.")
        private Path rates = Path.of("");

        @Override
        List<String> settings(RunFile asked) {
            int known = asked.settings().mining().samples();
            int chosen = samples > 0 ? samples : known > 0 ? known : 64;
            int knownSecond = asked.settings().mining().secondSamples();
            long second =
                    secondSamples >= 0 ? secondSamples : knownSecond > 0 ? knownSecond : SECOND_LOOK * (long) chosen;
            return List.of(
                    "mining.samples=" + chosen,
                    "mining.second_samples=" + second,
                    "mixture.guided=0",
                    "mixture.root=1");
        }

        @Override
        int write(RunManager runs, Map<String, Problem> problems, StringBuilder text) {
            List<String> hard = runs.hardSet(RUN);
            Map<String, RunManager.SolveRate> known = runs.solveRates(RUN);
            hard.forEach(id -> {
                ObjectNode line = ProblemLines.of(Objects.requireNonNull(problems.get(id)));
                measured(line.putObject("mined"), known.getOrDefault(id, new RunManager.SolveRate(0, 0)));
                text.append(line).append('\n');
            });
            if (!rates.toString().isEmpty()) {
                StringBuilder lines = new StringBuilder();
                known.forEach((id, rate) -> {
                    String bin = hard.contains(id) ? "hard" : 2 * rate.passes() < rate.judged() ? "medium" : "easy";
                    ObjectNode line = MAPPER.createObjectNode().put("id", id);
                    lines.append(measured(line, rate).put("bin", bin)).append('\n');
                });
                Workspace.write(rates, lines.toString());
            }
            return hard.size();
        }
    }

    /** What was seen of a problem: counts, and what its pass rate may be (Wilson, 95 %). */
    private static ObjectNode measured(ObjectNode out, RunManager.SolveRate rate) {
        Interval interval = Interval.wilson(rate.passes(), rate.judged());
        return out.put("passes", rate.passes())
                .put("samples", rate.judged())
                .put("low", interval.low())
                .put("high", interval.high());
    }

    /** Finds the shortest prefix of each oracle solution from which the policy gets home. */
    @Command(
            name = "prefix-search",
            mixinStandardHelpOptions = true,
            description =
                    "Searches i*(x) for each training problem of a run file; writes id, prefix_thoughts and prefix.")
    static final class PrefixSearch extends Prepared {
        @Override
        List<String> settings(RunFile asked) {
            return asked.settings().guided() ? List.of() : List.of("mixture.guided=0.5", "mixture.root=0.5");
        }

        @Override
        int write(RunManager runs, Map<String, Problem> problems, StringBuilder text) {
            Map<String, Integer> prefixes = runs.ledger().prefixes(RUN);
            prefixes.forEach((id, thoughts) -> {
                Problem p = Objects.requireNonNull(problems.get(id));
                ObjectNode line = MAPPER.createObjectNode().put("id", id).put("prefix_thoughts", thoughts);
                line.put("oracle_thoughts", p.oracleThoughts().size());
                p.oracleThoughts().subList(0, thoughts).forEach(line.withArray("prefix")::add);
                text.append(line).append('\n');
            });
            return prefixes.size();
        }
    }
}
