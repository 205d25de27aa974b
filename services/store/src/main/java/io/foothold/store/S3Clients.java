package io.foothold.store;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.files.StoreConfig;
import io.foothold.contracts.names.WebAddress;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import software.amazon.awssdk.auth.credentials.AwsCredentialsProvider;
import software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider;
import software.amazon.awssdk.auth.credentials.ProfileCredentialsProvider;
import software.amazon.awssdk.core.checksums.RequestChecksumCalculation;
import software.amazon.awssdk.core.checksums.ResponseChecksumValidation;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.core.retry.RetryMode;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.profiles.ProfileFile;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.S3ClientBuilder;

/** Clients as they are configured. */
final class S3Clients {
    private static final Duration CONNECT = Duration.ofSeconds(5);
    /** A part at the pace of a slow line; a store that takes nothing at all is given up then. */
    private static final int TIMEOUTS_OF_AN_ATTEMPT = 10;

    private S3Clients() {}

    static S3Client of(StoreConfig config) {
        boolean own = config.endpoint().isPresent();
        S3ClientBuilder builder = S3Client.builder()
                .httpClientBuilder(UrlConnectionHttpClient.builder()
                        .connectionTimeout(CONNECT)
                        .socketTimeout(config.timeout()))
                .credentialsProvider(credentials(config))
                .forcePathStyle(config.pathStyle().orElse(own))
                // Digests are ours; stores that only speak S3 do not all know the newer checksums.
                .requestChecksumCalculation(RequestChecksumCalculation.WHEN_REQUIRED)
                .responseChecksumValidation(ResponseChecksumValidation.WHEN_REQUIRED)
                .overrideConfiguration(c -> c.retryStrategy(RetryMode.STANDARD)
                        .apiCallAttemptTimeout(config.timeout().multipliedBy(TIMEOUTS_OF_AN_ATTEMPT)));
        config.endpoint().map(S3Clients::endpoint).ifPresent(builder::endpointOverride);
        Optional<String> region = config.region().or(() -> own ? Optional.of("us-east-1") : Optional.empty());
        region.map(Region::of).ifPresent(builder::region);
        try {
            return builder.build();
        } catch (SdkException e) {
            throw new FootholdException(
                    ErrorCode.INVALID_INPUT,
                    "foothold.store.region: no region is configured (expected one such as eu-central-1, here or in"
                            + " AWS_REGION, or an address in foothold.store.endpoint)",
                    e);
        }
    }

    private static URI endpoint(String text) {
        return WebAddress.of(text)
                .orElseThrow(() -> new FootholdException(
                        ErrorCode.INVALID_INPUT,
                        "foothold.store.endpoint: expected http://HOST:PORT or https://HOST:PORT, without user, query and fragment"
                                + (WebAddress.holdsUser(text) ? "" : ", got '" + text + "'")));
    }

    private static AwsCredentialsProvider credentials(StoreConfig config) {
        if (config.credentialsFile().isEmpty()) {
            return DefaultCredentialsProvider.builder().build();
        }
        Path file = Path.of(config.credentialsFile().get());
        if (!Files.isReadable(file)) {
            throw new FootholdException(
                    ErrorCode.INVALID_INPUT,
                    "foothold.store.credentials-file: " + file + " cannot be read (expected a file like"
                            + " ~/.aws/credentials with a profile [default])");
        }
        // Looked at again when it changes, as a mounted Secret does.
        return ProfileCredentialsProvider.builder()
                .profileFile(() -> profiles(file))
                .profileName("default")
                .build();
    }

    private static ProfileFile profiles(Path file) {
        return ProfileFile.builder()
                .content(file)
                .type(ProfileFile.Type.CREDENTIALS)
                .build();
    }
}
