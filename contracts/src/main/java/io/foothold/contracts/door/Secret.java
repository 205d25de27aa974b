package io.foothold.contracts.door;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.jboss.logging.Logger;

/** The tokens of one role, as its setting or its file has them. Thread-safe; {@link #refresh} reads the file and may block. */
final class Secret {
    private static final Logger LOG = Logger.getLogger(Secret.class);
    private static final long LARGEST = 64 << 10;

    private final String key;
    private final Optional<Path> file;
    private volatile List<Token> tokens;
    private volatile String trouble = "";

    /**
     * The tokens of a role.
     *
     * @throws FootholdException INVALID_INPUT with the setting when both or neither can be read as tokens
     */
    Secret(Role role, Optional<String> token, Optional<Path> file) {
        this.key = "foothold.door." + role.word();
        this.file = file;
        if (token.isPresent() && file.isPresent()) {
            throw new FootholdException(
                    ErrorCode.INVALID_INPUT, key + ".token and " + key + ".file are both set; expected one of them");
        }
        this.tokens = file.isPresent()
                ? read(file.get())
                : token.map(text -> Token.parse(key + ".token", text)).orElse(List.of());
    }

    /** How its setting begins. */
    String key() {
        return key;
    }

    /** The tokens, in their order; none when none are set. */
    List<Token> tokens() {
        return tokens;
    }

    /** Reads the file again; what cannot be read is told once, and the tokens that were known hold. */
    void refresh() {
        if (file.isEmpty()) {
            return;
        }
        try {
            List<Token> now = read(file.get());
            if (!now.equals(tokens)) {
                tokens = now;
                LOG.infof("%s.file changed: %d tokens", key, now.size());
            }
            trouble = "";
        } catch (FootholdException e) {
            if (!e.text().equals(trouble)) {
                trouble = e.text();
                LOG.warnf("%s; the tokens that were known hold", e.text());
            }
        }
    }

    private List<Token> read(Path from) {
        String where = key + ".file " + from;
        try {
            if (Files.size(from) > LARGEST) {
                throw new FootholdException(
                        ErrorCode.INVALID_INPUT, where + " has more than the " + LARGEST + " bytes that it may have");
            }
            return Token.parse(where, Files.readString(from));
        } catch (IOException e) {
            throw new FootholdException(
                    ErrorCode.INVALID_INPUT,
                    where + " cannot be read: " + e.getClass().getSimpleName()
                            + " (expected a file of tokens, one a line)",
                    e);
        }
    }
}
