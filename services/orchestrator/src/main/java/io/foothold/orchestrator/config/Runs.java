package io.foothold.orchestrator.config;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FailureLog;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.flow.StreamLimits;
import io.foothold.contracts.metric.Metric;
import io.foothold.core.ledger.RolloutState;
import io.foothold.orchestrator.event.EventBus;
import io.foothold.orchestrator.event.RunEvent;
import io.foothold.orchestrator.event.RunMetrics;
import io.foothold.orchestrator.ledger.LedgerDatabase;
import io.foothold.orchestrator.ledger.LedgerLookup;
import io.foothold.orchestrator.ledger.LedgerStore;
import io.foothold.orchestrator.outbox.Outbox;
import io.foothold.orchestrator.remote.GrpcServices;
import io.foothold.orchestrator.remote.WaitClock;
import io.foothold.orchestrator.run.RunClock;
import io.foothold.orchestrator.run.RunManager;
import io.foothold.orchestrator.run.RunThreads;
import io.foothold.orchestrator.run.Seat;
import io.micrometer.core.instrument.MeterRegistry;
import io.quarkus.runtime.StartupEvent;
import jakarta.annotation.PreDestroy;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import jakarta.inject.Inject;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.function.ObjIntConsumer;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/** Puts the orchestrator together. */
@ApplicationScoped
public class Runs {
    private static final Logger LOG = Logger.getLogger(Runs.class);
    private static final Duration LOOK_AGAIN = Duration.ofSeconds(2);

    private final OrchestratorConfig config;
    private final LedgerConfig ledgerConfig;
    private final PeersConfig where;
    private final EventBus events;
    private final MeterRegistry metrics;
    private final GrpcServices.Channels peers;
    private final Publishing publishing;
    private @Nullable LedgerDatabase database;
    private volatile @Nullable LedgerStore ledger;
    private @Nullable GrpcServices services;
    private volatile @Nullable RunManager manager;
    private volatile @Nullable RunMetrics counts;
    private volatile List<Outbox> outboxes = List.of();
    private volatile @Nullable FootholdException away;
    private volatile boolean stopping;

    /** Configured by the container. */
    @Inject
    public Runs(
            OrchestratorConfig config,
            LedgerConfig ledgerConfig,
            PeersConfig where,
            EventBus events,
            MeterRegistry metrics,
            GrpcServices.Channels peers,
            Publishing publishing) {
        this.config = config;
        this.ledgerConfig = ledgerConfig;
        this.where = where;
        this.events = events;
        this.metrics = metrics;
        this.peers = peers;
        this.publishing = publishing;
    }

    /** What refuses us ends the process; a database that is away is looked for until it is there, and the service is not ready until then. */
    void start(@Observes StartupEvent event) {
        boolean publishes = publishing.configured();
        boolean there = opened();
        if (!there || config.adopt() || publishes) {
            Thread.ofPlatform().daemon().name("adoption").start(() -> begin(there, publishes));
        }
    }

    private void begin(boolean opened, boolean publishes) {
        try {
            boolean there = opened;
            while (!there && !stopping) {
                Thread.sleep(LOOK_AGAIN);
                there = opened();
            }
            if (there && publishes && !stopping) {
                // Events that an earlier process left have nobody who asks for them.
                var unused = manager();
            }
            if (there && config.adopt()) {
                manager().watch();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (RuntimeException | Error e) {
            away = FailureLog.told(LOG, "the ledger", e);
        }
    }

    private synchronized boolean opened() {
        if (database != null || stopping) {
            return true;
        }
        try {
            database = LedgerDatabase.open(ledgerConfig.address());
            LOG.infof("the ledger is in %s", database.address().told());
            away = null;
            return true;
        } catch (FootholdException e) {
            if (e.code() != ErrorCode.PEER_UNAVAILABLE) {
                throw e;
            }
            if (away == null) {
                LOG.warnf("not ready: %s", e.text());
            }
            away = e;
            return false;
        }
    }

    /**
     * The manager, made on first use.
     *
     * @throws FootholdException {@link ErrorCode#PEER_UNAVAILABLE} as long as the ledger was not found
     */
    public RunManager manager() {
        RunManager made = manager;
        return made == null ? made() : made;
    }

    /** What people look for in the ledger; see {@link #manager()} for what it throws. */
    public LedgerLookup lookup() {
        var unused = manager();
        return Objects.requireNonNull(ledger).lookup();
    }

    private synchronized RunManager made() {
        RunManager known = manager;
        if (known != null) {
            return known;
        }
        FootholdException lost = away;
        LedgerDatabase there = database;
        if (there == null) {
            throw lost == null ? new FootholdException(ErrorCode.DRAINING, "the service begins or ends") : lost;
        }
        LedgerStore store = store(there);
        Metric.work(metrics, "orchestrator", store.work());
        GrpcServices remote = new GrpcServices(
                peers,
                StreamLimits.standard().withDeadline(config.deadline()),
                new GrpcServices.Waiting(config.patience(), config.verdict(), config.ownVerdict()));
        RunManager made = new RunManager(
                store, remote, Path.of(config.home()), this::tell, RunClock.system(), RunThreads.system(), seat(there));
        ledger = store;
        services = remote;
        manager = made;
        counts = new RunMetrics(metrics, made::underWay, System::nanoTime);
        outboxes = publishing.open(store, there.address().shared(), made::homeOf);
        return made;
    }

    private Seat seat(LedgerDatabase there) {
        PeersConfig.Peer learner = where.learner();
        return new Seat(
                Seat.named(Objects.requireNonNullElse(System.getenv("HOSTNAME"), "orchestrator")),
                learner.host() + ":" + learner.port(),
                config.lease(),
                !there.address().shared());
    }

    private LedgerStore store(LedgerDatabase there) {
        ObjIntConsumer<RolloutState> ends = (end, number) -> Metric.ROLLOUTS
                .counter(metrics, end.name().toLowerCase(Locale.ROOT))
                .increment(number);
        return there.address().shared()
                ? new LedgerStore(
                        there.source(),
                        there.address().told(),
                        config.patience(),
                        WaitClock.system(),
                        InstantSource.system(),
                        ends)
                : new LedgerStore(there.source(), InstantSource.system(), ends);
    }

    /**
     * Looks whether the ledger is there.
     *
     * @throws FootholdException that it is not, and why
     */
    void checkLedger() {
        var unused = manager().ledger().run("");
    }

    private void tell(RunEvent event) {
        RunMetrics counted = counts;
        if (counted != null) {
            counted.accept(event);
        }
        events.send(event);
        outboxes.forEach(Outbox::tell);
    }

    @PreDestroy
    synchronized void stop() {
        stopping = true;
        RunManager made = manager;
        if (made != null) {
            made.close();
        }
        if (services != null) {
            services.close();
        }
        outboxes.forEach(Outbox::close);
        if (ledger != null) {
            ledger.close();
        }
        if (database != null) {
            database.close();
        }
    }
}
