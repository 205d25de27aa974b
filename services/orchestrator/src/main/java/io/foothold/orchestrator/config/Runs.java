package io.foothold.orchestrator.config;

import io.agroal.api.AgroalDataSource;
import io.foothold.contracts.flow.CreditedStream;
import io.foothold.orchestrator.event.EventBus;
import io.foothold.orchestrator.ledger.LedgerStore;
import io.foothold.orchestrator.remote.GrpcServices;
import io.foothold.orchestrator.run.RunClock;
import io.foothold.orchestrator.run.RunManager;
import io.grpc.Channel;
import io.quarkus.grpc.GrpcClient;
import io.quarkus.runtime.StartupEvent;
import jakarta.annotation.PreDestroy;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import jakarta.inject.Inject;
import java.nio.file.Path;
import java.time.InstantSource;
import org.jspecify.annotations.Nullable;

/** Puts the orchestrator together. */
@ApplicationScoped
public class Runs {
    @Inject
    OrchestratorConfig config;

    @Inject
    AgroalDataSource database;

    @Inject
    EventBus events;

    @GrpcClient("augmentation")
    Channel augmentation;

    @GrpcClient("sampler")
    Channel sampler;

    @GrpcClient("verifier")
    Channel verifier;

    @GrpcClient("localizer")
    Channel localizer;

    @GrpcClient("learner")
    Channel learner;

    private @Nullable LedgerStore ledger;
    private @Nullable GrpcServices services;
    private @Nullable RunManager manager;

    void start(@Observes StartupEvent event) {
        if (config.adopt()) {
            Thread.ofPlatform().daemon().name("adoption").start(() -> manager().adopt());
        }
    }

    /** The manager, made on first use. */
    public synchronized RunManager manager() {
        RunManager made = manager;
        if (made == null) {
            LedgerStore store = new LedgerStore(database, InstantSource.system());
            GrpcServices remote = new GrpcServices(
                    new GrpcServices.Channels(augmentation, sampler, verifier, localizer, learner),
                    CreditedStream.Limits.standard().withDeadline(config.deadline()),
                    new GrpcServices.Waiting(config.patience(), config.verdict(), config.ownVerdict()));
            made = new RunManager(store, remote, Path.of(config.home()), events::send, RunClock.system());
            ledger = store;
            services = remote;
            manager = made;
        }
        return made;
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
