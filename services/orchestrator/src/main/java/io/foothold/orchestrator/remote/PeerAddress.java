package io.foothold.orchestrator.remote;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.time.Duration;

/**
 * Address of a service that a run file names.
 *
 * @param host name or number; an IPv6 number without its brackets
 * @param port from 1 to 65535
 */
public record PeerAddress(String host, int port) {
    private static final Duration CONNECT = Duration.ofSeconds(5);

    /**
     * Reads HOST:PORT, or [IPv6]:PORT.
     *
     * @param key where it was written, for the error
     * @throws FootholdException INVALID_INPUT with the key, the value and the expected form
     */
    public static PeerAddress parse(String key, String text) {
        int colon = text.lastIndexOf(':');
        String host = colon < 0 ? text : text.substring(0, colon);
        String port = colon < 0 ? "" : text.substring(colon + 1);
        boolean bracketed = host.startsWith("[") && host.endsWith("]");
        if (bracketed) {
            host = host.substring(1, host.length() - 1);
        }
        boolean number = port.matches("\\d{1,5}");
        if (host.isBlank()
                || (!bracketed && host.contains(":"))
                || host.contains("/")
                || !number
                || Integer.parseInt(port) < 1
                || Integer.parseInt(port) > 65535) {
            throw new FootholdException(
                    ErrorCode.INVALID_INPUT,
                    key + ": '" + text + "' is no address (expected HOST:PORT with a port from 1 to 65535)");
        }
        return new PeerAddress(host, Integer.parseInt(port));
    }

    /**
     * Connects once, so that an address that leads nowhere is found before anything waits for it. Takes at most five seconds.
     *
     * @throws FootholdException PEER_UNAVAILABLE with the key, the address and what is wrong with it
     */
    public void reach(String key) {
        InetSocketAddress address = new InetSocketAddress(host, port);
        if (address.isUnresolved()) {
            throw unreachable(key, "there is no host of that name");
        }
        try (Socket socket = new Socket()) {
            socket.connect(address, Math.toIntExact(CONNECT.toMillis()));
        } catch (IOException e) {
            throw unreachable(key, String.valueOf(e.getMessage()));
        }
    }

    private FootholdException unreachable(String key, String why) {
        return new FootholdException(
                ErrorCode.PEER_UNAVAILABLE,
                key + ": " + this + " cannot be reached: " + why + "; start the service there, or correct the address");
    }

    @Override
    public String toString() {
        return (host.contains(":") ? "[" + host + "]" : host) + ":" + port;
    }
}
