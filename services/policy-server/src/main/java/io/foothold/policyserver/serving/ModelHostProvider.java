package io.foothold.policyserver.serving;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.policy.Canary;
import io.foothold.policy.ComputeDevice;
import io.foothold.policy.GenerationEngine;
import io.foothold.policy.ModelConfig;
import io.foothold.policy.PolicyDirectory;
import io.foothold.policy.Precision;
import io.foothold.policyserver.config.PolicyServerConfig;
import io.quarkus.runtime.Quarkus;
import io.quarkus.runtime.ShutdownEvent;
import io.quarkus.runtime.StartupEvent;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import jakarta.inject.Inject;
import java.nio.file.Path;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/** Starts the host with the process, when the configuration names a model, and stops it with the process. */
@ApplicationScoped
public class ModelHostProvider {
    private static final Logger LOG = Logger.getLogger(ModelHostProvider.class);
    private static final int EXIT_CODE = 70;
    private static final String DEVICE = "foothold.policy-server.device";

    private final PolicyServerConfig config;
    private @Nullable ModelHost host;

    /** Configured by the container. */
    @Inject
    public ModelHostProvider(PolicyServerConfig config) {
        this.config = config;
    }

    void start(@Observes StartupEvent event) {
        config.model().ifPresent(model -> {
            GenerationEngine.Settings settings =
                    settings(PolicyDirectory.open(Path.of(model)).config());
            ModelHost serving = new ModelHost(
                    Path.of(model),
                    settings,
                    config.canaryBound()
                            .map(ModelHostProvider::bound)
                            .orElse(settings.half() ? Canary.Bound.BFLOAT16 : Canary.Bound.FLOAT32));
            host = serving;
            if (config.exitWithEngine()) {
                serving.onDeath(why -> {
                    LOG.errorf("the process ends: %s", why.text());
                    Quarkus.asyncExit(EXIT_CODE);
                });
            }
        });
    }

    private GenerationEngine.Settings settings(ModelConfig shape) {
        ComputeDevice device = ComputeDevice.of(DEVICE, config.device());
        device.require(DEVICE);
        Precision precision = config.precision().orElseGet(() -> Precision.standard(shape));
        ServedSize size = ServedSize.of(
                shape,
                precision,
                config.maxLength(),
                config.slots(),
                ServedSize.cacheBytes(device.host() ? ServedSize.machineBytes() : device.totalBytes()),
                Runtime.getRuntime().availableProcessors());
        if (config.maxLength().isEmpty() || config.slots().isEmpty()) {
            LOG.infof(
                    "sequences of up to %d tokens (foothold.policy-server.max-length), %d at a time (foothold.policy-server.slots)",
                    size.maxLength(), size.slots());
        }
        return new GenerationEngine.Settings(
                size.slots(), size.maxLength(), config.stepsPerCall(), config.deterministic(), precision, device);
    }

    private static Canary.Bound bound(String text) {
        try {
            return Canary.Bound.parse(text);
        } catch (IllegalArgumentException e) {
            throw new FootholdException(
                    ErrorCode.INVALID_INPUT, "foothold.policy-server.canary-bound: " + e.getMessage(), e);
        }
    }

    void stop(@Observes ShutdownEvent event) {
        ModelHost running = host;
        if (running != null) {
            running.close();
        }
    }

    /** The host. */
    public ModelHost host() {
        ModelHost running = host;
        if (running == null) {
            throw new FootholdException(
                    ErrorCode.WRONG_STATE,
                    "no model is served: set foothold.policy-server.model to a Hugging Face directory");
        }
        return running;
    }

    /** Whether a model is served and its engine runs. */
    public boolean ready() {
        ModelHost running = host;
        return running != null && running.alive();
    }
}
