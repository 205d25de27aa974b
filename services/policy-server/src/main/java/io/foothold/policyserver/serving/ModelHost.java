package io.foothold.policyserver.serving;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.policy.GenerationEngine;
import io.foothold.policy.GenerationRequest;
import io.foothold.policy.ModelConfig;
import io.foothold.policy.NativeRuntime;
import io.foothold.policy.PolicyDirectory;
import io.foothold.policy.PolicyException;
import io.foothold.policy.PolicyWeights;
import io.foothold.policy.Tokenizer;
import io.foothold.policy.chat.ChatTemplate;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Owns the engine: a single thread that takes commands between two calls of decode steps. Everything public may be called from
 * any thread and does not block on the engine.
 */
public final class ModelHost implements AutoCloseable {

    /**
     * What the host says of itself.
     *
     * @param version policy version that samples
     * @param digest digest of its artefact, empty for a version that came without one
     * @param paused whether decoding is held
     * @param running sequences in slots
     * @param waiting sequences without a slot
     * @param slots number of slots
     * @param maxLength longest sequence
     * @param tokens tokens sampled since the start
     * @param rowSteps decode steps of slots that held a live sequence
     * @param slotSteps decode steps that were available
     * @param lastPauseMicros how long the last weight change held decoding
     * @param lastError the last failure of the engine, or empty
     */
    public record Status(
            long version,
            String digest,
            boolean paused,
            int running,
            int waiting,
            int slots,
            int maxLength,
            long tokens,
            long rowSteps,
            long slotSteps,
            long lastPauseMicros,
            String lastError) {}

    /**
     * An idle engine waits for company of the first request until its slots have work or none came for so long: a call with one
     * group costs nearly as much as with ten. Groups that are sent together arrive some tens of microseconds apart.
     */
    private static final long GATHER_MICROS = 300;

    /** It waits no longer than this, whatever comes. */
    private static final long GATHER_MOST_MILLIS = 10;

    private static final Logger LOG = Logger.getLogger(ModelHost.class);

    private final ModelConfig config;
    private final Tokenizer tokenizer;
    private final Optional<ChatTemplate> chat;
    private final GenerationEngine.Settings settings;
    private final LinkedBlockingQueue<Consumer<GenerationEngine>> commands = new LinkedBlockingQueue<>();
    private final ExecutorService fetcher;
    private final ExecutorService replies;
    private final Thread thread;
    /** What listeners are to be told of the current engine call; owned by the engine's thread. */
    private List<Runnable> told = new ArrayList<>();

    private volatile Status status;
    private volatile boolean stopping;
    private volatile boolean paused;
    private volatile String lastError = "";
    private String digest = "";
    private long lastPauseMicros;

    /**
     * Loads a policy and starts serving it as version 0.
     *
     * @param directory Hugging Face directory
     */
    public ModelHost(Path directory, GenerationEngine.Settings settings) {
        PolicyDirectory policy = PolicyDirectory.open(directory);
        this.config = policy.config();
        this.tokenizer = policy.tokenizer();
        this.chat = policy.chatTemplate();
        this.settings = settings;
        PolicyWeights weights = policy.weights();
        this.digest = weights.digest();
        this.status = new Status(0, digest, false, 0, 0, settings.slots(), settings.maxLength(), 0, 0, 0, 0, "");
        this.fetcher = Executors.newSingleThreadExecutor(
                Thread.ofPlatform().daemon().name("weights-fetcher").factory());
        this.replies = Executors.newSingleThreadExecutor(
                Thread.ofPlatform().daemon().name("policy-replies").factory());
        CompletableFuture<Void> started = new CompletableFuture<>();
        // Replies come in bursts: without priority they take the engine's core where there is no other.
        this.thread = Thread.ofPlatform()
                .daemon()
                .name("policy-engine")
                .priority(Thread.MAX_PRIORITY)
                .start(() -> serve(weights, started));
        try {
            started.join();
        } catch (RuntimeException e) {
            throw FootholdException.of(e);
        }
    }

    private void serve(PolicyWeights weights, CompletableFuture<Void> started) {
        GenerationEngine engine;
        try {
            NativeRuntime.enterThread();
            engine = new GenerationEngine(weights, 0, tokenizer, settings);
        } catch (RuntimeException | LinkageError e) {
            started.completeExceptionally(e);
            return;
        }
        started.complete(null);
        try (engine) {
            boolean busy = false;
            while (!stopping) {
                takeCommands(engine, busy && !paused);
                busy = !paused && engine.step();
                publish(engine);
                tell();
            }
        } catch (RuntimeException e) {
            LOG.error("the engine stopped", e);
            lastError = String.valueOf(e.getMessage());
            stopping = true;
        }
    }

    /** Hands over what listeners are to hear, so that the engine does not wait while responses are built and sent. */
    private void tell() {
        if (told.isEmpty()) {
            return;
        }
        List<Runnable> batch = told;
        told = new ArrayList<>();
        replies.execute(() -> batch.forEach(this::tell));
    }

    /** A listener that fails keeps its failure to itself: the others of the batch are told all the same. */
    private void tell(Runnable news) {
        try {
            news.run();
        } catch (RuntimeException e) {
            LOG.error("an answer could not be handed over", e);
            lastError = String.valueOf(e.getMessage());
        }
    }

    /** A listener that is told on the replies' thread, in order. */
    private GenerationRequest.Listener deferred(GenerationRequest.Listener listener) {
        return new GenerationRequest.Listener() {
            @Override
            public void tokens(int[] tokens, float[] logProbs, long version) {
                told.add(() -> listener.tokens(tokens, logProbs, version));
            }

            @Override
            public void ended(GenerationRequest.End end, int stopIndex) {
                told.add(() -> listener.ended(end, stopIndex));
            }
        };
    }

    /** Runs what is queued; when there is nothing else to do, waits for a command and for those that come right behind it. */
    private void takeCommands(GenerationEngine engine, boolean busy) {
        try {
            Consumer<GenerationEngine> command = busy ? commands.poll() : commands.poll(200, TimeUnit.MILLISECONDS);
            long start = System.nanoTime();
            while (command != null) {
                command.accept(engine);
                long gathered = (System.nanoTime() - start) / 1_000_000;
                command = busy || gathered >= GATHER_MOST_MILLIS || engine.waiting() >= engine.slots()
                        ? commands.poll()
                        : commands.poll(GATHER_MICROS, TimeUnit.MICROSECONDS);
            }
        } catch (InterruptedException e) {
            stopping = true;
        }
    }

    private void publish(GenerationEngine engine) {
        GenerationEngine.Counters c = engine.counters();
        status = new Status(
                engine.version(),
                digest,
                paused,
                engine.running(),
                engine.waiting(),
                engine.slots(),
                engine.maxLength(),
                c.tokens(),
                c.rowSteps(),
                c.slotSteps(),
                lastPauseMicros,
                lastError);
    }

    /** The shape of the model. */
    public ModelConfig config() {
        return config;
    }

    /**
     * Token ids of a user's message in the policy's chat template, with the beginning of the answer.
     *
     * @param settings JSON object with {@code system} and {@code options}
     * @throws PolicyException when the policy has no chat template or it refuses the message
     */
    public int[] encodeMessage(String text, String settings) {
        ChatTemplate template = chat.orElseThrow(() -> new PolicyException("the policy" + ChatTemplate.MISSING));
        try {
            JsonNode json = new ObjectMapper().readTree(settings);
            List<ChatTemplate.Message> messages = new ArrayList<>();
            if (!json.path("system").asText("").isEmpty()) {
                messages.add(
                        new ChatTemplate.Message("system", json.path("system").asText()));
            }
            messages.add(new ChatTemplate.Message("user", text));
            Map<String, Object> options =
                    new ObjectMapper().convertValue(json.path("options"), new TypeReference<Map<String, Object>>() {});
            return tokenizer.encode(template.render(messages, true, options == null ? Map.of() : options));
        } catch (JsonProcessingException | IllegalArgumentException e) {
            throw new PolicyException(
                    "input 'chat' must be a JSON object with 'system' and 'options', got " + settings, e);
        }
    }

    /** Its tokenizer. */
    public Tokenizer tokenizer() {
        return tokenizer;
    }

    /** The newest status; at most one engine call old. */
    public Status status() {
        return status;
    }

    /** Whether the engine thread is alive. */
    public boolean alive() {
        return thread.isAlive() && !stopping;
    }

    /**
     * Queues a request.
     *
     * @param minVersion refuse while the policy is older
     * @param listener called by one thread of the host's, never by the engine's
     * @param refused called instead of the listener when the engine does not take it
     */
    public void submit(
            GenerationRequest request,
            long minVersion,
            GenerationRequest.Listener listener,
            Consumer<FootholdException> refused) {
        if (!alive()) {
            refused.accept(new FootholdException(ErrorCode.PEER_UNAVAILABLE, "the engine has stopped: " + lastError));
            return;
        }
        commands.add(engine -> {
            if (engine.version() < minVersion) {
                refused.accept(new FootholdException(
                        ErrorCode.PEER_UNAVAILABLE,
                        "policy version " + engine.version() + " is older than " + minVersion));
                return;
            }
            try {
                engine.submit(request, deferred(listener));
            } catch (PolicyException e) {
                refused.accept(new FootholdException(ErrorCode.INVALID_INPUT, e.getMessage(), e));
            }
        });
    }

    /** Ends a request early; nothing happens when it is not under way. */
    public void abort(String id) {
        commands.add(engine -> engine.abort(id));
    }

    /** Holds decoding; requests under way keep their slots. */
    public void pause() {
        paused = true;
    }

    /** Goes on decoding. */
    public void resume() {
        paused = false;
        commands.add(engine -> {});
    }

    /**
     * Fetches an artefact, verifies it and switches to it between two decode steps. Idempotent: a version that is already
     * served under the same digest is acknowledged again. A damaged artefact is refused and the old version keeps serving.
     */
    public CompletableFuture<Status> update(long version, Path file, String expectedDigest) {
        CompletableFuture<Status> done = new CompletableFuture<>();
        fetcher.execute(() -> {
            try {
                Status now = status;
                if (now.version() == version && now.digest().equals(expectedDigest)) {
                    done.complete(now);
                    return;
                }
                PolicyWeights weights = PolicyWeights.readArtefact(config, file, expectedDigest);
                commands.add(engine -> swap(engine, weights, version, expectedDigest, done));
            } catch (PolicyException e) {
                done.completeExceptionally(new FootholdException(ErrorCode.INVALID_DATA, e.getMessage(), e));
            } catch (RuntimeException e) {
                done.completeExceptionally(e);
            }
        });
        return done;
    }

    private void swap(
            GenerationEngine engine,
            @Nullable PolicyWeights weights,
            long version,
            String newDigest,
            CompletableFuture<Status> done) {
        try {
            long start = System.nanoTime();
            if (weights != null) {
                engine.swap(weights, version);
            }
            digest = newDigest;
            lastPauseMicros = (System.nanoTime() - start) / 1000;
            publish(engine);
            done.complete(status);
        } catch (PolicyException e) {
            done.completeExceptionally(new FootholdException(ErrorCode.CONFLICT, e.getMessage(), e));
        }
    }

    /**
     * Goes back to the base policy as version 0, for a new run. Refused while sequences are under way.
     */
    public CompletableFuture<Status> reset(long version, Path file, String expectedDigest) {
        CompletableFuture<Status> done = new CompletableFuture<>();
        fetcher.execute(() -> {
            try {
                PolicyWeights weights = PolicyWeights.readArtefact(config, file, expectedDigest);
                commands.add(engine -> {
                    if (engine.running() + engine.waiting() > 0) {
                        done.completeExceptionally(new FootholdException(
                                ErrorCode.WRONG_STATE,
                                "cannot go back to version " + version + " while " + engine.running()
                                        + " sequences are under way"));
                        return;
                    }
                    engine.replace(weights, version);
                    digest = expectedDigest;
                    publish(engine);
                    done.complete(status);
                });
            } catch (PolicyException e) {
                done.completeExceptionally(new FootholdException(ErrorCode.INVALID_DATA, e.getMessage(), e));
            }
        });
        return done;
    }

    @Override
    public void close() {
        stopping = true;
        fetcher.shutdownNow();
        thread.interrupt();
        try {
            thread.join(10_000);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        replies.shutdown();
        tokenizer.close();
    }
}
