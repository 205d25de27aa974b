package io.foothold.contracts.door;

import static org.assertj.core.api.Assertions.assertThat;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.v1.ListRunsRequest;
import io.foothold.v1.ListRunsResponse;
import io.foothold.v1.RunServiceGrpc;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Server;
import io.grpc.ServerBuilder;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

class PeerChannelsTest {
    private final List<String> seen = new CopyOnWriteArrayList<>();

    private Server server() throws IOException {
        return ServerBuilder.forPort(0)
                .addService(new RunServiceGrpc.RunServiceImplBase() {
                    @Override
                    public void listRuns(ListRunsRequest request, StreamObserver<ListRunsResponse> out) {
                        out.onNext(ListRunsResponse.getDefaultInstance());
                        out.onCompleted();
                    }
                })
                .intercept(new ServerInterceptor() {
                    @Override
                    public <Q, R> ServerCall.Listener<Q> interceptCall(
                            ServerCall<Q, R> call, Metadata headers, ServerCallHandler<Q, R> next) {
                        seen.add(String.valueOf(
                                headers.get(Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER))));
                        return next.startCall(call, headers);
                    }
                })
                .build()
                .start();
    }

    @Test
    void whatIsShownIsAskedForWithEveryCall() throws IOException {
        Server server = server();
        AtomicReference<Optional<String>> token = new AtomicReference<>(Optional.of("first"));
        ManagedChannel channel = PeerChannels.showing(token::get)
                .peer("127.0.0.1:" + server.getPort(), "127.0.0.1")
                .build();
        ManagedChannel plain = PeerChannels.plain()
                .channel("127.0.0.1:" + server.getPort(), "127.0.0.1")
                .build();
        for (Optional<String> next : List.of(token.get(), Optional.of("second"), Optional.<String>empty())) {
            token.set(next);
            var unused = RunServiceGrpc.newBlockingStub(channel).listRuns(ListRunsRequest.getDefaultInstance());
        }
        var unused = RunServiceGrpc.newBlockingStub(plain).listRuns(ListRunsRequest.getDefaultInstance());
        assertThat(seen).containsExactly("Bearer first", "Bearer second", "null", "null");
        channel.shutdownNow();
        plain.shutdownNow();
        server.shutdownNow();
    }

    @Test
    void refusalsOfAPeerKeepTheirMeaning() {
        assertThat(FootholdException.of(new StatusRuntimeException(Status.UNAUTHENTICATED))
                        .code())
                .isEqualTo(ErrorCode.UNAUTHENTICATED);
        assertThat(FootholdException.of(new StatusRuntimeException(Status.PERMISSION_DENIED))
                        .code())
                .isEqualTo(ErrorCode.FORBIDDEN);
    }
}
