package io.foothold.policyserver.serving;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.policy.PolicyVersion;
import io.foothold.policy.GenerationEngine;
import io.foothold.policy.GenerationRequest;
import io.foothold.policy.PolicyException;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Executor;
import java.util.function.Consumer;
import org.jboss.logging.Logger;

/** The requests that the engine has, and what their listeners are to hear of its current call. Owned by the engine's thread. */
final class RequestsUnderWay {
    private static final Logger LOG = Logger.getLogger(RequestsUnderWay.class);

    private final Executor replies;
    private final Consumer<Throwable> failure;
    private final Set<Active> active = new LinkedHashSet<>();
    private List<Runnable> told = new ArrayList<>();

    /**
     * None yet.
     *
     * @param replies tells listeners, in order
     * @param failure told what a listener threw
     */
    RequestsUnderWay(Executor replies, Consumer<Throwable> failure) {
        this.replies = replies;
        this.failure = failure;
    }

    /** Hands a request to the engine; see {@link ModelHost#submit}. */
    void submit(
            GenerationEngine engine,
            GenerationRequest request,
            Wanted wanted,
            GenerationRequest.Listener listener,
            Consumer<FootholdException> refused) {
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

    /** Another policy samples from here on. */
    void switched(GenerationEngine engine, PolicyVersion next) {
        List.copyOf(active).forEach(request -> request.switched(engine, next));
    }

    /** Nothing more will come of any. */
    void fail(FootholdException why) {
        List.copyOf(active).forEach(request -> request.failed(why));
    }

    /** Hands over what listeners are to hear, so that the engine does not wait while responses are built and sent. */
    void tell() {
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
            failure.accept(t);
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
}
