package io.foothold.cli.reference;

import io.foothold.contracts.error.ErrorCode;
import java.util.Locale;

/** The table of error codes. */
final class ErrorReference {
    private ErrorReference() {}

    static String markdown() {
        StringBuilder out = new StringBuilder("""
                Every error has a code. Over gRPC it stands in the trailer `foothold-error-code` beside the status, over HTTP it is the title of
                a problem document (RFC 9457), and an item of a stream that failed alone carries it with its message. Where a retry helps, ours
                are made already: what is told is what was left.

                | code | category | meaning | retry helps | fault | gRPC | HTTP | remedy |
                |---|---|---|---|---|---|---|---|
                """);
        for (ErrorCode code : ErrorCode.values()) {
            out.append("| %s | %s | %s | %s | %s | %s | %d | %s |\n"
                    .formatted(
                            code,
                            low(code.category()),
                            References.cell(code.meaning()),
                            code.retryable() ? "yes" : "no",
                            low(code.fault()),
                            code.grpc(),
                            code.http(),
                            References.cell(code.remedy())));
        }
        return out.toString();
    }

    private static String low(Enum<?> word) {
        return word.name().toLowerCase(Locale.ROOT);
    }
}
