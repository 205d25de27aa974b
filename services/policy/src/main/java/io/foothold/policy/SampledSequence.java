package io.foothold.policy;

import org.jspecify.annotations.Nullable;

/** A request that a {@link GenerationEngine} samples, and how far it has come. Owned by the engine's thread. */
final class SampledSequence {
    final GenerationRequest request;
    final GenerationRequest.Listener listener;
    final @Nullable StopMatcher matcher;
    int fed;
    int sampled;
    int next;

    SampledSequence(GenerationRequest request, GenerationRequest.Listener listener, @Nullable StopMatcher matcher) {
        this.request = request;
        this.listener = listener;
        this.matcher = matcher;
        this.next = request.prompt()[request.prompt().length - 1];
    }

    /** Position of the token that is fed next. */
    int position() {
        return request.prompt().length - 1 + fed;
    }

    boolean restricted() {
        return request.temperature() > 0 && (request.topP() < 1 || request.topK() > 0);
    }
}
