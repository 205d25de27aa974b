package io.foothold.cli;

import io.foothold.cli.images.Commit;
import io.foothold.cli.images.Packing;
import io.foothold.cli.images.ServiceImage;
import io.foothold.cli.machine.Workspace;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.error.Nearest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Packs the services as images. */
@Command(
        name = "images",
        mixinStandardHelpOptions = true,
        description =
                "Packs the services as images, one each, without a daemon: as files (--tar) or to a registry (--registry, --push). The same "
                        + "packaged services, commit and base give the same digest.")
final class ImagesCommand implements Callable<Integer> {
    /** Temurin's Java 25 on Ubuntu 26.04 for six architectures, as of September 2026. */
    static final String BASE =
            "eclipse-temurin@sha256:15090d159279e5c158473eccb48cd87f57b3e3a47511a797eb5a7a7ea6f86b0f";

    private static final String REPOSITORY = "foothold/";
    private static final String TAG = "[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}";

    @Parameters(
            paramLabel = "SERVICE",
            arity = "0..*",
            completionCandidates = ServeCommand.Services.class,
            description = "Services to pack (default: all of them).")
    private List<String> services = new ArrayList<>();

    @Option(names = "--tar", paramLabel = "DIR", description = "Writes DIR/SERVICE.tar, docker archives.")
    private @Nullable Path tar;

    @Option(
            names = "--registry",
            paramLabel = "R",
            description = "Registry and path before foothold/SERVICE, such as registry.example.org/team.")
    private String registry = "";

    @Option(
            names = "--push",
            description = "Pushes to the registry, with the credentials that docker's or podman's configuration has.")
    private boolean push;

    @Option(names = "--insecure-registry", description = "The registry may be one without TLS.")
    private boolean insecure;

    @Option(
            names = "--base",
            paramLabel = "IMAGE|tar://FILE",
            description =
                    "The image to build on, from a registry or a docker archive: glibc, Java 25 as java on its PATH, a POSIX shell "
                            + "(default: ${DEFAULT-VALUE}).")
    private String base = BASE;

    @Option(names = "--tag", description = "The images' tag (default: ${DEFAULT-VALUE}, the one in k8s/base).")
    private String tag = Main.VERSION;

    @Override
    public Integer call() {
        check();
        Path root = Workspace.root().toAbsolutePath().normalize();
        Packing packing = new Packing(base, Main.VERSION, Commit.of(root), root.resolve("target/images"));
        List<ServiceImage> images = new ArrayList<>();
        for (String service : services.isEmpty() ? ServeCommand.SERVICES : services) {
            images.add(new ServiceImage(
                    service,
                    Workspace.application(service).toAbsolutePath().normalize().resolveSibling(""),
                    service.equals("policy-server") ? List.of(Workspace.dialPolicy()) : List.of()));
        }
        for (ServiceImage image : images) {
            String reference = (registry.isEmpty() ? "" : registry + "/") + REPOSITORY + image.service() + ":" + tag;
            if (tar != null) {
                Path file = tar.resolve(image.service() + ".tar");
                System.out.println(reference + " " + packing.write(image, reference, file) + " " + file);
            }
            if (push) {
                System.out.println(reference + " " + packing.push(image, reference, insecure) + " pushed");
            }
        }
        return 0;
    }

    private void check() {
        for (String service : services) {
            if (!ServeCommand.SERVICES.contains(service)) {
                throw invalid("unknown service '" + service + "'" + Nearest.hint(service, ServeCommand.SERVICES));
            }
        }
        if (!tag.matches(TAG)) {
            throw invalid(
                    "--tag '" + tag + "': expected up to 128 of letters, digits and _.-, the first one no . or -");
        }
        if (push && registry.isEmpty()) {
            throw invalid("--push needs --registry R, such as registry.example.org/team");
        }
        if (tar == null && !push) {
            throw invalid("where do the images go? --tar DIR writes files, --registry R --push pushes them");
        }
        if (tar != null) {
            try {
                Files.createDirectories(tar);
            } catch (IOException e) {
                throw new FootholdException(ErrorCode.STORAGE, "cannot make " + tar + ": " + e.getMessage(), e);
            }
        }
    }

    private static FootholdException invalid(String text) {
        return new FootholdException(ErrorCode.INVALID_INPUT, text);
    }
}
