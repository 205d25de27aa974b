package io.foothold.store;

import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.files.StoreUri;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Collection;
import java.util.List;
import java.util.Optional;

/**
 * An object store below one prefix. Names are keys below it, with slashes between their parts.
 *
 * <p>Every method throws {@link FootholdException}: PEER_UNAVAILABLE when the store does not answer or says that it cannot now; FORBIDDEN,
 * NOT_FOUND or INVALID_INPUT naming the setting when rights, bucket, region or credentials are wrong; STORAGE when a local file cannot be
 * read or written.
 */
public interface ArtefactStore extends AutoCloseable {
    /**
     * An object.
     *
     * @param name below the store's prefix
     * @param modified when it was written
     */
    record Stored(String name, Instant modified) {}

    /** The prefix that everything lies below. */
    StoreUri home();

    /**
     * Brings a file into the store, in parts where it is large; nothing of it is there before all of it is. One that is there already
     * with the same length and digest is not sent again.
     *
     * @param sha256 of the file, hexadecimal; kept beside the object, and for readers to hold the bytes against
     */
    void upload(String name, Path file, String sha256);

    /** Writes a small object, in the place of one that is there. */
    void write(String name, byte[] content);

    /**
     * Reads a small object; empty when there is none.
     *
     * @throws FootholdException INVALID_DATA when it is longer than a megabyte
     */
    Optional<byte[]> read(String name);

    /**
     * Brings an object into a file, which is there afterwards whole or not at all. Goes on where an earlier attempt was cut off, also of a
     * process that is gone; several processes that ask for the same file wait for the first one.
     *
     * @param sha256 that the bytes must have, hexadecimal
     * @throws FootholdException NOT_FOUND when there is no such object; INVALID_DATA when its bytes have another digest
     */
    void download(String name, Path file, String sha256);

    /**
     * The file of a named object in the local cache, brought there if need be.
     *
     * @param sha256 as with {@link #download}
     */
    Path fetch(StoreUri uri, String sha256);

    /** What lies below a prefix of names, by name. */
    List<Stored> list(String prefix);

    /** Deletes objects; one that is not there is no failure. */
    void delete(Collection<String> names);

    /** Forgets parts of uploads below a prefix that were never ended, which would be kept and paid for otherwise. */
    void forgetUnended(String prefix);

    /** Asks for something small, to see whether address, bucket and rights are right. */
    void check();

    @Override
    void close();
}
