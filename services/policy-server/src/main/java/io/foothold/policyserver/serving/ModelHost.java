package io.foothold.policyserver.serving;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.policy.Canary;
import io.foothold.core.policy.PolicyVersion;
import io.foothold.policy.GenerationEngine;
import io.foothold.policy.GenerationRequest;
import io.foothold.policy.ModelConfig;
import io.foothold.policy.NativeRuntime;
import io.foothold.policy.PolicyDirectory;
import io.foothold.policy.PolicyException;
import io.foothold.policy.PolicyWeights;
import io.foothold.policy.ProcessEndingException;
import io.foothold.policy.StagedWeights;
import io.foothold.policy.Tokenizer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jboss.logging.Logger;

/**
 * Owns the engine: a single thread that takes commands between two calls of decode steps. Everything public may be called from
 * any thread and does not block on the engine. When the engine ends, whoever waits for it is told so at once.
 */
public final class ModelHost implements AutoCloseable {

    /**
     * An idle engine waits for company of the first request until its slots have work or none came for so long: a call with one
     * group costs nearly as much as with ten. Groups that are sent together arrive some tens of microseconds apart.
     */
    private static final long GATHER_MICROS = 300;

    /** It waits no longer than this, whatever comes. */
    private static final long GATHER_MOST_MILLIS = 10;

    private static final Logger LOG = Logger.getLogger(ModelHost.class);
    private static final Duration JOIN_STEP = Duration.ofSeconds(10);

    private final ModelConfig config;
    private final Tokenizer tokenizer;
    private final ChatMessages chat;
    private final GenerationEngine.Settings settings;
    private final LinkedBlockingQueue<Command> commands = new LinkedBlockingQueue<>();
    private final ExecutorService fetcher;
    private final ExecutorService replies;
    private final Thread thread;
    private final RequestsUnderWay requests;
    /** Changes of the policy that are under way. */
    private final Set<CompletableFuture<EngineStatus>> switches = ConcurrentHashMap.newKeySet();

    private final CompletableFuture<FootholdException> died = new CompletableFuture<>();

    private final CanaryProof proofs;
    private Optional<PolicyProof> proof = Optional.empty();

    private volatile EngineStatus status;
    private volatile boolean stopping;
    /** The engine will do nothing any more: what is queued now, nobody takes. */
    private volatile boolean ended;

    private volatile boolean paused;
    private volatile String lastError = "";
    private String digest = "";
    private long lastPauseMicros;

    /** A host with the canary's bound of float32, in which the engine computes. */
    public ModelHost(Path directory, GenerationEngine.Settings settings) {
        this(directory, settings, Canary.Bound.FLOAT32);
    }

    /**
     * Loads a policy and starts serving it as version 0.
     *
     * @param directory Hugging Face directory
     * @param canaryBound how far log-probs of a published policy may be from the learner's
     */
    public ModelHost(Path directory, GenerationEngine.Settings settings, Canary.Bound canaryBound) {
        this.proofs = new CanaryProof(canaryBound);
        PolicyDirectory policy = PolicyDirectory.open(directory);
        this.config = policy.config();
        this.tokenizer = policy.tokenizer();
        this.chat = new ChatMessages(tokenizer, policy.chatTemplate());
        this.settings = settings;
        PolicyWeights weights = policy.weights();
        this.digest = weights.digest();
        this.status =
                new EngineStatus(0, digest, false, 0, 0, settings.slots(), settings.maxLength(), 0, 0, 0, 0, "", proof);
        this.fetcher = Executors.newSingleThreadExecutor(
                Thread.ofPlatform().daemon().name("weights-fetcher").factory());
        this.replies = Executors.newSingleThreadExecutor(
                Thread.ofPlatform().daemon().name("policy-replies").factory());
        this.requests = new RequestsUnderWay(
                replies, t -> lastError = FootholdException.of(t).text());
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
        try (weights) {
            NativeRuntime.enterThread();
            engine = new GenerationEngine(weights, 0, tokenizer, settings);
        } catch (Throwable t) {
            // Whatever it is: who made the host waits for it.
            started.completeExceptionally(t);
            return;
        }
        started.complete(null);
        try (engine) {
            boolean busy = false;
            while (!stopping) {
                takeCommands(engine, busy && !paused);
                busy = !paused && engine.step();
                publish(engine);
                requests.tell();
            }
        } catch (ProcessEndingException e) {
            LOG.info("the engine ends with the process");
            lastError = "the process is ending";
        } catch (Throwable t) {
            LOG.error("the engine stopped", t);
            lastError = FootholdException.of(t).text();
            died.complete(stopped());
        } finally {
            stopping = true;
            end();
        }
    }

    private FootholdException stopped() {
        String why = lastError;
        return new FootholdException(
                ErrorCode.PEER_UNAVAILABLE,
                "the engine has stopped: " + (why.isEmpty() ? "the policy is not served any more" : why));
    }

    /** Tells everyone who waits for the engine that it has ended. */
    private void end() {
        FootholdException why = stopped();
        ended = true;
        requests.fail(why);
        requests.tell();
        refuseQueued();
        switches.forEach(done -> done.completeExceptionally(why));
    }

    private void refuseQueued() {
        for (Command left = commands.poll(); left != null; left = commands.poll()) {
            left.refused(stopped());
        }
    }

    private void queue(Command command) {
        commands.add(command);
        if (ended) {
            refuseQueued();
        }
    }

    /** Tells when the engine ends by a failure of its own; at once when it has. Called by any thread; must not block. */
    public void onDeath(Consumer<FootholdException> told) {
        var unused = died.thenAccept(told);
    }

    /** Runs what is queued; when there is nothing else to do, waits for a command and for those that come right behind it. */
    private void takeCommands(GenerationEngine engine, boolean busy) {
        try {
            Command command = busy ? commands.poll() : commands.poll(200, TimeUnit.MILLISECONDS);
            long start = System.nanoTime();
            while (command != null) {
                command.run(engine);
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
        status = new EngineStatus(
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
                lastError,
                proof);
    }

    /** The shape of the model. */
    public ModelConfig config() {
        return config;
    }

    /**
     * Token ids of a user's message in the policy's chat template, with the beginning of the answer.
     *
     * @param settings JSON object with {@code system}, {@code turns}, {@code options} and {@code answer_separator}
     * @throws PolicyException when the policy has no chat template or it refuses the message
     */
    public int[] encodeMessage(String text, String settings) {
        return chat.encoded(text, settings);
    }

    /** Its tokenizer. */
    public Tokenizer tokenizer() {
        return tokenizer;
    }

    /**
     * The newest status; at most one engine call old.
     *
     * @throws FootholdException {@link ErrorCode#PEER_UNAVAILABLE} when the engine has ended
     */
    public EngineStatus status() {
        if (!alive()) {
            throw stopped();
        }
        return status;
    }

    /** Whether the engine thread is alive. */
    public boolean alive() {
        return thread.isAlive() && !stopping;
    }

    /**
     * Queues a request.
     *
     * @param wanted which policy may sample it
     * @param listener called by one thread of the host's, never by the engine's
     * @param refused called instead of the listener when the engine does not take it, and as its last call when the engine ends or
     *     another policy comes than the one that was wanted exactly
     */
    public void submit(
            GenerationRequest request,
            Wanted wanted,
            GenerationRequest.Listener listener,
            Consumer<FootholdException> refused) {
        queue(new Command() {
            @Override
            public void run(GenerationEngine engine) {
                Optional<FootholdException> refusal = wanted.refusal(engine.version(), digest);
                if (refusal.isPresent()) {
                    refused.accept(refusal.get());
                    return;
                }
                requests.submit(engine, request, wanted, listener, refused);
            }

            @Override
            public void refused(FootholdException ended) {
                refused.accept(ended);
            }
        });
    }

    /** Ends a request early; nothing happens when it is not under way. */
    public void abort(String id) {
        queue(Command.of(engine -> engine.abort(id)));
    }

    /** Holds decoding; requests under way keep their slots. */
    public void pause() {
        paused = true;
    }

    /** Goes on decoding. */
    public void resume() {
        paused = false;
        queue(Command.of(engine -> {}));
    }

    /**
     * Fetches an artefact, verifies it, proves what is computed with it and switches to it between two decode steps. Idempotent: a policy
     * that is served already is proved and acknowledged again. A damaged artefact, or one that does not compute what the canary says, is
     * refused and the old version keeps serving.
     *
     * @param policy its version, above the one that is served, and its digest
     * @param canary what has to be computed with it; without one nothing is proved
     */
    public CompletableFuture<EngineStatus> update(PolicyVersion policy, Path file, Optional<Canary> canary) {
        return fetched(policy, file, canary, (engine, weights) -> {
            if (policy.number() <= engine.version()) {
                throw new FootholdException(
                        ErrorCode.CONFLICT,
                        "policy version must grow: " + policy.number() + " after " + engine.version());
            }
            long start = System.nanoTime();
            Proved next = proved(engine, weights, policy, canary);
            requests.switched(engine, policy);
            engine.swap(next.weights(), policy.number());
            proof = next.proof();
            lastPauseMicros = (System.nanoTime() - start) / 1000;
        });
    }

    /**
     * Begins again with a policy of any version, for a new run or because another one was switched to that nobody of this run published.
     * Refused while sequences are under way, and as {@link #update} refuses.
     */
    public CompletableFuture<EngineStatus> reset(PolicyVersion policy, Path file, Optional<Canary> canary) {
        return fetched(policy, file, canary, (engine, weights) -> {
            if (engine.running() + engine.waiting() > 0) {
                throw new FootholdException(
                        ErrorCode.WRONG_STATE,
                        "cannot go back to version " + policy.number() + " while "
                                + (engine.running() + engine.waiting()) + " sequences are under way");
            }
            Proved next = proved(engine, weights, policy, canary);
            engine.replace(next.weights(), policy.number());
            proof = next.proof();
        });
    }

    private interface Switch {
        /** Takes weights over on the engine's thread, or throws and leaves everything as it is. */
        void take(GenerationEngine engine, PolicyWeights weights);
    }

    private CompletableFuture<EngineStatus> fetched(
            PolicyVersion policy, Path file, Optional<Canary> canary, Switch how) {
        CompletableFuture<EngineStatus> done = new CompletableFuture<>();
        switches.add(done);
        var unused = done.whenComplete((after, failure) -> switches.remove(done));
        if (ended) {
            done.completeExceptionally(stopped());
            return done;
        }
        Runnable fetch = () -> {
            try {
                // What is served already needs no file, which may be gone.
                Optional<PolicyWeights> weights = status.serves(policy)
                        ? Optional.empty()
                        : Optional.of(PolicyWeights.readArtefact(config, file, policy.digest()));
                weights.ifPresent(w -> done.whenCompleteAsync((s, e) -> w.close(), fetcher));
                queue(Command.of(engine -> attempt(engine, done, () -> {
                    if (engine.version() == policy.number() && digest.equals(policy.digest())) {
                        canary.ifPresent(c -> {
                            proof = Optional.of(proofs.of(policy, c, engine.score(c.sequences()), status.version()));
                            proofs.serves(policy, canary);
                        });
                        return;
                    }
                    how.take(
                            engine,
                            weights.orElseThrow(() -> new FootholdException(
                                    ErrorCode.PEER_UNAVAILABLE,
                                    "policy version " + policy
                                            + " was switched away from while it was asked for again")));
                    digest = policy.digest();
                    proofs.serves(policy, canary);
                })));
            } catch (PolicyException e) {
                done.completeExceptionally(new FootholdException(ErrorCode.INVALID_DATA, e.getMessage(), e));
            } catch (Throwable t) {
                done.completeExceptionally(t);
            }
        };
        try {
            fetcher.execute(fetch);
        } catch (RejectedExecutionException e) {
            done.completeExceptionally(stopped());
        }
        return done;
    }

    /** A switch that fails is refused; the engine goes on with what it has. */
    private void attempt(GenerationEngine engine, CompletableFuture<EngineStatus> done, Runnable what) {
        try {
            what.run();
            publish(engine);
            done.complete(status);
        } catch (PolicyException e) {
            done.completeExceptionally(new FootholdException(ErrorCode.INVALID_DATA, e.getMessage(), e));
        } catch (RuntimeException e) {
            done.completeExceptionally(e);
        } catch (Error e) {
            // What the engine has now is unknown: it ends.
            done.completeExceptionally(e);
            throw e;
        }
    }

    /** Weights beside those that sample, and how well they are known to compute what they should. */
    private record Proved(StagedWeights weights, Optional<PolicyProof> proof) {}

    /** Puts weights beside those that sample and proves them; what serves is left as it is. */
    private Proved proved(
            GenerationEngine engine, PolicyWeights weights, PolicyVersion policy, Optional<Canary> canary) {
        StagedWeights staged = engine.stage(weights);
        try {
            return new Proved(
                    staged, canary.map(c -> proofs.of(policy, c, staged.score(c.sequences()), status.version())));
        } catch (RuntimeException | Error e) {
            staged.close();
            throw e;
        }
    }

    @Override
    public void close() {
        stopping = true;
        fetcher.shutdownNow();
        thread.interrupt();
        try {
            // The engine's memory and the tokenizer are in use until its call is over.
            while (!thread.join(JOIN_STEP)) {
                LOG.warn("waiting for the engine's call that is under way");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        replies.shutdown();
        tokenizer.close();
    }
}
