package io.foothold.orchestrator.rest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.foothold.orchestrator.ledger.LedgerLookup.By;
import io.foothold.orchestrator.ledger.LedgerLookup.Place;
import jakarta.ws.rs.core.MultivaluedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

class RolloutQueryTest {
    private static RolloutQuery of(String... namesAndValues) {
        MultivaluedHashMap<String, String> asked = new MultivaluedHashMap<>();
        for (int i = 0; i < namesAndValues.length; i += 2) {
            asked.add(namesAndValues[i], namesAndValues[i + 1]);
        }
        return new RolloutQuery(asked);
    }

    @Test
    void namesAndValuesBecomeWhatIsAskedFor() {
        RolloutQuery query =
                of("verdict", "pass", "least_tokens", "12", "problem", "", "behind", "7:r/1:a", "most", "9");
        assertThat(query.wanted()).isEqualTo(Map.of(By.VERDICT, "PASS", By.LEAST_TOKENS, 12));
        assertThat(query.place()).isEqualTo(new Place(7, "r/1:a"));
        assertThat(query.most()).isEqualTo(9);
        assertThat(of().place()).isEqualTo(Place.FIRST);
    }

    @Test
    void whatMeansNothingIsRefusedWithTheNearestName() {
        assertThatThrownBy(() -> of("verdikt", "pass"))
                .hasMessageContaining("'verdikt'")
                .hasMessageContaining("verdict");
        assertThatThrownBy(() -> of("update", "x"))
                .hasMessageContaining("'update=x' is wrong (expected a whole number)");
        assertThatThrownBy(() -> of("most", "501")).hasMessageContaining("from 1 to 500");
        assertThatThrownBy(() -> of("behind", "x")).hasMessageContaining("what the page before gave");
        assertThatThrownBy(() -> of("least_reward", "NaN")).hasMessageContaining("expected a number");
    }
}
