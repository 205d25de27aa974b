package io.foothold.contracts.triton;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Where a server of Triton's protocol listens, as run files name it. Nothing but a host and a port: gRPC's targets know schemes of their own, which
 * reach files and sockets.
 *
 * @param tls whether it is spoken to with TLS
 * @param host name, or address; of IPv6 in brackets
 * @param port from 1
 */
public record ServerAddress(boolean tls, String host, int port) {
    /** What is accepted, in words. */
    public static final String EXPECTED =
            "grpc://HOST:PORT, or grpcs://HOST:PORT with TLS, such as grpc://127.0.0.1:8001";

    private static final Pattern ACCEPTED =
            Pattern.compile("(grpcs?)://([A-Za-z0-9]([A-Za-z0-9.-]{0,252})?|\\[[0-9A-Fa-f:.]{2,45}\\]):(\\d{1,5})/?");

    /**
     * The address that a text is.
     *
     * @throws FootholdException {@link ErrorCode#INVALID_INPUT} with the text and what was expected when it is none
     */
    public static ServerAddress of(String text) {
        Matcher matcher = ACCEPTED.matcher(text);
        if (matcher.matches()) {
            int port = Integer.parseInt(matcher.group(4));
            if (port > 0 && port <= 65_535) {
                return new ServerAddress(matcher.group(1).equals("grpcs"), matcher.group(2), port);
            }
        }
        String shown = text.length() <= 120 ? text : text.substring(0, 120) + "…";
        throw new FootholdException(
                ErrorCode.INVALID_INPUT, "'" + shown + "' is no address (expected " + EXPECTED + ")");
    }

    /** As gRPC takes it; the name is looked up by DNS. */
    public String target() {
        return "dns:///" + host + ":" + port;
    }

    @Override
    public String toString() {
        return (tls ? "grpcs://" : "grpc://") + host + ":" + port;
    }
}
