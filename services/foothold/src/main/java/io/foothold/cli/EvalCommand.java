package io.foothold.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.orchestrator.ledger.LedgerStore;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Evaluates a policy on the evaluation sets of a run file. */
@Command(
        name = "eval",
        mixinStandardHelpOptions = true,
        description = "Evaluates a policy on the evaluation sets of a run file; prints one JSON object a set.")
final class EvalCommand implements Callable<Integer> {
    @Parameters(paramLabel = "RUN.yaml", description = "The run file.")
    private Path file = Path.of("run.yaml");

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

    @Override
    public Integer call() throws Exception {
        String text = Workspace.read(file);
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
                Map.of(
                        "foothold.policy-server.model",
                                Path.of(base).toAbsolutePath().toString(),
                        "foothold.policy-server.max-length", Integer.toString(maxLength)),
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
}
