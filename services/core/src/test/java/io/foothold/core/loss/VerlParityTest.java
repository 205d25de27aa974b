package io.foothold.core.loss;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.foothold.core.advantage.AdvantageEstimator;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/**
 * Losses with their slopes, and advantages, on a random batch against those of verl's own functions ({@code loss/verl.json}; the recipe is
 * {@code loss/verl.py} beside it).
 */
class VerlParityTest {
    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final double CLOSE = 1e-12;
    /** Means of verl's are divided by a count and 1e-8. */
    private static final double CLOSE_MEANS = 1e-8;
    /** Our keys for verl's. */
    private static final Map<String, String> KEYS = Map.of(
            "kl_cov_ratio", "kl_cov.share",
            "ppo_kl_coef", "kl_cov.coefficient",
            "clip_cov_ratio", "clip_cov.share",
            "clip_cov_lb", "clip_cov.lower",
            "clip_cov_ub", "clip_cov.upper");

    private static JsonNode verl() throws IOException {
        return MAPPER.readTree(Path.of("src/test/resources/loss/verl.json").toFile());
    }

    private static double[] numbers(JsonNode json) {
        return MAPPER.convertValue(json, double[].class);
    }

    private static PolicyLoss loss(JsonNode json) {
        JsonNode given = json.path("settings");
        Map<String, String> own = new LinkedHashMap<>();
        KEYS.forEach((theirs, ours) -> {
            if (given.has(theirs)) {
                own.put(ours, given.path(theirs).asText());
            }
        });
        return Losses.of(
                json.path("name").asText(),
                new Clips(
                        given.path("clip_ratio_low").asDouble(),
                        given.path("clip_ratio_high").asDouble(),
                        json.path("name").asText().equals("ppo")
                                ? given.path("clip_ratio_c").asDouble()
                                : 0),
                own);
    }

    @Test
    void lossesAndSlopesAreThoseOfVerl() throws IOException {
        JsonNode verl = verl();
        double tokens = IntStream.of(MAPPER.convertValue(verl.path("lengths"), int[].class))
                .sum();
        List<Tokens> rows = new ArrayList<>();
        for (int i = 0; i < verl.path("lengths").size(); i++) {
            double[] now = numbers(verl.path("log_probs").get(i));
            double[] weights = new double[now.length];
            Arrays.fill(weights, 1 / tokens);
            rows.add(new Tokens(
                    verl.path("advantages").get(i).asDouble(),
                    weights,
                    now,
                    numbers(verl.path("behaviour").get(i))));
        }
        int checked = 0;
        for (JsonNode one : verl.path("losses")) {
            PolicyLoss plain = loss(one);
            PolicyLoss loss = plain.looksAtStep() ? plain.over(rows) : plain;
            double value = 0;
            for (int i = 0; i < rows.size(); i++) {
                Objective objective = loss.of(rows.get(i));
                value -= objective.value();
                double[] theirs = numbers(one.path("by_log_prob").get(i));
                for (int t = 0; t < theirs.length; t++) {
                    assertThat(-objective.slopes()[t])
                            .as("%s, row %d, token %d", one.path("settings"), i, t)
                            .isEqualTo(theirs[t], within(CLOSE));
                    checked++;
                }
            }
            assertThat(value)
                    .as(one.path("settings").toString())
                    .isEqualTo(one.path("loss").asDouble(), within(CLOSE));
        }
        assertThat(checked).isEqualTo((int) tokens * 7);
    }

    @Test
    void advantagesAreThoseOfVerl() throws IOException {
        JsonNode verl = verl();
        List<AdvantageEstimator.Scored> groups = new ArrayList<>();
        for (int group = 0; group < 2; group++) {
            int own = group;
            int[] members = IntStream.range(0, verl.path("groups").size())
                    .filter(i -> verl.path("groups").get(i).asInt() == own)
                    .toArray();
            groups.add(new AdvantageEstimator.Scored(
                    IntStream.of(members)
                            .mapToDouble(i -> verl.path("rewards").get(i).asDouble())
                            .toArray(),
                    IntStream.of(members)
                            .map(i -> verl.path("lengths").get(i).asInt())
                            .toArray()));
        }
        for (JsonNode one : verl.path("estimators")) {
            String name = one.path("name").asText().replace("rloo", "leave_one_out");
            double[] ours = AdvantageEstimator.named(name, 1).together(groups).stream()
                    .flatMapToDouble(Arrays::stream)
                    .toArray();
            assertThat(ours).as(name).containsExactly(numbers(one.path("advantages")), within(CLOSE_MEANS));
        }
        assertThat(verl.path("estimators")).hasSize(4);
    }
}
