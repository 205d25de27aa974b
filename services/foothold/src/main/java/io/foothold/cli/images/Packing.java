package io.foothold.cli.images;

import com.google.cloud.tools.jib.api.CacheDirectoryCreationException;
import com.google.cloud.tools.jib.api.Containerizer;
import com.google.cloud.tools.jib.api.ImageReference;
import com.google.cloud.tools.jib.api.InvalidImageReferenceException;
import com.google.cloud.tools.jib.api.Jib;
import com.google.cloud.tools.jib.api.JibContainer;
import com.google.cloud.tools.jib.api.JibContainerBuilder;
import com.google.cloud.tools.jib.api.LogEvent;
import com.google.cloud.tools.jib.api.RegistryException;
import com.google.cloud.tools.jib.api.RegistryImage;
import com.google.cloud.tools.jib.api.TarImage;
import com.google.cloud.tools.jib.api.buildplan.AbsoluteUnixPath;
import com.google.cloud.tools.jib.api.buildplan.FileEntriesLayer;
import com.google.cloud.tools.jib.frontend.CredentialRetrieverFactory;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.function.Consumer;
import org.jboss.logging.Logger;

/**
 * Packs images with Jib: no daemon, and without a registry where base and target are files. The same application, base and commit
 * give the same digest, whenever and wherever they are packed.
 *
 * @param base {@code tar://FILE}, or an image's name
 * @param version what the images say they are, and their tag unless another is given
 * @param commit what they are made of, where that is known
 * @param cache directory of layers that were packed before
 */
public record Packing(String base, String version, Optional<Commit> commit, Path cache) {
    /** User and group that the services run as; nothing in the image belongs to them. */
    public static final String USER = "10001:10001";

    private static final Logger LOG = Logger.getLogger(Packing.class);
    private static final String TAR = "tar://";

    /** Checks that a base that is a file is there. */
    public Packing {
        if (base.startsWith(TAR) && !Files.isRegularFile(Path.of(base.substring(TAR.length())))) {
            throw new FootholdException(
                    ErrorCode.INVALID_INPUT,
                    "--base " + base + ": no file " + base.substring(TAR.length())
                            + "; expected an image as docker save or skopeo copy docker-archive: write it");
        }
    }

    /** Writes an image as a docker archive; gives its digest. */
    public String write(ServiceImage image, String reference, Path file) {
        return pack(image, Containerizer.to(TarImage.at(file).named(reference(reference))), base.startsWith(TAR));
    }

    /**
     * Pushes an image to the registry of its name, with the credentials of docker's or podman's configuration; gives its digest.
     *
     * @param insecure whether the registry may be one without TLS
     */
    public String push(ServiceImage image, String reference, boolean insecure) {
        ImageReference name = reference(reference);
        RegistryImage target = RegistryImage.named(name);
        target.addCredentialRetriever(
                CredentialRetrieverFactory.forImage(name, told()).dockerConfig());
        return pack(image, Containerizer.to(target).setAllowInsecureRegistries(insecure), false);
    }

    private static Consumer<LogEvent> told() {
        return event -> LOG.debug(event.getMessage());
    }

    private static ImageReference reference(String text) {
        try {
            return ImageReference.parse(text);
        } catch (InvalidImageReferenceException e) {
            throw new FootholdException(
                    ErrorCode.INVALID_INPUT,
                    "'" + text
                            + "' is no name of an image; expected [registry/]repository:tag, the tag of letters, digits and _.-",
                    e);
        }
    }

    private JibContainerBuilder from() {
        if (base.startsWith(TAR)) {
            return Jib.from(TarImage.at(Path.of(base.substring(TAR.length()))));
        }
        ImageReference name = reference(base);
        RegistryImage image = RegistryImage.named(name);
        image.addCredentialRetriever(
                CredentialRetrieverFactory.forImage(name, told()).dockerConfig());
        return Jib.from(image);
    }

    private String pack(ServiceImage image, Containerizer target, boolean offline) {
        try {
            JibContainerBuilder builder = from().setEntrypoint(image.entrypoint())
                    .setUser(USER)
                    .setWorkingDirectory(AbsoluteUnixPath.get("/tmp"))
                    .setCreationTime(commit.map(Commit::time).orElse(Instant.EPOCH));
            labels(image).forEach(builder::addLabel);
            for (FileEntriesLayer layer : image.layers()) {
                builder.addFileEntriesLayer(layer);
            }
            JibContainer packed = builder.containerize(target.setToolName("foothold")
                    .setToolVersion(version)
                    .setOfflineMode(offline)
                    .setBaseImageLayersCache(cache)
                    .setApplicationLayersCache(cache));
            return packed.getDigest().toString();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new FootholdException(ErrorCode.CANCELLED, "interrupted", e);
        } catch (ExecutionException e) {
            throw failed(image, offline, e.getCause() == null ? e : e.getCause());
        } catch (RegistryException | CacheDirectoryCreationException | IOException e) {
            throw failed(image, offline, e);
        }
    }

    private FootholdException failed(ServiceImage image, boolean offline, Throwable why) {
        return new FootholdException(
                offline ? ErrorCode.INVALID_DATA : ErrorCode.PEER_UNAVAILABLE,
                "cannot pack " + image.service() + " on " + base + ": " + why
                        + (offline
                                ? "; expected an image as docker save or skopeo copy docker-archive: write it"
                                : "; where registries are out of reach, --base tar://FILE and --tar DIR read and write files"),
                why);
    }

    /** Those of OCI's image specification. */
    private Map<String, String> labels(ServiceImage image) {
        String prefix = "org.opencontainers.image.";
        Map<String, String> all = new TreeMap<>();
        all.put(prefix + "title", "foothold/" + image.service());
        all.put(prefix + "description", "Foothold's " + image.service() + ", a service of reinforcement learning");
        all.put(prefix + "licenses", "Apache-2.0");
        all.put(prefix + "version", version);
        commit.ifPresent(c -> {
            all.put(prefix + "revision", c.revision());
            all.put(prefix + "created", c.time().toString());
        });
        if (!base.startsWith(TAR)) {
            all.put(prefix + "base.name", base);
        }
        return all;
    }
}
