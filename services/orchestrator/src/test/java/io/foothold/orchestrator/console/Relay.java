package io.foothold.orchestrator.console;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/** Stands before a server and can be away, as a process that was killed is: connections break, and nobody answers. */
final class Relay implements AutoCloseable {
    private final int target;
    private final Set<Socket> open = ConcurrentHashMap.newKeySet();
    private final int port;
    private volatile @Nullable ServerSocket door;

    Relay(int target) throws IOException {
        this.target = target;
        ServerSocket first = listen(0);
        this.port = first.getLocalPort();
    }

    int port() {
        return port;
    }

    private ServerSocket listen(int at) throws IOException {
        ServerSocket socket = new ServerSocket();
        socket.setReuseAddress(true);
        socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), at));
        door = socket;
        Thread.ofVirtual().start(() -> accept(socket));
        return socket;
    }

    private void accept(ServerSocket socket) {
        try {
            while (true) {
                Socket in = socket.accept();
                Socket out = new Socket(InetAddress.getLoopbackAddress(), target);
                open.add(in);
                open.add(out);
                Thread.ofVirtual().start(() -> pump(in, out));
                Thread.ofVirtual().start(() -> pump(out, in));
            }
        } catch (IOException e) {
            // It was cut.
        }
    }

    private void pump(Socket from, Socket to) {
        try (from;
                to) {
            InputStream in = from.getInputStream();
            OutputStream out = to.getOutputStream();
            in.transferTo(out);
        } catch (IOException e) {
            // It was cut, or one side went away.
        } finally {
            open.remove(from);
            open.remove(to);
        }
    }

    /** Away from now on. */
    void cut() throws IOException {
        ServerSocket socket = door;
        if (socket != null) {
            socket.close();
        }
        for (Socket s : open) {
            s.close();
        }
    }

    /** There again, at the same port. */
    void mend() throws IOException {
        var unused = listen(port);
    }

    @Override
    public void close() throws IOException {
        cut();
    }
}
