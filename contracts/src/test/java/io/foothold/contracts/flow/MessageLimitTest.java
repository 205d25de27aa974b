package io.foothold.contracts.flow;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.v1.Credit;
import io.foothold.v1.LoadProblemsRequest;
import io.foothold.v1.LoadProblemsResponse;
import io.foothold.v1.MutinyAugmentationServiceGrpc;
import io.foothold.v1.Problem;
import io.foothold.v1.ProblemSource;
import io.foothold.v1.VerifyRequest;
import io.foothold.v1.VerifyResponse;
import io.foothold.v1.VerifyWork;
import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.MethodDescriptor;
import io.grpc.Server;
import io.grpc.ServerBuilder;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ClientCalls;
import io.smallrye.mutiny.Multi;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Properties;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** One limit, told in words on whichever side it is met. */
class MessageLimitTest {
    private static final String LOAD = "foothold.v1.AugmentationService/LoadProblems";

    private Server server;
    private ManagedChannel channel;

    @BeforeEach
    void serve() throws IOException {
        server = ServerBuilder.forPort(0)
                .addService(ReadableMessages.of(
                        new MutinyAugmentationServiceGrpc.AugmentationServiceImplBase() {
                            @Override
                            public Multi<LoadProblemsResponse> loadProblems(LoadProblemsRequest request) {
                                int bytes = request.getSource().getGenerated().getCount();
                                return Multi.createFrom()
                                        .item(LoadProblemsResponse.newBuilder()
                                                .setProblem(Problem.newBuilder()
                                                        .setIdBytes(ByteString.copyFrom(new byte[bytes])))
                                                .build());
                            }
                        }.bindService()))
                .maxInboundMessageSize(2 * MessageLimit.BYTES)
                .build()
                .start();
        channel = MessageLimit.channel("127.0.0.1:" + server.getPort()).build();
    }

    @AfterEach
    void end() throws InterruptedException {
        channel.shutdownNow().awaitTermination(5, TimeUnit.SECONDS);
        server.shutdownNow();
    }

    private static LoadProblemsRequest request(int pathBytes, int answerBytes) {
        ProblemSource.Builder source = ProblemSource.newBuilder();
        source.getGeneratedBuilder().setCount(answerBytes);
        source.setSegmenterBytes(ByteString.copyFrom(new byte[pathBytes]));
        return LoadProblemsRequest.newBuilder().setSource(source).build();
    }

    private int load(int pathBytes, int answerBytes) {
        return MutinyAugmentationServiceGrpc.newMutinyStub(channel)
                .loadProblems(request(pathBytes, answerBytes))
                .collect()
                .last()
                .await()
                .atMost(Duration.ofSeconds(60))
                .getProblem()
                .getIdBytes()
                .size();
    }

    @Test
    void theContainersSettingsAreTheLimit() throws IOException {
        Properties properties = new Properties();
        try (InputStream in = MessageLimit.class.getResourceAsStream("/META-INF/microprofile-config.properties")) {
            properties.load(Objects.requireNonNull(in));
        }
        assertThat(properties.getProperty("quarkus.grpc.server.max-inbound-message-size"))
                .isEqualTo(Integer.toString(2 * MessageLimit.BYTES));
    }

    @Test
    void messagesUpToTheLimitPassBothWays() {
        assertThat(load(MessageLimit.BYTES - 64, MessageLimit.PROBLEM_BYTES)).isEqualTo(MessageLimit.PROBLEM_BYTES);
    }

    @Test
    void aLargerRequestIsNotSentAndSaysWhy() {
        assertThatThrownBy(() -> load(MessageLimit.BYTES, 1)).satisfies(t -> {
            FootholdException failure = FootholdException.of(t);
            assertThat(failure.code()).isEqualTo(ErrorCode.INVALID_INPUT);
            assertThat(failure.text()).contains(LOAD, "LoadProblemsRequest of 67108", "67108864");
        });
    }

    @Test
    void aLargerResponseIsNotSentAndSaysWhy() {
        assertThatThrownBy(() -> load(1, MessageLimit.BYTES)).satisfies(t -> {
            FootholdException failure = FootholdException.of(t);
            assertThat(failure.code()).isEqualTo(ErrorCode.INVALID_INPUT);
            assertThat(failure.text()).contains(LOAD, "LoadProblemsResponse of 67108", "67108864");
        });
    }

    /** Callers of other making have no such check: the service has it. */
    @Test
    void aLargerRequestThatComesAllTheSameIsRefusedInWords() {
        ManagedChannel foreign = ManagedChannelBuilder.forAddress("127.0.0.1", server.getPort())
                .usePlaintext()
                .build();
        assertThatThrownBy(() -> ClientCalls.blockingUnaryCall(
                        foreign,
                        RawBytes.method(MethodDescriptor.MethodType.UNARY, LOAD),
                        CallOptions.DEFAULT.withDeadlineAfter(60, TimeUnit.SECONDS),
                        request(MessageLimit.BYTES, 1).toByteArray()))
                .isInstanceOfSatisfying(StatusRuntimeException.class, e -> {
                    assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
                    assertThat(e.getStatus().getDescription()).contains(LOAD, "larger than the 67108864");
                });
        foreign.shutdownNow();
    }

    @Test
    void aUnaryRequestThatCannotBeReadIsRefusedInWords() {
        assertThatThrownBy(() -> ClientCalls.blockingUnaryCall(
                        channel,
                        RawBytes.method(MethodDescriptor.MethodType.UNARY, LOAD),
                        CallOptions.DEFAULT.withDeadlineAfter(20, TimeUnit.SECONDS),
                        new byte[] {(byte) 0xFF, 0, 7}))
                .isInstanceOfSatisfying(StatusRuntimeException.class, e -> {
                    assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
                    assertThat(e.getStatus().getDescription()).contains(LOAD, "cannot be read");
                });
    }

    /** Other work on the same stream goes on. */
    @Test
    void aPieceOfWorkThatIsTooLargeFailsByItself() throws Exception {
        try (CreditedStream<VerifyRequest, VerifyResponse> stream = new CreditedStream<>(
                "verifier",
                StreamShape.of(
                        c -> VerifyRequest.newBuilder().setCredit(c).build(),
                        VerifyResponse::getCredit,
                        r -> r.getResult().getRolloutId()),
                requests -> new CreditedService<VerifyRequest, VerifyResponse>(
                                "verification",
                                CreditedService.Shape.of(
                                        VerifyRequest::getCredit,
                                        c -> VerifyResponse.newBuilder()
                                                .setCredit(c)
                                                .build(),
                                        (work, failure) -> List.of()),
                                4,
                                (work, results) -> {
                                    VerifyResponse.Builder out = VerifyResponse.newBuilder();
                                    out.getResultBuilder()
                                            .setRolloutId(work.getWork().getRolloutId());
                                    results.emit(out.build());
                                    results.done();
                                    return () -> {};
                                })
                        .serve(requests),
                StreamLimits.standard())) {
            var large = stream.submit(
                    VerifyRequest.newBuilder()
                            .setWork(VerifyWork.newBuilder()
                                    .setRolloutId("large")
                                    .setGoldBytes(ByteString.copyFrom(new byte[MessageLimit.BYTES])))
                            .build(),
                    List.of("large"),
                    r -> {});
            var small = stream.submit(
                    VerifyRequest.newBuilder()
                            .setWork(VerifyWork.newBuilder().setRolloutId("small"))
                            .build(),
                    List.of("small"),
                    r -> {});
            assertThat(small.get(10, TimeUnit.SECONDS)).containsKey("small");
            assertThatThrownBy(() -> large.get(10, TimeUnit.SECONDS))
                    .hasMessageContaining("verifier, large: a VerifyRequest of 67108")
                    .hasCauseInstanceOf(FootholdException.class);
        }
        assertThat(MessageLimit.refusal(Credit.getDefaultInstance(), "x")).isNull();
    }
}
