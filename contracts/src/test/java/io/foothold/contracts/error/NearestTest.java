package io.foothold.contracts.error;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.StatusRuntimeException;
import java.util.List;
import org.junit.jupiter.api.Test;

class NearestTest {
    @Test
    void theNearestNameIsOfferedAndFarOnesAreListed() {
        List<String> names = List.of("updates", "seed", "staleness");
        assertThat(Nearest.hint("update", names)).isEqualTo(" (did you mean 'updates'?)");
        assertThat(Nearest.hint("colour", names)).isEqualTo(" (expected one of updates, seed, staleness)");
        assertThat(Nearest.distance("kitten", "sitting")).isEqualTo(3);
    }

    @Test
    void codesSurviveTheJourneyThroughGrpc() {
        for (ErrorCode code : ErrorCode.values()) {
            StatusRuntimeException status = new FootholdException(code, "what is wrong").toStatus();
            FootholdException back = FootholdException.of(status);
            assertThat(back.code()).isEqualTo(code);
            assertThat(back).hasMessage("what is wrong");
        }
    }
}
