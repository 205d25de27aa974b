package io.foothold.contracts.names;

import java.net.URI;
import java.net.URISyntaxException;
import java.util.Optional;

/** The address of a service behind HTTP, as settings and run files name it. */
public final class WebAddress {
    /** What is accepted, in words. */
    public static final String EXPECTED = "http:// or https://HOST[:PORT]/PATH, without user, query and fragment";

    private WebAddress() {}

    /** The address that a text is, without a slash at its end; empty where it is none. A user in it would stand in logs. */
    public static Optional<URI> of(String text) {
        try {
            URI uri = new URI(text.endsWith("/") ? text.substring(0, text.length() - 1) : text);
            boolean web = "http".equalsIgnoreCase(uri.getScheme()) || "https".equalsIgnoreCase(uri.getScheme());
            boolean bare = uri.getRawUserInfo() == null && uri.getRawQuery() == null && uri.getRawFragment() == null;
            return web && uri.getHost() != null && bare ? Optional.of(uri) : Optional.empty();
        } catch (URISyntaxException e) {
            return Optional.empty();
        }
    }

    /** Whether a text, address or not, holds a user, so that it must not be shown. */
    public static boolean holdsUser(String text) {
        int begin = text.indexOf("//") + 2;
        return begin >= 2 && text.substring(begin).split("[/?#]", 2)[0].contains("@");
    }
}
