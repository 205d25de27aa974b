package io.foothold.store;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.files.StoreUri;
import java.io.IOException;
import java.util.Objects;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.awscore.exception.AwsErrorDetails;
import software.amazon.awssdk.awscore.exception.AwsServiceException;
import software.amazon.awssdk.core.exception.SdkClientException;
import software.amazon.awssdk.core.exception.SdkException;

/** What a store or the way to it says, in our words: the setting that is wrong, and whether a retry can help. No text has a key in it. */
final class S3Failures {
    private static final Set<String> NO_KEY = Set.of(
            "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "TokenRefreshRequired");

    private final StoreUri home;
    private final String address;

    /**
     * Failures of one store.
     *
     * @param address where it is, as it is told
     */
    S3Failures(StoreUri home, String address) {
        this.home = home;
        this.address = address;
    }

    /** Asks a store. */
    <T> T asking(String what, Supplier<T> call) {
        try {
            return call.get();
        } catch (SdkException e) {
            throw of(what, e);
        }
    }

    /** What a failure is for our callers. */
    FootholdException of(String what, SdkException failure) {
        String where = what + ": object store " + home + " at " + address + ": ";
        return switch (failure) {
            case AwsServiceException service -> answered(where, service);
            case SdkClientException client
            when text(client).contains("load credentials") ->
                new FootholdException(
                        ErrorCode.INVALID_INPUT,
                        where + "no credentials were found (expected a file in foothold.store.credentials-file, or what"
                                + " the AWS SDK looks for: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, ~/.aws, the"
                                + " machine's role)",
                        client);
            default ->
                new FootholdException(
                        ErrorCode.PEER_UNAVAILABLE,
                        where + "no answer: " + cause(failure) + "; is it running (foothold.store.endpoint)?",
                        failure);
        };
    }

    private FootholdException answered(String where, AwsServiceException e) {
        AwsErrorDetails details = e.awsErrorDetails();
        String code = details == null ? "" : Objects.requireNonNullElse(details.errorCode(), "");
        String said = where + "answered " + e.statusCode() + (code.isEmpty() ? "" : " " + code);
        if (e.isThrottlingException() || e.statusCode() >= 500 || code.equals("RequestTimeout")) {
            return new FootholdException(ErrorCode.PEER_UNAVAILABLE, said, e);
        }
        if (code.equals("NoSuchBucket")) {
            return new FootholdException(
                    ErrorCode.NOT_FOUND,
                    said + ": there is no bucket '" + home.bucket() + "' (foothold.store.uri); make it first",
                    e);
        }
        if (code.equals("NoSuchKey")) {
            return new FootholdException(ErrorCode.NOT_FOUND, said + ": there is no such object", e);
        }
        if (NO_KEY.contains(code)) {
            return new FootholdException(
                    ErrorCode.FORBIDDEN,
                    said
                            + ": it does not take the credentials (foothold.store.credentials-file, or the AWS SDK's chain)",
                    e);
        }
        if (e.statusCode() == 403 || e.statusCode() == 401) {
            return new FootholdException(
                    ErrorCode.FORBIDDEN,
                    said + ": the credentials (foothold.store.credentials-file, or the AWS SDK's chain) may not do this"
                            + " below " + home + " (expected rights to list, read, write and delete there)",
                    e);
        }
        if (e.statusCode() == 301 || e.statusCode() == 307 || code.equals("AuthorizationHeaderMalformed")) {
            return new FootholdException(
                    ErrorCode.INVALID_INPUT, said + ": the bucket is in another region (foothold.store.region)", e);
        }
        return new FootholdException(
                ErrorCode.INVALID_INPUT,
                said + ": is this an object store that speaks S3 (foothold.store.endpoint, foothold.store.path-style)?",
                e);
    }

    private static String text(Throwable t) {
        return Objects.requireNonNullElse(t.getMessage(), "");
    }

    /** The line of the way down that says most: the SDK's own has its retries in it. */
    private static String cause(Throwable t) {
        @Nullable Throwable at = t;
        while (at != null && !(at instanceof IOException)) {
            at = at.getCause();
        }
        return at == null ? text(t) : at.getClass().getSimpleName() + ": " + text(at);
    }

    /** Whether another attempt at once may go through. */
    static boolean passing(FootholdException e) {
        return e.code() == ErrorCode.PEER_UNAVAILABLE;
    }
}
