package io.foothold.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.foothold.augmentation.grpc.AugmentationGrpc;
import io.foothold.contracts.draw.Selection;
import io.foothold.contracts.files.Roots;
import io.foothold.contracts.flow.CreditedStream;
import io.foothold.contracts.flow.MessageLimit;
import io.foothold.core.problem.Problem;
import io.foothold.orchestrator.remote.GrpcServices;
import io.foothold.orchestrator.remote.ProblemMessages;
import io.foothold.v1.DrawStartStatesRequest;
import io.foothold.v1.Guided;
import io.foothold.v1.MixtureDraw;
import io.foothold.v1.MixturePart;
import io.foothold.v1.ProblemSource;
import io.foothold.v1.PromptTemplates;
import io.foothold.v1.Root;
import io.foothold.v1.StartState;
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
                new GrpcServices.Channels(channel, channel, channel, channel, channel),
                CreditedStream.Limits.standard())) {
            ProblemSource source = ProblemSource.newBuilder()
                    .setJsonlPath(file.toString())
                    .setSegmenter("line")
                    .build();
            List<Problem> problems = services.augmentation().problems(source);
            assertThat(problems).hasSize(ROWS);
            Map<String, Integer> prefixes = new HashMap<>();
            problems.forEach(p -> prefixes.put(p.id(), 1));
            Selection selection =
                    new Selection(problems.stream().map(Problem::id).toList(), prefixes);
            DrawStartStatesRequest.Builder draw = DrawStartStatesRequest.newBuilder()
                    .setSource(source)
                    .setProblemSetDigest(ProblemMessages.digest(problems))
                    .setTemplates(
                            PromptTemplates.newBuilder().setRoot("{problem}").setGuided("{problem} {prefix}"))
                    .setDraw(MixtureDraw.MIXTURE_DRAW_STRATIFIED)
                    .addMixture(MixturePart.newBuilder()
                            .setRoot(Root.getDefaultInstance())
                            .setShare(1))
                    .addMixture(MixturePart.newBuilder()
                            .setGuided(Guided.getDefaultInstance())
                            .setShare(1))
                    .setSeed(3)
                    .setGroups(64);
            List<StartState> first =
                    services.augmentation().draw(draw.setUpdate(1).build(), selection);
            assertThat(first).hasSize(64);
            assertThat(first.stream().filter(StartState::hasGuided)).hasSize(32);
            server.shutdownNow().awaitTermination();
            server = serve(port);
            channel.resetConnectBackoff();
            assertThat(services.augmentation().draw(draw.setUpdate(1).build(), selection))
                    .isEqualTo(first);
            assertThat(services.augmentation().draw(draw.setUpdate(2).build(), selection))
                    .isNotEqualTo(first);
        } finally {
            channel.shutdownNow();
            server.shutdownNow();
        }
    }
}
