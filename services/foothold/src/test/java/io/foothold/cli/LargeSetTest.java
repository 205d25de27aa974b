package io.foothold.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.foothold.augmentation.grpc.AugmentationGrpc;
import io.foothold.contracts.draw.Selection;
import io.foothold.contracts.files.Roots;
import io.foothold.contracts.flow.MessageLimit;
import io.foothold.contracts.flow.StreamLimits;
import io.foothold.core.problem.Problem;
import io.foothold.core.prompt.Prompts;
import io.foothold.core.settings.MixtureSettings;
import io.foothold.core.settings.ProblemSettings;
import io.foothold.core.start.Mixture;
import io.foothold.orchestrator.remote.Augmentation;
import io.foothold.orchestrator.remote.GrpcServices;
import io.foothold.orchestrator.remote.ProblemMessages;
import io.foothold.orchestrator.rollout.PromptedStart;
import io.grpc.ManagedChannel;
import io.grpc.Server;
import io.grpc.ServerBuilder;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A set of the size of DAPO-Math-17k through an augmentation service that takes small requests only and is restarted. */
class LargeSetTest {
    private static final int ROWS = 17_000;
    /** Ten times less than the ids alone. */
    private static final int SMALL = 64 << 10;

    @TempDir
    Path directory;

    private Server serve(int port) throws IOException {
        return ServerBuilder.forPort(port)
                .addService(new AugmentationGrpc(Roots.of(List.of(directory)), new SimpleMeterRegistry()))
                .maxInboundMessageSize(SMALL)
                .build()
                .start();
    }

    @Test
    void everyUpdateIsDrawnAlsoAfterARestart() throws Exception {
        StringBuilder rows = new StringBuilder();
        for (int i = 0; i < ROWS; i++) {
            rows.append(
                    "{\"id\":\"dapo-math-17k-%05d\",\"problem\":\"%d + 1?\",\"answer\":%d,\"thoughts\":[\"a\",\"b\",\"c\"]}%n"
                            .formatted(i, i, i + 1));
        }
        Path file = Files.writeString(directory.resolve("p.jsonl"), rows);
        Server server = serve(0);
        int port = server.getPort();
        ManagedChannel channel = MessageLimit.channel("127.0.0.1:" + port).build();
        try (GrpcServices services = new GrpcServices(
                new GrpcServices.Channels(channel, channel, channel, channel, channel), StreamLimits.standard())) {
            Augmentation.Source source = new Augmentation.Source(
                    new ProblemSettings.Source("", "", 0, 0, "train", file.toString(), "line", "", "", ""), "");
            List<Problem> problems = services.augmentation().problems(source);
            assertThat(problems).hasSize(ROWS);
            Map<String, Integer> prefixes = new HashMap<>();
            problems.forEach(p -> prefixes.put(p.id(), 1));
            Selection selection =
                    new Selection(problems.stream().map(Problem::id).toList(), prefixes);
            LongFunction<Augmentation.Draw> draw = update -> new Augmentation.Draw(
                    source,
                    ProblemMessages.digest(problems),
                    new Prompts("{problem}", "{problem} {prefix}"),
                    new MixtureSettings(1, 1, Mixture.Draw.STRATIFIED),
                    3,
                    update,
                    64);
            List<PromptedStart> first = services.augmentation().draw(draw.apply(1), selection);
            assertThat(first).hasSize(64);
            assertThat(first.stream().filter(s -> s.prefixThoughts() > 0)).hasSize(32);
            server.shutdownNow().awaitTermination();
            server = serve(port);
            channel.resetConnectBackoff();
            assertThat(services.augmentation().draw(draw.apply(1), selection)).isEqualTo(first);
            assertThat(services.augmentation().draw(draw.apply(2), selection)).isNotEqualTo(first);
        } finally {
            channel.shutdownNow();
            server.shutdownNow();
        }
    }
}
