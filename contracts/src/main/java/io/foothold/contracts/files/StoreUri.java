package io.foothold.contracts.files;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import java.util.List;
import java.util.regex.Pattern;

/**
 * An object of an object store, or a prefix of objects: {@code s3://BUCKET/KEY}. Its text is taken as it stands: there is one way to
 * write a key, so that one that lies below a prefix by its text lies there.
 *
 * @param bucket by S3's rules for names
 * @param key names with slashes between them, without any at the ends; empty for the whole bucket
 */
public record StoreUri(String bucket, String key) implements Location {
    private static final String SCHEME = "s3://";
    private static final Pattern BUCKET = Pattern.compile("[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]");
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9._=+@-]{1,255}");
    private static final int LONGEST_KEY = 1024;

    /** Whether a text means an object store at all. */
    public static boolean meant(String text) {
        return text.startsWith(SCHEME);
    }

    /**
     * Reads one.
     *
     * @param what names it in messages, such as a configuration key
     * @throws FootholdException INVALID_INPUT when it is none
     */
    public static StoreUri parse(String what, String text) {
        String rest = meant(text) ? text.substring(SCHEME.length()) : "";
        int slash = rest.indexOf('/');
        String bucket = slash < 0 ? rest : rest.substring(0, slash);
        String key = slash < 0 ? "" : rest.substring(slash + 1);
        if (key.endsWith("/")) {
            key = key.substring(0, key.length() - 1);
        }
        if (!BUCKET.matcher(bucket).matches() || !(key.isEmpty() || isKey(key))) {
            throw new FootholdException(
                    ErrorCode.INVALID_INPUT,
                    what
                            + ": expected s3://BUCKET/PREFIX with a bucket of 3 to 63 small letters, digits, dots and dashes"
                            + " and names of letters, digits and . _ = + @ - between the slashes, got '" + text + "'");
        }
        return new StoreUri(bucket, key);
    }

    private static boolean isKey(String key) {
        return key.length() <= LONGEST_KEY
                && List.of(key.split("/", -1)).stream()
                        .allMatch(name -> NAME.matcher(name).matches() && !name.equals(".") && !name.equals(".."));
    }

    /** What lies below this. */
    public StoreUri resolve(String name) {
        return parse("object", SCHEME + bucket + "/" + (key.isEmpty() ? name : key + "/" + name));
    }

    /** Whether this is a prefix of the other, name by name. */
    boolean contains(StoreUri other) {
        return bucket.equals(other.bucket) && (key.isEmpty() || other.key.startsWith(key + "/"));
    }

    @Override
    public String toString() {
        return SCHEME + bucket + (key.isEmpty() ? "" : "/" + key);
    }
}
