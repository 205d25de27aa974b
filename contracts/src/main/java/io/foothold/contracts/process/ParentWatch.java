package io.foothold.contracts.process;

import io.quarkus.runtime.StartupEvent;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import java.time.Duration;

/**
 * Ends a child process whose parent died, also by {@code kill -9}: a parent that starts services passes its process id in the
 * system property {@code foothold.parent-pid}. Without the property nothing is watched.
 */
@ApplicationScoped
public class ParentWatch {
    private static final Duration PERIOD = Duration.ofSeconds(1);

    void start(@Observes StartupEvent event) {
        String pid = System.getProperty("foothold.parent-pid");
        if (pid != null) {
            Thread.ofPlatform().daemon().name("parent-watch").start(() -> watch(Long.parseLong(pid)));
        }
    }

    private static void watch(long pid) {
        try {
            while (ProcessHandle.of(pid).map(ProcessHandle::isAlive).orElse(false)) {
                Thread.sleep(PERIOD);
            }
            Runtime.getRuntime().halt(1);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
