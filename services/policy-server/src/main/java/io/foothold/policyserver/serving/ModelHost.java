package io.foothold.policyserver.serving;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.triton.PolicyTensors;
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
import io.foothold.policy.chat.ChatTemplate;
import io.foothold.policy.chat.Conversation;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
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
     * @param lastError the last failure of the engine, or empty; never what a caller did wrong
     * @param proof how well the version was proved; empty when it came without a canary
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
            String lastError,
            Optional<Proof> proof) {
        /** Whether it is this policy that samples. */
        boolean serves(PolicyVersion policy) {
            return version == policy.number() && digest.equals(policy.digest());
        }
    }

    /**
     * How far the log-probs of a canary were from the learner's.
     *
     * @param version the policy version
     * @param cold with fresh caches
     * @param warm over caches that held keys already
     * @param toldApart whether they are clearly those of this version and not of the last one that was proved: false when the two differ
     *     by no more than rounding, so that the canary says nothing of which of them samples; empty where there is none to compare with
     */
    public record Proof(long version, Canary.Difference cold, Canary.Difference warm, Optional<Boolean> toldApart) {}

    /** A policy that was proved, and how. */
    private record ProvedPolicy(PolicyVersion policy, Canary canary) {}

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
    private final Optional<ChatTemplate> chat;
    private final GenerationEngine.Settings settings;
    private final LinkedBlockingQueue<Command> commands = new LinkedBlockingQueue<>();
    private final ExecutorService fetcher;
    private final ExecutorService replies;
    private final Thread thread;
    /** What listeners are to be told of the current engine call; owned by the engine's thread. */
    private List<Runnable> told = new ArrayList<>();
    /** Requests that the engine has; owned by its thread. */
    private final Set<Active> active = new LinkedHashSet<>();
    /** Changes of the policy that are under way. */
    private final Set<CompletableFuture<Status>> switches = ConcurrentHashMap.newKeySet();

    private final CompletableFuture<FootholdException> died = new CompletableFuture<>();

    private final Canary.Bound canaryBound;
    private Optional<Proof> proof = Optional.empty();
    /** The last one; owned by the engine's thread. */
    private Optional<ProvedPolicy> lastProved = Optional.empty();

    private volatile Status status;
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
        this.canaryBound = canaryBound;
        PolicyDirectory policy = PolicyDirectory.open(directory);
        this.config = policy.config();
        this.tokenizer = policy.tokenizer();
        this.chat = policy.chatTemplate();
        this.settings = settings;
        PolicyWeights weights = policy.weights();
        this.digest = weights.digest();
        this.status = new Status(0, digest, false, 0, 0, settings.slots(), settings.maxLength(), 0, 0, 0, 0, "", proof);
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
                tell();
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
        List.copyOf(active).forEach(request -> request.failed(why));
        tell();
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
        } catch (Throwable t) {
            LOG.error("an answer could not be handed over", t);
            lastError = FootholdException.of(t).text();
        }
    }

    /** A request under way; its listener is told on the replies' thread, in order. One that names its policy ends when another comes. */
    private final class Active implements GenerationRequest.Listener {
        private final GenerationRequest request;
        private final Wanted wanted;
        private final GenerationRequest.Listener listener;
        private final Consumer<FootholdException> refused;
        private boolean over;

        Active(
                GenerationRequest request,
                Wanted wanted,
                GenerationRequest.Listener listener,
                Consumer<FootholdException> refused) {
            this.request = request;
            this.wanted = wanted;
            this.listener = listener;
            this.refused = refused;
        }

        @Override
        public void tokens(int[] tokens, float[] logProbs, long version) {
            if (!over) {
                told.add(() -> listener.tokens(tokens, logProbs, version));
            }
        }

        @Override
        public void ended(GenerationRequest.End end, int stopIndex) {
            if (!over) {
                over = true;
                active.remove(this);
                told.add(() -> listener.ended(end, stopIndex));
            }
        }

        /** Another policy samples from here on: what was drawn is worth nothing to whom that one was named. */
        void switched(GenerationEngine engine, PolicyVersion next) {
            if (wanted.exactly().isPresent()) {
                // First: the engine says that it was aborted, which is not what its caller is to hear.
                over = true;
                engine.abort(request.id());
                failed(wanted.other(next.number(), next.digest()));
            }
        }

        /** Nothing more will come of it. */
        void failed(FootholdException why) {
            over = true;
            active.remove(this);
            told.add(() -> refused.accept(why));
        }
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
        ChatTemplate template = chat.orElseThrow(() -> new PolicyException("the policy" + ChatTemplate.MISSING));
        try {
            JsonNode json = new ObjectMapper().readTree(settings);
            List<Conversation.Turn> turns = new ArrayList<>();
            for (JsonNode turn : json.path("turns")) {
                if (!turn.path("user").isTextual() || !turn.path("assistant").isTextual()) {
                    throw new PolicyException(
                            "input 'chat': a turn needs the texts 'user' and 'assistant', got " + turn);
                }
                turns.add(new Conversation.Turn(
                        turn.path("user").textValue(), turn.path("assistant").textValue()));
            }
            Map<String, Object> options =
                    new ObjectMapper().convertValue(json.path("options"), new TypeReference<Map<String, Object>>() {});
            return tokenizer.encode(new Conversation(
                            json.path("system").asText(""),
                            turns,
                            options == null ? Map.of() : options,
                            json.path("answer_separator").asText(""))
                    .render(template, text));
        } catch (JsonProcessingException | IllegalArgumentException e) {
            throw new PolicyException(
                    "input 'chat' must be a JSON object with 'system', 'turns', 'options' and 'answer_separator', got "
                            + settings,
                    e);
        }
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
    public Status status() {
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
                Active one = new Active(request, wanted, listener, refused);
                // Before the engine has it: should it end of this very request, somebody waits for that too.
                active.add(one);
                try {
                    engine.submit(request, one);
                } catch (PolicyException e) {
                    active.remove(one);
                    refused.accept(new FootholdException(ErrorCode.INVALID_INPUT, e.getMessage(), e));
                }
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
    public CompletableFuture<Status> update(PolicyVersion policy, Path file, Optional<Canary> canary) {
        return fetched(policy, file, canary, (engine, weights) -> {
            if (policy.number() <= engine.version()) {
                throw new FootholdException(
                        ErrorCode.CONFLICT,
                        "policy version must grow: " + policy.number() + " after " + engine.version());
            }
            long start = System.nanoTime();
            Proved next = proved(engine, weights, policy, canary);
            List.copyOf(active).forEach(request -> request.switched(engine, policy));
            engine.swap(next.weights(), policy.number());
            proof = next.proof();
            lastPauseMicros = (System.nanoTime() - start) / 1000;
        });
    }

    /**
     * Begins again with a policy of any version, for a new run or because another one was switched to that nobody of this run published.
     * Refused while sequences are under way, and as {@link #update} refuses.
     */
    public CompletableFuture<Status> reset(PolicyVersion policy, Path file, Optional<Canary> canary) {
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

    /** What the engine's thread does between two calls. */
    private interface Command {
        void run(GenerationEngine engine);

        /** Instead of it, when the engine has ended. */
        void refused(FootholdException ended);

        /** A command that nobody waits for. */
        static Command of(Consumer<GenerationEngine> what) {
            return new Command() {
                @Override
                public void run(GenerationEngine engine) {
                    what.accept(engine);
                }

                @Override
                public void refused(FootholdException ended) {}
            };
        }
    }

    private interface Switch {
        /** Takes weights over on the engine's thread, or throws and leaves everything as it is. */
        void take(GenerationEngine engine, PolicyWeights weights);
    }

    private CompletableFuture<Status> fetched(PolicyVersion policy, Path file, Optional<Canary> canary, Switch how) {
        CompletableFuture<Status> done = new CompletableFuture<>();
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
                            proof = Optional.of(proof(policy, c, engine.score(c.sequences())));
                            lastProved = Optional.of(new ProvedPolicy(policy, c));
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
                    lastProved = canary.map(c -> new ProvedPolicy(policy, c));
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
    private void attempt(GenerationEngine engine, CompletableFuture<Status> done, Runnable what) {
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
    private record Proved(StagedWeights weights, Optional<Proof> proof) {}

    /** Puts weights beside those that sample and proves them; what serves is left as it is. */
    private Proved proved(
            GenerationEngine engine, PolicyWeights weights, PolicyVersion policy, Optional<Canary> canary) {
        StagedWeights staged = engine.stage(weights);
        try {
            return new Proved(staged, canary.map(c -> proof(policy, c, staged.score(c.sequences()))));
        } catch (RuntimeException | Error e) {
            staged.close();
            throw e;
        }
    }

    private Proof proof(PolicyVersion policy, Canary canary, StagedWeights.ColdAndWarm scored) {
        Canary.Difference cold = within(policy, "cold", canary.difference(scored.cold()));
        Canary.Difference warm = within(policy, "warm", canary.difference(scored.warm()));
        Optional<Boolean> toldApart = lastProved
                .filter(last -> !last.policy().digest().equals(policy.digest())
                        && last.canary().comparesWith(canary))
                .map(last -> toldApart(policy, canary, last, scored));
        return new Proof(policy.number(), cold, warm, toldApart);
    }

    /** Small steps stay within any bound: what the last version was proved with tells whether that one is still there. */
    private boolean toldApart(
            PolicyVersion policy, Canary canary, ProvedPolicy last, StagedWeights.ColdAndWarm scored) {
        refuseOld(policy, "cold", scored.cold(), canary, last);
        refuseOld(policy, "warm", scored.warm(), canary, last);
        boolean apart =
                canary.isClearly(scored.cold(), last.canary()) && canary.isClearly(scored.warm(), last.canary());
        if (!apart) {
            LOG.infof(
                    "policy versions %s and %s are not told apart by the canary: they differ by no more than rounding",
                    last.policy(), policy);
        }
        return apart;
    }

    private static void refuseOld(
            PolicyVersion policy, String caches, List<Canary.Scored> scored, Canary canary, ProvedPolicy last) {
        if (last.canary().isClearly(scored, canary)) {
            throw new FootholdException(
                    ErrorCode.INTERNAL,
                    PolicyTensors.CANARY_REFUSED + " version " + policy + " is not what computes: with " + caches
                            + " caches log-probs are those of version " + last.policy() + ", which goes on");
        }
    }

    private Canary.Difference within(PolicyVersion policy, String caches, Canary.Difference found) {
        if (!canaryBound.holds(found)) {
            throw new FootholdException(
                    ErrorCode.INTERNAL,
                    PolicyTensors.CANARY_REFUSED + " version " + policy
                            + " is not computed as the learner computes it: with "
                            + caches + " caches log-probs differ by " + found.mean() + " nats in the mean and "
                            + found.max() + " at most (bound " + canaryBound.mean() + ", " + canaryBound.max()
                            + "); version " + status.version() + " goes on");
        }
        return found;
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
