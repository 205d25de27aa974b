package io.foothold.cli;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noFields;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noMethods;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.library.dependencies.SlicesRuleDefinition;
import io.foothold.contracts.flow.ReadableMessages;
import io.grpc.ServerServiceDefinition;
import io.quarkus.grpc.GrpcClient;
import io.quarkus.grpc.GrpcService;
import jakarta.inject.Inject;
import java.lang.annotation.Annotation;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.eclipse.microprofile.reactive.messaging.Channel;
import org.junit.jupiter.api.Test;
import picocli.CommandLine.Command;

/** The allowed arrows, and no others. */
class ArchitectureTest {
    private static final JavaClasses ALL = new ClassFileImporter()
            .withImportOption(new ImportOption.DoNotIncludeTests())
            .importPackages("io.foothold");

    private static final List<String> SERVICES =
            List.of("augmentation", "sampler", "verifier", "localizer", "learner", "policyserver", "orchestrator");

    @Test
    void coreKnowsOnlyItselfAndTheJdk() {
        classes()
                .that()
                .resideInAPackage("io.foothold.core..")
                .should()
                .onlyDependOnClassesThat()
                .resideInAnyPackage("io.foothold.core..", "java..", "org.jspecify..", "com.google.auto.service..")
                .check(ALL);
    }

    /** What a class needs is in its constructor, so that a test makes it without a container. */
    @Test
    void nothingIsInjectedIntoFieldsOrSetters() {
        List<Class<? extends Annotation>> injected =
                List.of(Inject.class, ConfigProperty.class, Channel.class, GrpcClient.class);
        injected.forEach(annotation -> {
            noFields().should().beAnnotatedWith(annotation).check(ALL);
            noMethods().should().beAnnotatedWith(annotation).check(ALL);
        });
    }

    /** What one part of a process tells another goes through parameters. */
    @Test
    void noServiceKeepsAnObjectInAStaticReference() {
        noFields()
                .that()
                .areStatic()
                .should()
                .haveRawType(AtomicReference.class)
                .check(ALL);
    }

    @Test
    void coreAsksNeitherClockNorHiddenChance() {
        noClasses()
                .that()
                .resideInAPackage("io.foothold.core..")
                .should()
                .callMethod(System.class, "nanoTime")
                .orShould()
                .callMethod(System.class, "currentTimeMillis")
                .orShould()
                .callMethod(Math.class, "random")
                .orShould()
                .dependOnClassesThat()
                .haveFullyQualifiedName("java.util.concurrent.ThreadLocalRandom")
                .check(ALL);
    }

    /** The container's server drops what it cannot read in silence. */
    @Test
    void everyServiceAnswersMessagesThatItCannotRead() {
        classes()
                .that()
                .areAnnotatedWith(GrpcService.class)
                .should()
                .callMethod(ReadableMessages.class, "of", ServerServiceDefinition.class)
                .check(ALL);
    }

    @Test
    void contractsKnowNothingOfUs() {
        noClasses()
                .that()
                .resideInAnyPackage("io.foothold.contracts..", "io.foothold.v1..", "io.foothold.inference..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("io.foothold.core..", "io.foothold.policy..", "io.foothold.cli..")
                .check(ALL);
    }

    @Test
    void policyKnowsOnlyCore() {
        noClasses()
                .that()
                .resideInAPackage("io.foothold.policy..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("io.foothold.contracts..", "io.foothold.v1..", "io.foothold.inference..")
                .check(ALL);
    }

    @Test
    void onlyLearnerAndPolicyServerKnowPolicyAndNobodyElseSeesATensor() {
        for (String service : SERVICES) {
            if (!service.equals("learner") && !service.equals("policyserver")) {
                noClasses()
                        .that()
                        .resideInAPackage("io.foothold." + service + "..")
                        .should()
                        .dependOnClassesThat()
                        .resideInAPackage("io.foothold.policy..")
                        .check(ALL);
            }
        }
        noClasses()
                .that()
                .resideOutsideOfPackage("io.foothold.policy..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("ai.djl..")
                .check(ALL);
    }

    @Test
    void noServiceKnowsAnother() {
        for (String service : SERVICES) {
            for (String other : SERVICES) {
                if (!service.equals(other)) {
                    noClasses()
                            .that()
                            .resideInAPackage("io.foothold." + service + "..")
                            .should()
                            .dependOnClassesThat()
                            .resideInAPackage("io.foothold." + other + "..")
                            .check(ALL);
                }
            }
        }
    }

    /** Its clock and its parts are given to a run, so that one can be simulated. */
    @Test
    void aRunAsksItsOwnClockOnly() {
        noClasses()
                .that()
                .resideInAPackage("io.foothold.orchestrator.run..")
                .and()
                .doNotHaveSimpleName("RunClock")
                .should()
                .callMethod(System.class, "nanoTime")
                .orShould()
                .callMethod(System.class, "currentTimeMillis")
                .orShould()
                .callMethod(java.time.Instant.class, "now")
                .orShould()
                .callMethod(Thread.class, "sleep", java.time.Duration.class)
                .orShould()
                .callMethod(Thread.class, "sleep", long.class)
                .check(ALL);
    }

    /**
     * Messages are turned into records at the edges of a service: where it is asked ({@code grpc}), where it asks others ({@code remote};
     * the learner's worker, {@code torch}), and where the ledger stores what has to be read by later versions.
     */
    @Test
    void protoIsSpokenAtTheEdgesOnly() {
        noClasses()
                .that()
                .resideOutsideOfPackages(
                        "io.foothold.v1..",
                        "io.foothold.contracts..",
                        "io.foothold.*.grpc..",
                        "io.foothold.learner.torch..",
                        "io.foothold.orchestrator.ledger..",
                        "io.foothold.orchestrator.remote..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("io.foothold.v1..")
                .check(ALL);
    }

    /** KServe's messages: towards tritonserver, where it is stood in for, and where a server is tried against the contract. */
    @Test
    void messagesOfInferenceServersStayAtTheEdges() {
        noClasses()
                .that()
                .resideOutsideOfPackages(
                        "io.foothold.inference..",
                        "io.foothold.contracts..",
                        "io.foothold.sampler.triton..",
                        "io.foothold.verifier.triton..",
                        "io.foothold.policyserver.grpc..",
                        "io.foothold.cli.conformance..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("io.foothold.inference..")
                .check(ALL);
    }

    @Test
    void mutinyStaysAtTheEdges() {
        noClasses()
                .that()
                .resideOutsideOfPackages(
                        "io.foothold.v1..",
                        "io.foothold.inference..",
                        "io.foothold.contracts..",
                        "io.foothold.*.grpc..",
                        "io.foothold.orchestrator.event..",
                        "io.foothold.orchestrator.remote..",
                        "io.foothold.orchestrator.rest..",
                        "io.foothold.cli..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("io.smallrye.mutiny..")
                .check(ALL);
    }

    /** What each room of the command line may know of the others; the commands know all, and nobody knows them. */
    private static final Map<String, Set<String>> ROOMS = Map.ofEntries(
            Map.entry("machine", Set.of()),
            Map.entry("terminal", Set.of()),
            Map.entry("rows", Set.of()),
            Map.entry("conformance", Set.of()),
            Map.entry("images", Set.of()),
            Map.entry("reference", Set.of()),
            Map.entry("size", Set.of("machine")),
            Map.entry("report", Set.of("machine")),
            Map.entry("hub", Set.of("rows")),
            Map.entry("process", Set.of("machine", "size", "hub")),
            Map.entry("bench", Set.of("machine", "size", "process")),
            Map.entry("demo", Set.of("machine", "size", "process", "report")),
            Map.entry("regress", Set.of("machine", "process", "reference", "report")),
            Map.entry("study", Set.of("machine", "size", "process", "report", "demo")));

    @Test
    void roomsOfTheCommandLineKnowThoseBelowThemOnly() {
        String root = "io.foothold.cli";
        ROOMS.forEach((room, known) -> classes()
                .that()
                .resideInAPackage(root + "." + room + "..")
                .should()
                .onlyDependOnClassesThat(DescribedPredicate.describe(
                        "are of none of the rooms, or of " + room + " or " + known,
                        c -> !c.getPackageName().startsWith(root)
                                || c.getPackageName().startsWith(root + "." + room)
                                || known.stream()
                                        .anyMatch(k -> c.getPackageName().startsWith(root + "." + k))))
                .check(ALL));
    }

    @Test
    void commandsAndNothingElseStandAtTheRootOfTheCommandLine() {
        classes()
                .that()
                .resideInAPackage("io.foothold.cli")
                .and()
                .areTopLevelClasses()
                .and()
                .doNotHaveSimpleName("package-info")
                .should()
                .beAnnotatedWith(Command.class)
                .check(ALL);
        classes()
                .that()
                .resideInAPackage("io.foothold.cli..")
                .and()
                .areAnnotatedWith(Command.class)
                .should()
                .resideInAPackage("io.foothold.cli")
                .check(ALL);
    }

    @Test
    void everyRoomOfTheCommandLineIsListed() {
        assertThat(ALL.stream()
                        .map(c -> c.getPackageName())
                        .filter(name -> name.startsWith("io.foothold.cli."))
                        .map(name -> name.split("\\.")[3])
                        .distinct())
                .containsExactlyInAnyOrderElementsOf(ROOMS.keySet());
    }

    @Test
    void featuresOfCoreHaveNoCircles() {
        SlicesRuleDefinition.slices()
                .matching("io.foothold.core.(*)..")
                .should()
                .beFreeOfCycles()
                .check(ALL);
    }
}
