package io.foothold.contracts.files;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.time.Duration;
import java.util.Optional;

/** The object store where policies and checkpoints of runs lie; without one they are files. */
@ConfigMapping(prefix = "foothold.store")
public interface StoreConfig {
    /** The configuration key of the store's address. */
    String URI = "foothold.store.uri";

    /**
     * Where runs keep policies and checkpoints, s3://BUCKET/PREFIX; artefacts in it alone are fetched. By default there is none, and
     * artefacts are files below foothold.files.roots.
     */
    Optional<String> uri();

    /** Address of a store that is not Amazon's, such as https://minio:9000; by default that of the region. */
    Optional<String> endpoint();

    /** Region of the bucket; by default what the AWS SDK finds (AWS_REGION, profile), and us-east-1 where an endpoint is given. */
    Optional<String> region();

    /** Whether the bucket stands in the path and not in the host's name; by default true where an endpoint is given. */
    Optional<Boolean> pathStyle();

    /** File with a key in the format of ~/.aws/credentials, profile default; by default the AWS SDK's own chain of places. */
    Optional<String> credentialsFile();

    /** How long nothing may come of a request before it is given up and made again. */
    @WithDefault("30s")
    Duration timeout();

    /** Directory for what was fetched; by default foothold-store in the directory for temporary files. */
    Optional<String> cache();
}
