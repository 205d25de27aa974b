package io.foothold.orchestrator;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.eclipse.microprofile.reactive.messaging.Emitter;
import org.eclipse.microprofile.reactive.messaging.Message;

/** For a bus that only hears. */
final class NoEmitter implements Emitter<String> {
    @Override
    public CompletionStage<Void> send(String payload) {
        return CompletableFuture.failedFuture(new UnsupportedOperationException("nothing is sent here"));
    }

    @Override
    public <M extends Message<? extends String>> void send(M message) {
        throw new UnsupportedOperationException("nothing is sent here");
    }

    @Override
    public void complete() {}

    @Override
    public void error(Exception e) {}

    @Override
    public boolean isCancelled() {
        return false;
    }

    @Override
    public boolean hasRequests() {
        return true;
    }
}
