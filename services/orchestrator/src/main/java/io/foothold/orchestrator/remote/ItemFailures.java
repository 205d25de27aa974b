package io.foothold.orchestrator.remote;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.v1.ItemFailure;

/** Failures of single items of a stream. */
final class ItemFailures {
    private ItemFailures() {}

    /** A failure of a stream item as an exception. */
    static FootholdException failure(ItemFailure f) {
        ErrorCode code;
        try {
            code = ErrorCode.valueOf(f.getCode());
        } catch (IllegalArgumentException e) {
            code = ErrorCode.INTERNAL;
        }
        return new FootholdException(code, f.getMessage());
    }
}
