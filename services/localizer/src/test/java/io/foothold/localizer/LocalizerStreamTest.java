package io.foothold.localizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.foothold.contracts.flow.StreamContractTest;
import io.foothold.contracts.flow.StreamShape;
import io.foothold.localizer.grpc.LocalizerGrpc;
import io.foothold.localizer.thought.FirstWrongThought;
import io.foothold.v1.LocalizeRequest;
import io.foothold.v1.LocalizeResponse;
import io.foothold.v1.LocalizeWork;
import io.foothold.v1.LocalizerMode;
import io.foothold.v1.MutinyLocalizerServiceGrpc;
import io.grpc.BindableService;
import io.grpc.Channel;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.smallrye.mutiny.Multi;
import java.util.List;
import org.junit.jupiter.api.Test;

class LocalizerStreamTest extends StreamContractTest<LocalizeRequest, LocalizeResponse> {
    @Test
    void randomIsUniformOverTheThoughtsAndTheOracleFindsTheFirstDifference() {
        int[] counts = new int[4];
        for (int i = 0; i < 4000; i++) {
            counts[FirstWrongThought.random(4, i) - 1]++;
        }
        for (int c : counts) {
            assertThat(c / 4000.0).isEqualTo(.25, within(.03));
        }
        assertThatThrownBy(() -> FirstWrongThought.random(0, 1)).hasMessageContaining("without thoughts");
        assertThat(FirstWrongThought.oracle(List.of("a", "x", "c"), List.of("a", "b", "c")))
                .hasValue(2);
        assertThat(FirstWrongThought.oracle(List.of("a"), List.of("a", "b"))).hasValue(2);
        assertThat(FirstWrongThought.oracle(List.of("a", "b"), List.of("a", "b")))
                .isEmpty();
    }

    @Override
    protected BindableService service() {
        LocalizerGrpc service = new LocalizerGrpc(16, java.util.Optional.empty(), new SimpleMeterRegistry());
        return new MutinyLocalizerServiceGrpc.LocalizerServiceImplBase() {
            @Override
            public Multi<LocalizeResponse> localize(Multi<LocalizeRequest> request) {
                return service.localize(request);
            }
        };
    }

    @Override
    protected Multi<LocalizeResponse> call(Channel channel, Multi<LocalizeRequest> requests) {
        return MutinyLocalizerServiceGrpc.newMutinyStub(channel).localize(requests);
    }

    @Override
    protected LocalizeRequest work(String key) {
        return LocalizeRequest.newBuilder()
                .setWork(LocalizeWork.newBuilder()
                        .setRolloutId(key)
                        .setMode(LocalizerMode.LOCALIZER_MODE_RANDOM)
                        .addThoughts("a")
                        .addThoughts("b"))
                .build();
    }

    @Override
    protected StreamShape<LocalizeRequest, LocalizeResponse> shape() {
        return StreamShape.of(
                c -> LocalizeRequest.newBuilder().setCredit(c).build(),
                LocalizeResponse::getCredit,
                r -> r.getLocalization().getRolloutId());
    }
}
