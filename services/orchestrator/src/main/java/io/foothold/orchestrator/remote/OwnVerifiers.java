package io.foothold.orchestrator.remote;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;

/**
 * The verifiers of one's own that run files may name. Whoever may create runs could otherwise have the orchestrator connect to any port that it
 * reaches. Immutable.
 */
public final class OwnVerifiers {
    /** The setting. */
    public static final String KEY = "foothold.orchestrator.verifiers";

    private static final String ANY = "*";

    private final Set<String> allowed;

    private OwnVerifiers(Set<String> allowed) {
        this.allowed = allowed;
    }

    /** All of them: for whoever writes the run files himself. */
    public static OwnVerifiers any() {
        return new OwnVerifiers(Set.of(ANY));
    }

    /**
     * These.
     *
     * @param addresses HOST:PORT each, as run files name them; {@code *} for all
     * @throws FootholdException INVALID_INPUT with the setting when one is no address
     */
    public static OwnVerifiers of(List<String> addresses) {
        Set<String> out = new TreeSet<>();
        for (String address : addresses) {
            out.add(address.equals(ANY) ? ANY : text(PeerAddress.parse(KEY, address)));
        }
        return new OwnVerifiers(out);
    }

    /**
     * The address that a run file names.
     *
     * @param key where it names it, for the error
     * @throws FootholdException INVALID_INPUT when it is no address, or none of those that are allowed
     */
    public PeerAddress named(String key, String text) {
        PeerAddress address = PeerAddress.parse(key, text);
        if (!allowed.contains(ANY) && !allowed.contains(text(address))) {
            throw new FootholdException(
                    ErrorCode.INVALID_INPUT,
                    key + ": " + address + " is none of the verifiers that this orchestrator may ask ("
                            + (allowed.isEmpty() ? "there are none" : String.join(", ", allowed))
                            + "); whoever runs it adds it to "
                            + KEY);
        }
        return address;
    }

    private static String text(PeerAddress address) {
        return address.toString().toLowerCase(Locale.ROOT);
    }
}
