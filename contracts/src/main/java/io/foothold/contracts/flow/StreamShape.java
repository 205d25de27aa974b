package io.foothold.contracts.flow;

import io.foothold.v1.Credit;
import java.util.Set;
import java.util.function.BiFunction;
import java.util.function.Function;

/**
 * How the messages of one contract's credited stream look to the calling side.
 *
 * @param <Q> request message of the stream
 * @param <R> response message of the stream
 */
public interface StreamShape<Q, R> {
    /** A request that grants credit. */
    Q credit(int items);

    /** The credit in a response, or 0 when the response is a result. */
    int creditOf(R response);

    /** The key that a result answers. */
    String keyOf(R result);

    /** The work with only the given keys left to answer. */
    Q narrowed(Q work, Set<String> missing);

    /** A shape whose work has one key. */
    static <Q, R> StreamShape<Q, R> of(
            Function<Credit, Q> credit, Function<R, Credit> creditOf, Function<R, String> keyOf) {
        return of(credit, creditOf, keyOf, (work, missing) -> work);
    }

    /** A shape whose work may be cut down to the keys that are missing. */
    static <Q, R> StreamShape<Q, R> of(
            Function<Credit, Q> credit,
            Function<R, Credit> creditOf,
            Function<R, String> keyOf,
            BiFunction<Q, Set<String>, Q> narrowed) {
        return new StreamShape<>() {
            @Override
            public Q credit(int items) {
                return credit.apply(Credit.newBuilder().setItems(items).build());
            }

            @Override
            public int creditOf(R response) {
                return creditOf.apply(response).getItems();
            }

            @Override
            public String keyOf(R result) {
                return keyOf.apply(result);
            }

            @Override
            public Q narrowed(Q work, Set<String> missing) {
                return narrowed.apply(work, missing);
            }
        };
    }
}
