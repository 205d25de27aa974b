package io.foothold.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.foothold.core.loss.Clips;
import io.foothold.core.loss.CreditPlan;
import io.foothold.core.loss.LossRule;
import io.foothold.core.loss.Losses;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/**
 * The golden losses that backends in other languages are tested with ({@code loss/golden.json}) are what {@link LossRule} says. The file
 * is written anew with {@code -Dfoothold.write-golden=true}.
 */
class GoldenLossTest {
    private static final Path FILE = Path.of("src/test/resources/loss/golden.json");
    private static final ObjectMapper MAPPER = new ObjectMapper();

    /** Numbers of one row, each of shape [tokens]. */
    private record Row(double advantage, double[] logProbs, double[] behaviour, double[] base, double[] entropies) {}

    private static List<Row> rows() {
        Random random = new Random(5);
        double[] advantages = {1.25, -0.5, 0, -2, 0.75, 1};
        int[] lengths = {3, 5, 2, 4, 1, 0};
        List<Row> out = new ArrayList<>();
        for (int i = 0; i < lengths.length; i++) {
            double[] now = random.doubles(lengths[i], -4, -0.01).toArray();
            out.add(new Row(
                    advantages[i],
                    now,
                    // Some ratios within the clip, some far outside of it on either side.
                    other(now, random),
                    other(now, random),
                    random.doubles(lengths[i], 0, 3).toArray()));
        }
        return out;
    }

    /** Log-probs of another policy. */
    private static double[] other(double[] now, Random random) {
        return Arrays.stream(now)
                .map(x -> Math.min(-0.001, x + 1.5 * random.nextGaussian()))
                .toArray();
    }

    /** A rule with the words that other languages have for its loss. */
    private record Case(String ratio, Clips clips, LossRule rule) {}

    /** Every aggregation with every ratio: plain, clipped with all other terms, and with off-policy rows among the others. */
    private static List<Case> cases() {
        List<Case> out = new ArrayList<>();
        Clips clips = new Clips(0.2, 0.28);
        Clips dual = new Clips(0.2, 0.28, 3);
        for (LossRule.Aggregation aggregation : LossRule.Aggregation.values()) {
            for (String ratio : List.of("none", "token", "sequence")) {
                LossRule plain = new LossRule(aggregation, 7, Losses.of(ratio, clips, Map.of()));
                out.add(new Case(ratio, clips, plain));
                out.add(new Case(
                        ratio, dual, new LossRule(aggregation, 7, Losses.of(ratio, dual, Map.of()), 0.05, 0.01, 0)));
                out.add(new Case(ratio, clips, plain.shaped(0.1)));
            }
        }
        return out;
    }

    private static ObjectNode expected() {
        ObjectNode out = MAPPER.createObjectNode();
        out.put(
                "what",
                "Losses by io.foothold.core.loss.LossRule: of every case the loss of all rows, and of each row its derivative by"
                        + " the log-prob of each token (the entropy term has none by log-prob). Natural logs; credit = weight *"
                        + " advantage.");
        List<Row> rows = rows();
        ArrayNode given = out.putArray("rows");
        for (Row row : rows) {
            ObjectNode json = given.addObject();
            json.put("advantage", row.advantage());
            numbers(json.putArray("log_probs"), row.logProbs());
            numbers(json.putArray("behaviour_log_probs"), row.behaviour());
            numbers(json.putArray("base_log_probs"), row.base());
            numbers(json.putArray("entropies"), row.entropies());
        }
        ArrayNode cases = out.putArray("cases");
        for (Case one : cases()) {
            LossRule rule = one.rule();
            List<CreditPlan.Member> members = new ArrayList<>();
            for (int i = 0; i < rows.size(); i++) {
                Row row = rows.get(i);
                members.add(new CreditPlan.Member(
                        2, 1, row.logProbs().length, row.advantage(), rule.shaping() > 0 && i % 2 == 1));
            }
            CreditPlan plan = CreditPlan.of(rule, members);
            ObjectNode json = cases.addObject();
            json.put("aggregation", word(rule.aggregation())).put("ratio", one.ratio());
            json.put("clip_low", one.clips().low()).put("clip_high", one.clips().high());
            json.put("dual_clip", one.clips().dual()).put("kl_coefficient", rule.klCoefficient());
            json.put("entropy_coefficient", rule.entropyCoefficient()).put("shaping", rule.shaping());
            json.put("constant_length", rule.constantLength());
            double loss = 0;
            ArrayNode results = json.putArray("rows");
            for (int i = 0; i < rows.size(); i++) {
                Row row = rows.get(i);
                CreditPlan.Entry entry = plan.rollouts().get(i);
                LossRule.Result result = rule.of(entry, row.logProbs(), row.behaviour(), row.base(), row.entropies());
                loss += result.value();
                ObjectNode r = results.addObject();
                r.put("weight", entry.weight());
                r.put("credit", entry.weight() * row.advantage());
                r.put("off_policy", entry.member().offPolicy());
                numbers(r.putArray("by_log_prob"), result.byLogProb());
            }
            json.put("loss", loss);
        }
        return out;
    }

    private static String word(Enum<?> value) {
        return value.name().toLowerCase(Locale.ROOT);
    }

    private static void numbers(ArrayNode into, double[] values) {
        Arrays.stream(values).forEach(into::add);
    }

    @Test
    void theGoldenLossesAreThoseOfThePlainTwin() throws IOException {
        ObjectNode expected = expected();
        if (Boolean.getBoolean("foothold.write-golden")) {
            Files.createDirectories(FILE.getParent());
            Files.writeString(FILE, text(expected));
        }
        same("", MAPPER.readTree(FILE.toFile()), expected);
    }

    /** One line a row and one a case's row, so that a change can be read. */
    private static String text(ObjectNode tree) {
        return tree.toString()
                        .replace("{\"aggregation\"", "\n{\"aggregation\"")
                        .replace("{\"advantage\"", "\n{\"advantage\"")
                + "\n";
    }

    private static void same(String where, JsonNode actual, JsonNode expected) {
        if (expected.isNumber()) {
            double value = expected.asDouble();
            // The exponential may differ in its last bit on another CPU.
            assertThat(actual.asDouble()).as(where).isCloseTo(value, within(1e-13 * (1 + Math.abs(value))));
        } else if (expected.isContainerNode()) {
            assertThat(actual.size()).as(where).isEqualTo(expected.size());
            if (expected.isArray()) {
                for (int i = 0; i < expected.size(); i++) {
                    same(where + "/" + i, actual.path(i), expected.get(i));
                }
            } else {
                expected.fieldNames()
                        .forEachRemaining(name -> same(where + "/" + name, actual.path(name), expected.get(name)));
            }
        } else {
            assertThat(actual).as(where).isEqualTo(expected);
        }
    }

    /** Every branch of the loss is met: both sides of the clip with both signs, the dual clip, the regularisers. */
    @Test
    void theRowsMeetEveryBranch() {
        double low = Double.MAX_VALUE;
        double high = 0;
        boolean dual = false;
        for (Row row : rows()) {
            for (int t = 0; t < row.logProbs().length; t++) {
                double ratio = Math.exp(row.logProbs()[t] - row.behaviour()[t]);
                low = row.advantage() > 0 ? Math.min(low, ratio) : low;
                high = row.advantage() > 0 ? Math.max(high, ratio) : high;
                dual |= row.advantage() < 0 && ratio > 3;
            }
        }
        assertThat(low).isLessThan(0.8);
        assertThat(high).isGreaterThan(1.28);
        assertThat(dual).isTrue();
    }
}
