package io.foothold.learner.grpc;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FailureLog;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.log.LogIds;
import io.foothold.learner.train.RunSettings;
import io.foothold.learner.train.RunStore;
import io.foothold.learner.train.StoredRun;
import io.foothold.policy.Disk;
import io.foothold.store.ArtefactStore;
import io.foothold.v1.AwaitStoredRequest;
import io.foothold.v1.AwaitStoredResponse;
import io.smallrye.mutiny.Uni;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.jboss.logging.Logger;

/** The copies of open runs in the object store, where there is one. Thread-safe. */
final class StoredRuns implements AutoCloseable {
    private static final Logger LOG = Logger.getLogger(StoredRuns.class);

    private final Optional<ArtefactStore> store;
    private final Disk disk;
    private final Map<String, StoredRun> copies = new ConcurrentHashMap<>();
    /** Not the learner's thread: what is sent while an update is computed holds nothing up. */
    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();

    StoredRuns(Optional<ArtefactStore> store, Disk disk) {
        this.store = store;
        this.disk = disk;
    }

    /** The files of a run that is about to be opened, the only one then. */
    RunStore files(String runId, Path home, RunSettings settings) {
        copies.clear();
        if (store.isEmpty()) {
            return new RunStore(home, disk);
        }
        StoredRun copy =
                new StoredRun(store.get(), runId, home, settings.checkpoints().kept(), disk);
        copies.put(runId, copy);
        return new RunStore(home, disk, copy);
    }

    /** Answers when the store has what is asked for. */
    Uni<AwaitStoredResponse> await(AwaitStoredRequest request) {
        return Uni.createFrom()
                .item(() -> {
                    try (LogIds ids = LogIds.ofRun(request.getRunId())) {
                        stored(request);
                        return AwaitStoredResponse.getDefaultInstance();
                    } catch (Throwable t) {
                        throw FailureLog.told(LOG, "storing", Messages.translated(t))
                                .toStatus();
                    }
                })
                .runSubscriptionOn(threads);
    }

    private void stored(AwaitStoredRequest request) {
        if (store.isEmpty()) {
            return;
        }
        StoredRun copy = copies.get(request.getRunId());
        if (copy == null) {
            throw new FootholdException(ErrorCode.WRONG_STATE, "run " + request.getRunId() + " is not open");
        }
        copy.await(request.getDigest());
    }

    @Override
    public void close() {
        threads.shutdownNow();
    }
}
