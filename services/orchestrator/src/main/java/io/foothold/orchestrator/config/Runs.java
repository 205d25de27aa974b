package io.foothold.orchestrator.config;

import io.agroal.api.AgroalDataSource;
import io.foothold.contracts.flow.StreamLimits;
import io.foothold.contracts.metric.Metric;
import io.foothold.orchestrator.event.EventBus;
import io.foothold.orchestrator.event.RunEvent;
import io.foothold.orchestrator.event.RunMetrics;
import io.foothold.orchestrator.ledger.LedgerStore;
import io.foothold.orchestrator.remote.GrpcServices;
import io.foothold.orchestrator.run.RunClock;
import io.foothold.orchestrator.run.RunManager;
import io.foothold.orchestrator.run.RunThreads;
import io.micrometer.core.instrument.MeterRegistry;
import io.quarkus.runtime.StartupEvent;
import jakarta.annotation.PreDestroy;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import jakarta.inject.Inject;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Puts the orchestrator together. */
@ApplicationScoped
public class Runs {
    private final OrchestratorConfig config;
    private final AgroalDataSource database;
    private final EventBus events;
    private final MeterRegistry metrics;
    private final GrpcServices.Channels peers;
    private @Nullable LedgerStore ledger;
    private @Nullable GrpcServices services;
    private @Nullable RunManager manager;
    private volatile @Nullable RunMetrics counts;

    /** Configured by the container. */
    @Inject
    public Runs(
            OrchestratorConfig config,
            AgroalDataSource database,
            EventBus events,
            MeterRegistry metrics,
            GrpcServices.Channels peers) {
        this.config = config;
        this.database = database;
        this.events = events;
        this.metrics = metrics;
        this.peers = peers;
    }

    void start(@Observes StartupEvent event) {
        if (config.adopt()) {
            Thread.ofPlatform().daemon().name("adoption").start(() -> manager().adopt());
        }
    }

    /** The manager, made on first use. */
    public synchronized RunManager manager() {
        RunManager made = manager;
        if (made == null) {
            LedgerStore store = new LedgerStore(database, InstantSource.system(), (end, number) -> Metric.ROLLOUTS
                    .counter(metrics, end.name().toLowerCase(Locale.ROOT))
                    .increment(number));
            Metric.work(metrics, "orchestrator", store.work());
            GrpcServices remote = new GrpcServices(
                    peers,
                    StreamLimits.standard().withDeadline(config.deadline()),
                    new GrpcServices.Waiting(config.patience(), config.verdict(), config.ownVerdict()));
            made = new RunManager(
                    store, remote, Path.of(config.home()), this::tell, RunClock.system(), RunThreads.system());
            ledger = store;
            services = remote;
            manager = made;
            counts = new RunMetrics(metrics, made::underWay, System::nanoTime);
        }
        return made;
    }

    private void tell(RunEvent event) {
        RunMetrics counted = counts;
        if (counted != null) {
            counted.accept(event);
        }
        events.send(event);
    }

    @PreDestroy
    synchronized void stop() {
        if (services != null) {
            services.close();
        }
        if (ledger != null) {
            ledger.close();
        }
    }
}
