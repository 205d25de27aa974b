package io.foothold.verifier.triton;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.error.Nearest;
import io.foothold.contracts.triton.ServerAddress;
import io.foothold.core.prompt.Placeholders;
import io.foothold.core.verdict.Verdict;
import io.grpc.ChannelCredentials;
import io.grpc.InsecureChannelCredentials;
import io.grpc.TlsChannelCredentials;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;

/**
 * Reward models that judge responses, behind servers with Triton's protocol. Only servers that whoever runs the verifier has named are called, and they are shown
 * nothing of ours: no token and no certificate. Thread-safe.
 */
public final class RewardModels implements AutoCloseable {
    /** The setting that names the servers. */
    public static final String KEY = "foothold.verifier.reward-model.servers";

    /** The setting that names who may have signed their certificates. */
    public static final String AUTHORITIES = "foothold.verifier.reward-model.authorities";

    private static final String ANY = "*";
    /** Somebody waits for a run to begin: of a server that is away he hears soon. */
    private static final int ATTEMPTS_OF_A_CHECK = 3;

    /**
     * How they are called.
     *
     * @param servers that run files may name; {@code *} for any
     * @param authorities certificates in PEM of those who sign the servers' certificates; empty for those that the JVM knows
     * @param parallel calls at the same time
     */
    public record Setup(List<String> servers, Optional<Path> authorities, int parallel) {
        /**
         * Checks.
         *
         * @throws FootholdException INVALID_INPUT for a server that is no address
         */
        public Setup {
            servers = servers.stream()
                    .map(s -> s.equals(ANY) ? s : address(s).toString())
                    .toList();
        }

        private static ServerAddress address(String text) {
            try {
                return ServerAddress.of(text);
            } catch (FootholdException e) {
                throw new FootholdException(e.code(), KEY + ": " + e.text(), e);
            }
        }

        /** For whoever writes the run files himself: any server. */
        public static Setup any(Optional<Path> authorities) {
            return new Setup(List.of(ANY), authorities, 8);
        }

        /** None. */
        public static Setup none() {
            return new Setup(List.of(), Optional.empty(), 1);
        }
    }

    /**
     * What a model is to look at.
     *
     * @param problem its statement
     * @param answer the gold answer
     * @param response the response
     */
    public record Case(String problem, String answer, String response) {}

    private final Setup setup;
    private final Semaphore places;
    private final Map<ServerAddress, ModelServer> servers = new ConcurrentHashMap<>();
    private final Map<RewardModel, Gathering> gatherings = new ConcurrentHashMap<>();
    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();

    /** Nothing is connected to before the first response. */
    public RewardModels(Setup setup) {
        this.setup = setup;
        this.places = new Semaphore(setup.parallel());
    }

    /**
     * Looks whether a model may be asked here, and whether its server has it with the tensors that the run file names. Blocks.
     *
     * @return what the server says of it, in words
     * @throws FootholdException INVALID_INPUT when it may not, or is another one; PEER_UNAVAILABLE or DEADLINE when its server does not answer
     */
    public String check(RewardModel model) {
        allowed(model);
        try {
            return server(model)
                    .describe(model, Math.min(model.calls().attempts(), ATTEMPTS_OF_A_CHECK))
                    .told(model);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new FootholdException(ErrorCode.CANCELLED, "interrupted", e);
        }
    }

    /**
     * {@link #check} on a thread of its own.
     *
     * @param told of what the server says of it, ABSTAIN, or of what is wrong, VERIFIER_ERROR
     * @return takes it back
     */
    public Runnable check(RewardModel model, Consumer<Verdict> told) {
        var under = threads.submit(() -> {
            Verdict verdict;
            try {
                verdict = new Verdict(Verdict.Kind.ABSTAIN, 0, "", check(model));
            } catch (RuntimeException e) {
                verdict = Verdict.verifierError(FootholdException.of(e).text());
            }
            told.accept(verdict);
        });
        return () -> under.cancel(true);
    }

    private void allowed(RewardModel model) {
        String server = model.server().toString();
        if (!setup.servers().contains(server) && !setup.servers().contains(ANY)) {
            throw RewardModel.invalid(model + " is not asked: its server is none of those that this verifier may call"
                    + (setup.servers().isEmpty() ? " (there are none)" : Nearest.hint(server, setup.servers()))
                    + "; whoever runs it adds it to " + KEY);
        }
    }

    /**
     * Has a response judged, together with others that come at about the same time.
     *
     * @param passScore least score of a response that is right
     * @param told of the verdict, once, unless it is taken back
     * @return takes it back
     * @throws FootholdException INVALID_INPUT when this model may not be asked here
     */
    public Runnable judge(RewardModel model, double passScore, Case what, Consumer<Verdict> told) {
        allowed(model);
        Map<String, String> values =
                Map.of("problem", what.problem(), "answer", what.answer(), "response", what.response());
        List<String> texts = model.tensors().inputs().stream()
                .map(input -> Placeholders.fill(input.text(), values))
                .toList();
        AtomicBoolean over = new AtomicBoolean();
        Runnable leave = gatherings
                .computeIfAbsent(model, m -> new Gathering(m, server(m), places, threads))
                .add(new Gathering.Asked(texts, answer -> {
                    if (over.compareAndSet(false, true)) {
                        told.accept(verdict(model, passScore, answer));
                    }
                }));
        return () -> {
            over.set(true);
            leave.run();
        };
    }

    private static Verdict verdict(RewardModel model, double passScore, Gathering.Answer answer) {
        return switch (answer) {
            case Gathering.Failed failed ->
                failed.why().code() == ErrorCode.DEADLINE
                        ? Verdict.timeout(failed.why().text())
                        : Verdict.verifierError(failed.why().text());
            case Gathering.Given given -> {
                float number = given.number();
                if (!Float.isFinite(number)) {
                    yield Verdict.verifierError(model + " gave " + number + ", which is no score");
                }
                OptionalDouble score = model.scale().score(number);
                yield score.isEmpty()
                        ? Verdict.verifierError(
                                model + " gave " + number
                                        + " (expected a number in [0, 1]; 'scale: range' with low and high, or 'scale: sigmoid', makes one of others)")
                        : new Verdict(
                                score.getAsDouble() >= passScore ? Verdict.Kind.PASS : Verdict.Kind.FAIL,
                                score.getAsDouble(),
                                "",
                                model + " gave " + number);
            }
        };
    }

    private ModelServer server(RewardModel model) {
        return servers.computeIfAbsent(model.server(), address -> new ModelServer(address, credentials(address)));
    }

    private ChannelCredentials credentials(ServerAddress address) {
        if (!address.tls()) {
            return InsecureChannelCredentials.create();
        }
        if (setup.authorities().isEmpty()) {
            return TlsChannelCredentials.create();
        }
        Path file = setup.authorities().get();
        try {
            return TlsChannelCredentials.newBuilder()
                    .trustManager(file.toFile())
                    .build();
        } catch (IOException e) {
            throw new FootholdException(
                    ErrorCode.INVALID_INPUT,
                    AUTHORITIES + ": " + file + " cannot be read (expected certificates in PEM)",
                    e);
        }
    }

    @Override
    public void close() {
        threads.shutdownNow();
        servers.values().forEach(ModelServer::close);
    }
}
