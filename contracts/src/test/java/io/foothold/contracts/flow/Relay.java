package io.foothold.contracts.flow;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicLong;

/** Passes bytes on between a client and a server on this machine, until it swallows them: to both, the other is there and silent. */
public final class Relay implements AutoCloseable {
    private final ServerSocket in;
    private final int to;
    private final List<Socket> open = new CopyOnWriteArrayList<>();
    private final AtomicLong answered = new AtomicLong();
    private volatile boolean swallowing;

    /**
     * Relays until it is closed.
     *
     * @param port where it listens; 0 for a free one
     * @param to the server's port
     */
    public Relay(int port, int to) throws IOException {
        this.in = new ServerSocket(port, 5, InetAddress.getLoopbackAddress());
        this.to = to;
        Thread.ofVirtual().start(this::accept);
    }

    /** Where it listens. */
    public int port() {
        return in.getLocalPort();
    }

    /** Bytes that the server's side has said. */
    public long answered() {
        return answered.get();
    }

    /** Swallows from now on what either side says. */
    public void swallow() {
        swallowing = true;
    }

    private void accept() {
        try {
            while (true) {
                Socket client = in.accept();
                Socket server = new Socket(InetAddress.getLoopbackAddress(), to);
                open.addAll(List.of(client, server));
                Thread.ofVirtual().start(() -> pass(client, server, new AtomicLong()));
                Thread.ofVirtual().start(() -> pass(server, client, answered));
            }
        } catch (IOException e) {
            // Closed.
        }
    }

    private void pass(Socket from, Socket to, AtomicLong count) {
        byte[] buffer = new byte[1 << 14];
        try (InputStream read = from.getInputStream();
                OutputStream write = to.getOutputStream()) {
            for (int n = read.read(buffer); n >= 0; n = read.read(buffer)) {
                if (!swallowing) {
                    write.write(buffer, 0, n);
                    count.addAndGet(n);
                }
            }
        } catch (IOException e) {
            // Closed.
        }
    }

    @Override
    public void close() throws IOException {
        in.close();
        for (Socket socket : open) {
            socket.close();
        }
    }
}
