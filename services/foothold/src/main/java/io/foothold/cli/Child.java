package io.foothold.cli;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** A service as a process of its own, ended with this one. */
final class Child implements AutoCloseable {
    private static final int START_SECONDS = 120;
    private final String service;
    private final int port;
    private final Process process;
    private final Path log;

    private Child(String service, int port, Process process, Path log) {
        this.service = service;
        this.port = port;
        this.process = process;
        this.log = log;
    }

    /** The command that starts a service's application. */
    static List<String> command(String service, Map<String, String> settings) {
        Path jar = Workspace.application(service);
        if (!Files.exists(jar)) {
            throw new FootholdException(
                    ErrorCode.NOT_FOUND, "no application at " + jar + ": build it with ./foothold build");
        }
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.add("--enable-native-access=ALL-UNNAMED");
        command.add("-Xmx2g");
        settings.forEach((key, value) -> command.add("-D" + key + "=" + value));
        command.add("-jar");
        command.add(jar.toString());
        return command;
    }

    static Child start(String service, int port, Map<String, String> settings, Path home) {
        try {
            Files.createDirectories(home);
            Path log = home.resolve(service + ".log");
            List<String> command = command(service, settings);
            command.add(1, "-Dquarkus.http.port=" + port);
            command.add(1, "-Dfoothold.parent-pid=" + ProcessHandle.current().pid());
            Process process = new ProcessBuilder(command)
                    .redirectErrorStream(true)
                    .redirectOutput(log.toFile())
                    .start();
            Runtime.getRuntime().addShutdownHook(new Thread(process::destroyForcibly));
            return new Child(service, port, process, log);
        } catch (IOException e) {
            throw new FootholdException(ErrorCode.STORAGE, "cannot start " + service + ": " + e.getMessage(), e);
        }
    }

    /** Waits until the service listens. */
    void awaitReady() throws InterruptedException {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(START_SECONDS);
        while (System.nanoTime() < end && process.isAlive()) {
            try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
                return;
            } catch (IOException e) {
                Thread.sleep(100);
            }
        }
        throw new FootholdException(
                ErrorCode.PEER_UNAVAILABLE, service + " did not start; its log: " + log.toAbsolutePath());
    }

    @Override
    public void close() {
        process.destroy();
        try {
            if (!process.waitFor(20, TimeUnit.SECONDS)) {
                process.destroyForcibly();
            }
        } catch (InterruptedException e) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
        }
    }
}
