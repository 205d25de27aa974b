/**
 * Credits on bidirectional streams.
 *
 * <p>Every streaming contract of Foothold has the same shape: the caller sends <em>work</em>, the service sends
 * <em>results</em>, and each side tells the other with a {@code Credit} how many further items it can take. Nothing is sent
 * without a credit, so memory is bounded on both sides whatever the transport buffers.
 *
 * <ul>
 *   <li>{@link io.foothold.contracts.flow.CreditedService} is the serving side: a bounded window of work, results held back
 *       until the caller granted credit, everything cancelled when the caller goes away.
 *   <li>{@link io.foothold.contracts.flow.CreditedStream} is the calling side: one long stream, opened again after a failure,
 *       unanswered work sent again under the same ids, every piece of work with a deadline.
 * </ul>
 *
 * <p>Both are safe for use by many threads; neither blocks a transport thread.
 */
@NullMarked
package io.foothold.contracts.flow;

import org.jspecify.annotations.NullMarked;
