package io.foothold.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.foothold.cli.machine.Workspace;
import io.foothold.cli.terminal.Words;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.policy.NativeRuntime;
import io.foothold.policy.PolicyDirectory;
import io.foothold.policy.PolicyException;
import io.foothold.policy.Precision;
import io.foothold.policy.Scorer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** What a checkpoint says of token sequences, to compare with other implementations. */
@Command(
        name = "score",
        mixinStandardHelpOptions = true,
        description =
                "Prints one JSON object for each list of token ids: the log-probs of every token after the first and, with "
                        + "--generate, its greedy continuation without end tokens.")
final class ScoreCommand implements Callable<Integer> {
    /** How attention is computed. */
    static final class Precisions extends Words {
        Precisions() {
            super(List.of("exact", "fast"));
        }
    }

    @Option(names = "--model", required = true, description = "Hugging Face directory (Qwen2, Qwen3, Llama).")
    private Path model = Path.of("");

    @Option(names = "--ids", required = true, paramLabel = "FILE", description = "JSON list of lists of token ids.")
    private Path ids = Path.of("");

    @Option(names = "--generate", paramLabel = "N", description = "Tokens of the greedy continuation; 0 for none.")
    private int generate;

    @Option(
            names = "--precision",
            completionCandidates = Precisions.class,
            description = "exact (attention in float64) or fast (default: ${DEFAULT-VALUE}).")
    private String precision = "exact";

    @Override
    public Integer call() {
        if (generate < 0) {
            throw new FootholdException(ErrorCode.INVALID_INPUT, "--generate must not be negative, got " + generate);
        }
        List<int[]> sequences = sequences();
        NativeRuntime.start();
        NativeRuntime.enterThread();
        try {
            Scorer scorer = new Scorer(PolicyDirectory.open(model).weights(), precision());
            List<float[]> logProbs = scorer.logProbs(sequences);
            List<int[]> greedy = scorer.greedy(sequences, generate);
            for (int i = 0; i < sequences.size(); i++) {
                ObjectNode line = new ObjectMapper().createObjectNode();
                ArrayNode lp = line.putArray("log_probs");
                for (float x : logProbs.get(i)) {
                    lp.add(x);
                }
                ArrayNode g = line.putArray("greedy");
                for (int id : greedy.get(i)) {
                    g.add(id);
                }
                System.out.println(line);
            }
            return 0;
        } catch (PolicyException e) {
            throw new FootholdException(ErrorCode.INVALID_INPUT, String.valueOf(e.getMessage()), e);
        }
    }

    private Precision precision() {
        return switch (precision.toLowerCase(Locale.ROOT)) {
            case "exact" -> Precision.EXACT;
            case "fast" -> Precision.FAST;
            default ->
                throw new FootholdException(
                        ErrorCode.INVALID_INPUT, "--precision must be exact or fast, got '" + precision + "'");
        };
    }

    private List<int[]> sequences() {
        JsonNode all;
        try {
            all = new ObjectMapper().readTree(Workspace.read(ids));
        } catch (JsonProcessingException e) {
            throw new FootholdException(ErrorCode.INVALID_DATA, ids + ": not JSON: " + e.getOriginalMessage(), e);
        }
        if (!all.isArray()) {
            throw new FootholdException(ErrorCode.INVALID_DATA, ids + ": expected a list of lists of token ids");
        }
        List<int[]> out = new ArrayList<>();
        for (JsonNode list : all) {
            int[] sequence = new int[list.size()];
            for (int i = 0; i < sequence.length; i++) {
                if (!list.get(i).isInt()) {
                    throw new FootholdException(
                            ErrorCode.INVALID_DATA,
                            ids + ": list " + (out.size() + 1) + ", entry " + (i + 1) + " is no token id: "
                                    + list.get(i));
                }
                sequence[i] = list.get(i).intValue();
            }
            out.add(sequence);
        }
        return out;
    }
}
