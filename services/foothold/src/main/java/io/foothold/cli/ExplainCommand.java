package io.foothold.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.names.Name;
import io.foothold.orchestrator.explain.Explainer;
import io.foothold.orchestrator.explain.RolloutStory;
import io.foothold.orchestrator.explain.UpdateStory;
import io.foothold.orchestrator.ledger.Ledger;
import io.foothold.orchestrator.ledger.LedgerStore;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Why a rollout or an update is as it is. */
@Command(
        name = "explain",
        mixinStandardHelpOptions = true,
        description =
                "Tells why a rollout counted as it did, or what an update used, from a home's ledger and completions.",
        subcommands = {ExplainCommand.OfRollout.class, ExplainCommand.OfUpdate.class})
final class ExplainCommand implements Callable<Integer> {
    private static final ObjectMapper MAPPER = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);

    @Override
    public Integer call() {
        throw new FootholdException(ErrorCode.INVALID_INPUT, "explain needs a command: rollout ID, or update N");
    }

    /** Where it is looked up, and how it is told. */
    static final class Where {
        @Option(names = "--home", description = "Directory of the ledger (default: ${DEFAULT-VALUE}).")
        private Path home = Path.of("foothold-home");

        @Option(names = "--json", description = "Prints what the REST interface answers.")
        private boolean json;

        /**
         * Finds something and tells it.
         *
         * @param print for people
         * @return the exit code
         */
        private <T> int tell(BiFunction<LedgerStore, Explainer, T> find, Consumer<T> print)
                throws JsonProcessingException {
            Path runs = home.toAbsolutePath().normalize().resolve("runs");
            try (LedgerStore ledger = LedgerCommand.open(home)) {
                T story = find.apply(ledger, new Explainer(ledger.lookup(), id -> Name.of("run id", id)
                        .below(runs)));
                if (json) {
                    System.out.println(MAPPER.writeValueAsString(story));
                } else {
                    print.accept(story);
                }
                return 0;
            }
        }
    }

    private static String number(@Nullable Double value) {
        return value == null ? "–" : String.format(Locale.ROOT, "%.4g", value);
    }

    private static void print(PrintStream out, List<RolloutStory.Compared> rollouts) {
        for (RolloutStory.Compared c : rollouts) {
            out.printf(
                    Locale.ROOT,
                    "  %s  %s  reward %s  advantage %s  %d tokens%n",
                    c.row().id(),
                    c.row().verdict().isEmpty()
                            ? c.row().state().toLowerCase(Locale.ROOT)
                            : c.row().verdict(),
                    number(c.row().reward()),
                    number(c.advantage()),
                    c.row().tokens());
        }
    }

    /** One rollout. */
    @Command(
            name = "rollout",
            mixinStandardHelpOptions = true,
            description = "What a rollout said, what it is compared with, and why it counted as it did.")
    static final class OfRollout implements Callable<Integer> {
        @Parameters(paramLabel = "ID", description = "Id of the rollout, as completions and the console have it.")
        private String id = "";

        @Mixin
        private final Where where = new Where();

        @Override
        public Integer call() throws Exception {
            return where.tell((ledger, explainer) -> explainer.rollout(id), this::print);
        }

        private void print(RolloutStory story) {
            PrintStream out = System.out;
            out.printf(
                    "rollout %s: %s, %s%n",
                    id, story.row().purpose(), story.row().start());
            if (!story.row().problem().isEmpty()) {
                out.println("problem " + story.row().problem());
            }
            story.why().forEach(out::println);
            JsonNode said = story.said();
            if (said != null) {
                out.println("--- prompt");
                out.println(said.path("prompt").asText());
                out.println("--- response");
                out.println(said.path("response").asText());
            }
            out.println("--- group " + story.row().group());
            ExplainCommand.print(out, story.group());
        }
    }

    /** One update. */
    @Command(
            name = "update",
            mixinStandardHelpOptions = true,
            description = "What the learner made of an update, and its groups with their advantages.")
    static final class OfUpdate implements Callable<Integer> {
        @Parameters(paramLabel = "N", description = "Number of the update, from 1.")
        private long update;

        @Option(names = "--run", description = "Id of the run (default: the only one of the home).")
        private String run = "";

        @Mixin
        private final Where where = new Where();

        @Override
        public Integer call() throws Exception {
            return where.tell(
                    (ledger, explainer) -> explainer.update(run.isEmpty() ? only(ledger) : run, update), this::print);
        }

        private void print(UpdateStory story) {
            PrintStream out = System.out;
            out.printf(
                    "update %d: policy version %d, digest %s, %d optimizer steps, %d of %d groups carried an advantage%n",
                    update,
                    story.policyVersion(),
                    story.digest(),
                    story.optimizerSteps(),
                    story.groupsWithSignal(),
                    story.groups().size());
            for (UpdateStory.Group g : story.groups()) {
                out.printf(
                        "--- group %s: %s, problem %s%s%n",
                        g.id(), g.start(), g.problem(), g.signal() ? "" : ", no signal");
                ExplainCommand.print(out, g.rollouts());
            }
        }

        private String only(LedgerStore ledger) {
            List<String> ids = ledger.runs().stream().map(Ledger.RunRow::id).toList();
            if (ids.size() != 1) {
                throw new FootholdException(
                        ErrorCode.INVALID_INPUT,
                        where.home + " has " + (ids.isEmpty() ? "no run" : "the runs " + String.join(", ", ids))
                                + ": say which with --run");
            }
            return ids.getFirst();
        }
    }
}
