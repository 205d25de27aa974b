package io.foothold.core.policy;

/**
 * A policy version: its number and the digest of its artefact. Two servers have the same policy only when both are equal; the number
 * alone may belong to another run.
 *
 * @param number monotone in a run, 0 for the base policy
 * @param digest SHA-256 of the artefact, hexadecimal
 */
public record PolicyVersion(long number, String digest) {
    /** In the place of a version on tokens that no policy sampled: an oracle's, which stand among a group's members. */
    public static final long NOBODY = -1;

    /** Checks ranges. */
    public PolicyVersion {
        if (number < 0 || digest.isEmpty()) {
            throw new IllegalArgumentException(
                    "a policy version needs a number of at least 0 and a digest: " + number + ", '" + digest + "'");
        }
    }

    @Override
    public String toString() {
        return number + " (" + digest + ")";
    }
}
