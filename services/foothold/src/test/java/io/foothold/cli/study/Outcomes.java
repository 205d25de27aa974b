package io.foothold.cli.study;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.foothold.cli.process.AllInOne;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Results that never ran, and a study of them. */
final class Outcomes {
    /** What shams are compared by. */
    static final Yardstick YARDSTICK = new Yardstick("grpo", "hard-test", Cost.ROLLOUTS, .5, 1);

    private Outcomes() {}

    /** One with evaluations ten updates apart, from update 0. */
    static Outcome of(String arm, long seed, Map<String, Long> rollouts, double... passAt1) {
        List<JsonNode> evaluations = new ArrayList<>();
        for (int i = 0; i < passAt1.length; i++) {
            evaluations.add(evaluation("hard-test", 10 * i, passAt1[i]));
        }
        return new Outcome(arm, seed, "digest", evaluations, rollouts, Map.of("own style", .5), 1, true);
    }

    static Outcome of(String arm, long seed, double... passAt1) {
        return of(arm, seed, Map.of("train", 1000L), passAt1);
    }

    static JsonNode evaluation(String set, int update, double passAt1) {
        ObjectNode out = new ObjectMapper().createObjectNode();
        out.put("set", set).put("update", update).put("pass@1", passAt1).put("pass@16", Math.min(1, 2 * passAt1));
        out.put("pass@16_low", passAt1).put("pass@16_high", 1);
        int always = (int) Math.round(10 * passAt1);
        out.put("problems_always_solved", always)
                .put("problems_sometimes_solved", 16)
                .put("problems_never_solved", 16 - always);
        return out.put("low", passAt1 / 2).put("high", (1 + passAt1) / 2);
    }

    /** A study of arms that are never run. */
    static class Sham implements Study {
        private final List<Arm> arms;
        private final List<Claim> claims;

        Sham(List<Arm> arms, List<Claim> claims) {
            this.arms = arms;
            this.claims = claims;
        }

        @Override
        public List<Arm> arms() {
            return arms;
        }

        @Override
        public List<Claim> claims() {
            return claims;
        }

        @Override
        public String name() {
            return "sham";
        }

        @Override
        public String title() {
            return "A <sham>";
        }

        @Override
        public String text() {
            return "nothing";
        }

        @Override
        public List<String> quick() {
            return arms.stream().map(Arm::name).limit(1).toList();
        }

        @Override
        public int seeds() {
            return 2;
        }

        @Override
        public Yardstick yardstick() {
            return YARDSTICK;
        }

        @Override
        public Map<String, Base> beside(List<Arm> arms, Path home) {
            return Map.of("mixed", new Base("cosine -0.91", -.91));
        }

        @Override
        public void withServices(Path home, List<Arm> arms, AllInOne.Job job) {
            throw new AssertionError("nothing was to be run");
        }
    }
}
