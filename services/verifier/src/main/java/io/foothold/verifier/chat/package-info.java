/**
 * Judges responses by a model behind an endpoint for chat completions ({@link io.foothold.verifier.chat.ChatJudges}): asked once for each response
 * that it has not seen, at a bounded pace, with bounded retries.
 */
@NullMarked
package io.foothold.verifier.chat;

import org.jspecify.annotations.NullMarked;
