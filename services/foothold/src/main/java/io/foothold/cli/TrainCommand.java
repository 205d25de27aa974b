package io.foothold.cli;

import io.foothold.cli.machine.Memory;
import io.foothold.cli.machine.Scratch;
import io.foothold.cli.machine.Workspace;
import io.foothold.cli.process.AllInOne;
import io.foothold.cli.process.Child;
import io.foothold.cli.process.DryRun;
import io.foothold.cli.process.NamedPaths;
import io.foothold.cli.process.RunInputs;
import io.foothold.cli.process.RunProcesses;
import io.foothold.cli.report.Progress;
import io.foothold.cli.size.Inference;
import io.foothold.cli.size.MemoryNeed;
import io.foothold.cli.size.RunDevices;
import io.foothold.cli.size.RunModel;
import io.foothold.cli.size.RunShape;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.keys.Setting;
import io.foothold.learner.torch.BackendChoice;
import io.foothold.learner.torch.TorchEnvironment;
import io.foothold.orchestrator.ledger.Ledger;
import io.foothold.orchestrator.run.RunManager;
import io.foothold.orchestrator.runfile.RunFile;
import io.foothold.policy.CausalModel;
import io.foothold.policy.Lora;
import io.foothold.policy.Tokenizer;
import io.foothold.policy.chat.ChatTemplate;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Trains a run file. */
@Command(
        name = "train",
        mixinStandardHelpOptions = true,
        description =
                "Trains a run file. Learner and policy server run as child processes, so that a native crash never takes "
                        + "the ledger with it.")
final class TrainCommand implements Callable<Integer> {
    @Parameters(paramLabel = "RUN.yaml", description = "The run file.")
    private Path file = Path.of("run.yaml");

    @Option(names = "--id", description = "Id of the run (default: its name, or the file's name).")
    private String id = "";

    @Option(names = "--set", paramLabel = "KEY=VALUE", description = "A setting that wins over the file; repeatable.")
    private List<String> given = new ArrayList<>();

    @Option(
            names = "--resume",
            description =
                    "Goes on with the run where it stopped; begins it when there is none, and does nothing when it is "
                            + "finished, so that a supervisor may always pass it.")
    private boolean resume;

    @Option(
            names = "--accept-changed-data",
            description = "With --resume: goes on although the problems are not those that the run was started with.")
    private boolean acceptChangedData;

    @Option(
            names = "--dry-run",
            description =
                    "Prints every setting, and measures seconds an update and memory: samples a few tokens and trains a "
                            + "micro-batch of the largest shape, in processes and a directory that are gone then.")
    private boolean dryRun;

    @Option(
            names = "--home",
            description = "Directory of ledger, checkpoints and completions (default: ${DEFAULT-VALUE}).")
    private Path home = Path.of("foothold-home");

    @Option(names = "--one-process", description = "Runs learner and policy server in this process too.")
    private boolean oneProcess;

    @Mixin
    private final Inference inference = new Inference();

    @Mixin
    private final RunDevices devices = new RunDevices();

    @Option(
            names = "--deterministic",
            negatable = true,
            description = "Tokens independent of batch neighbours (default: with exact precision).")
    private @Nullable Boolean deterministic;

    @Option(
            names = "--slots",
            description =
                    "Sequences sampled at the same time (default: as many as the run has rollouts for and 1 GiB of keys and values "
                            + "holds, 128 at most; less on a small machine).")
    private int slots;

    @Option(
            names = "--max-length",
            description = "Longest sequence in tokens (default: the longest prompt and what it may be answered with).")
    private int maxLength;

    @Option(
            names = "--threads",
            description =
                    "Threads of one native operation, in learner and policy server each (default: 1); several only without the "
                            + "deterministic mode.")
    private int threads;

    @Option(names = "--port", description = "Port of the services (default: a free one).")
    private int port;

    @Option(
            names = "--console",
            description = "Prints the address at which a browser shows the run as long as it is under way.")
    private boolean console;

    /** What is given, and what was read of the files that the run file names. */
    private List<String> overrides = List.of();

    @Override
    public Integer call() throws Exception {
        String text = Workspace.read(file);
        RunInputs inputs = RunInputs.read(file.toString(), text, given);
        overrides = inputs.overrides();
        RunFile plan = inputs.plan();
        NamedPaths.check(plan);
        Path base = Path.of(plan.settings().policy().base());
        BackendChoice backend = BackendChoice.of(plan.settings().learner().backend(), base);
        CausalModel policy = RunModel.open(base, backend.torch(), inference);
        Optional<Lora> lora = RunModel.lora(plan, policy.size());
        if (plan.settings().prompting().chat() && policy.chatTemplate().isEmpty()) {
            throw new FootholdException(
                    ErrorCode.INVALID_INPUT, "prompts.chat: policy " + policy.path() + ChatTemplate.MISSING);
        }
        RunShape shape = RunShape.of(
                        plan,
                        policy,
                        backend.torch(),
                        inference,
                        deterministic,
                        slots,
                        maxLength,
                        threads,
                        Memory.ofMachine())
                .on(devices.check(plan, backend.torch(), inference), plan);
        MemoryNeed need = shape.need(lora, plan.settings().loss().regularisers().klCoefficient() > 0);
        DryRun dry = new DryRun(need, policy.path(), Memory.ofMachine(), System.out);
        if (dryRun) {
            System.out.println("# " + told(shape, backend));
            System.out.print(plan.print());
            System.out.println("# memory estimate: " + need.told());
        } else {
            System.out.println(runId(plan) + ": " + told(shape, backend));
        }
        inputs.check();
        dry.checkShape();
        policy.checkWeightFiles();
        if (policy.size().torchOnly()) {
            checkTokenizer(policy, (dryRun ? "# " : runId(plan) + ": "));
        }
        if (backend.torch()) {
            // Before anything is started: an environment takes minutes to make.
            var found = TorchEnvironment.find(Workspace.torchPackage());
            System.out.println((dryRun ? "# " : runId(plan) + ": ") + "the learner is torch of " + found.python() + ": "
                    + backend.why());
        }
        RunProcesses processes = new RunProcesses(plan, shape, policy.path(), inference, oneProcess, at());
        if (!dryRun) {
            return processes.run(
                    home, Child.Bound.STANDARD, (runs, children) -> follow(runs, runId(plan), text, shape, children));
        }
        if (inference.elsewhere()) {
            System.out.println("# not measured: sampling is done by " + inference.names()
                    + ", and a dry run gives no policy to servers of others");
            return 0;
        }
        try (Scratch scratch = Scratch.beside(home)) {
            return processes.run(scratch.path(), Child.Bound.ONCE, (runs, children) -> {
                dry.measure(runs, text, overrides, plan, children);
                return 0;
            });
        }
    }

    /** The port of the services; of the console, too, which is told where it was asked for. */
    private int at() {
        int at = port == 0 ? AllInOne.freePort() : port;
        if (console && !dryRun) {
            System.out.println(AllInOne.consoleAt(at));
        }
        return at;
    }

    private String runId(RunFile plan) {
        if (!id.isEmpty()) {
            return id;
        }
        String name = plan.settings().general().name();
        return name.isEmpty() ? file.getFileName().toString().replaceFirst("\\.ya?ml$", "") : name;
    }

    private int follow(RunManager runs, String runId, String text, RunShape shape, Child... children)
            throws InterruptedException {
        long from = 1;
        Optional<Ledger.RunRow> known = runs.ledger().run(runId);
        List<String> settings = new ArrayList<>(overrides);
        if (resume && known.isPresent()) {
            settings.addAll(keptSizes(RunFile.restore(known.get().settings()), text));
            List<Ledger.EventRow> past = runs.ledger().events(runId, 0);
            from = past.isEmpty() ? 1 : past.get(past.size() - 1).number() + 1;
            runs.move(runId, RunFile.resolve(file.toString(), text, settings));
            if (known.get().state().equals("finished")) {
                System.out.println(runId + ": finished before; there is nothing to resume");
                return 0;
            }
            runs.resume(runId, acceptChangedData);
        } else if (known.isPresent()) {
            throw new FootholdException(
                    ErrorCode.CONFLICT,
                    "run " + runId + " exists in " + home + " ("
                            + runs.row(runId).state() + "): use --resume to go on with it, or --id for another one");
        } else {
            if (resume) {
                System.out.println(runId + ": there is no such run yet; it begins");
            }
            settings.addAll(shape.overrides());
            runs.create(runId, text, settings);
        }
        for (Child child : children) {
            child.onGivenUp(reason -> runs.abort(runId, reason));
        }
        // Nothing has to be saved when the process is told to end: what is committed is on disk, the rest is sampled
        // again.
        Main.farewell("interrupted; go on with --resume");
        Ledger.RunRow end = new Progress(runs, System.out).follow(runId, from);
        System.out.println("files: " + runs.homeOf(runId).toAbsolutePath().normalize());
        return end.state().equals("failed") ? 1 : 0;
    }

    /** What followed from memory and device when the run began stays, whatever there is now. */
    private List<String> keptSizes(RunFile kept, String text) {
        RunFile asked = RunFile.resolve(file.toString(), text, overrides);
        return Stream.of("optimizer.micro_batch_tokens", "max_log_prob_difference")
                .filter(key ->
                        asked.text(key).equals(Setting.AUTO) && !kept.text(key).equals(Setting.AUTO))
                .map(key -> key + "=" + kept.text(key))
                .toList();
    }

    /** A family that djl does not know is named first: what follows is its torch worker's. */
    private static String told(RunShape shape, BackendChoice backend) {
        return (shape.model().torchOnly() ? backend.why() + "; " : "") + shape.told();
    }

    /** The server reads it in the same way, and would be the first to refuse it. */
    private static void checkTokenizer(CausalModel policy, String before) {
        try (Tokenizer tokenizer = policy.tokenizer()) {
            if (tokenizer.tokens() < tokenizer.vocabulary()) {
                System.out.println(before + "the model has " + tokenizer.vocabulary()
                        + " rows for token ids, the tokenizer " + tokenizer.tokens()
                        + " tokens: the other rows have a probability too, in sampler and learner alike");
            }
        }
    }
}
