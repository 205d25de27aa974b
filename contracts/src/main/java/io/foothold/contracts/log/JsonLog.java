package io.foothold.contracts.log;

import io.quarkus.bootstrap.logging.InitialConfigurator;
import io.quarkus.runtime.StartupEvent;
import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import jakarta.annotation.Priority;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import java.util.logging.Formatter;
import java.util.logging.Handler;
import org.jboss.logmanager.ExtHandler;

/**
 * Has the process log one JSON object a line, for programs that gather logs: see {@link JsonLine}. Everything that the process logs is changed, its console and its
 * file, before the first line of a service.
 */
@ApplicationScoped
public class JsonLog {
    /** How a service logs. */
    @ConfigMapping(prefix = "foothold.log")
    public interface Settings {
        /** Whether lines are JSON objects instead of text. */
        @WithDefault("false")
        boolean json();
    }

    /** Before everything else that begins with the process. */
    private static final int FIRST = 1;

    void begin(@Observes @Priority(FIRST) StartupEvent event, Settings settings) {
        if (settings.json()) {
            format(InitialConfigurator.DELAYED_HANDLER, new JsonLine());
        }
    }

    /** A handler and those behind it. */
    static void format(Handler handler, Formatter formatter) {
        handler.setFormatter(formatter);
        if (handler instanceof ExtHandler chain) {
            for (Handler next : chain.getHandlers()) {
                format(next, formatter);
            }
        }
    }
}
