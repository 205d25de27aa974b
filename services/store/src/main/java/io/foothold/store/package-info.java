/**
 * Artefacts in an object store: {@link io.foothold.store.ArtefactStore} is what others see, S3 what is behind it.
 *
 * <p>What is read is held against a SHA-256 that somebody else named: an object under its key says nothing of being whole. Who publishes
 * several objects as one thing therefore writes the data first and last the object that names their digests, and who reads begins with
 * that one. An object itself is there whole or not at all, large ones too, whose parts count only when the last call has put them together.
 *
 * <p>Thread-safe. Every method waits for the network, so none belongs on an I/O thread. What a retry can help is retried a few times here
 * and then told as {@code PEER_UNAVAILABLE}: how long to try is the caller's to say.
 */
@NullMarked
package io.foothold.store;

import org.jspecify.annotations.NullMarked;
