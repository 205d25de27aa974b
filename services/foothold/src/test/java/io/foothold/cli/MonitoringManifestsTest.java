package io.foothold.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.foothold.contracts.metric.Metric;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Alerts and dashboard ask for what the services tell, in a language that Prometheus takes; alerts fire when they should. */
class MonitoringManifestsTest {
    private static final Path ROOT = Path.of(System.getProperty("foothold.root"));
    private static final Path HERE = Manifests.K8S.resolve("components/monitoring");
    private static final ObjectMapper JSON = new ObjectMapper();

    /** Labels that Prometheus gives. */
    private static final Set<String> SCRAPED = Set.of("namespace", "pod", "job");

    /** What others than ourselves tell. */
    private static final Set<String> OTHERS = Set.of("up", "jvm_memory_used_bytes", "process_cpu_usage");

    private static final Pattern NAME =
            Pattern.compile("\\b(foothold_\\w+|nv_\\w+|jvm_\\w+|process_\\w+|up)(?:\\{([^}]*)})?");
    private static final Pattern LABEL = Pattern.compile("(\\w+)(?:=~?|!=|!~)\"");
    private static final Pattern GROUPED = Pattern.compile("\\b(?:by|on) \\(([^)]*)\\)");
    private static final Pattern SHOWN = Pattern.compile("\\{\\{(\\w+)}}");

    private static JsonNode dashboard() throws IOException {
        return JSON.readTree(HERE.resolve("dashboard.json").toFile());
    }

    private static JsonNode rules() throws IOException {
        return Manifests.documents(HERE.resolve("rules.yaml")).get(0).path("spec");
    }

    private static List<JsonNode> alerts() throws IOException {
        List<JsonNode> out = new ArrayList<>();
        rules().path("groups").forEach(g -> g.path("rules").forEach(out::add));
        return out;
    }

    private static List<String> expressions() throws IOException {
        List<String> out = new ArrayList<>();
        for (JsonNode panel : dashboard().path("panels")) {
            panel.path("targets").forEach(t -> out.add(t.path("expr").asText()));
        }
        assertThat(out).hasSizeGreaterThan(30);
        for (JsonNode rule : alerts()) {
            out.add(rule.path("expr").asText());
        }
        return out;
    }

    /** The tags of a name at the Prometheus endpoint. */
    private static Set<String> tags(String name, String learner) {
        if (OTHERS.contains(name)) {
            return SCRAPED;
        }
        for (Metric metric : Metric.values()) {
            String own = metric.prometheus();
            Set<String> tags = new HashSet<>(metric.tags());
            tags.addAll(SCRAPED);
            if (metric.kind() == Metric.Kind.TIMER) {
                tags.add("quantile");
            }
            boolean member = own.endsWith("*")
                    && name.startsWith(own.substring(0, own.length() - 1))
                    && learner.contains("put(\"" + name.substring(own.length() - 1) + "\"");
            if (own.equals(name) || member) {
                return tags;
            }
        }
        throw new AssertionError("no service tells " + name);
    }

    /** The learner's sources, which put each number of an update into its manifest by name. */
    private static String learner() throws IOException {
        StringBuilder out = new StringBuilder();
        try (Stream<Path> sources = Files.walk(ROOT.resolve("services/learner/src/main/java"))) {
            for (Path source :
                    sources.filter(f -> f.toString().endsWith(".java")).toList()) {
                out.append(Files.readString(source));
            }
        }
        return out.toString();
    }

    @Test
    void everyNameAndLabelIsToldBySomebody() throws IOException {
        String learner = learner();
        for (String expression : expressions()) {
            Set<String> given = new HashSet<>();
            Matcher name = NAME.matcher(expression);
            while (name.find()) {
                Set<String> tags = tags(name.group(1), learner);
                given.addAll(tags);
                Matcher label = LABEL.matcher(name.group(2) == null ? "" : name.group(2));
                while (label.find()) {
                    assertThat(tags).as(expression).contains(label.group(1));
                }
            }
            assertThat(given).as("%s asks for something", expression).isNotEmpty();
            Matcher grouped = GROUPED.matcher(expression);
            while (grouped.find()) {
                assertThat(given).as(expression).contains(grouped.group(1).split(", *"));
            }
        }
    }

    @Test
    void whatIsShownIsWhatItIsGroupedBy() throws IOException {
        for (JsonNode panel : dashboard().path("panels")) {
            for (JsonNode target : panel.path("targets")) {
                Matcher shown = SHOWN.matcher(target.path("legendFormat").asText());
                while (shown.find()) {
                    Matcher grouped = GROUPED.matcher(target.path("expr").asText());
                    assertThat(grouped.find()).as(target.toString()).isTrue();
                    assertThat(grouped.group(1).split(", *")).contains(shown.group(1));
                }
            }
        }
    }

    @Test
    void panelsLieBesideEachOther() throws IOException {
        Set<Integer> ids = new HashSet<>();
        Map<String, String> taken = new HashMap<>();
        for (JsonNode panel : dashboard().path("panels")) {
            String title = panel.path("title").asText();
            assertThat(ids.add(panel.path("id").asInt())).as(title).isTrue();
            JsonNode at = panel.path("gridPos");
            assertThat(at.path("x").asInt() + at.path("w").asInt()).as(title).isLessThanOrEqualTo(24);
            for (int x = 0; x < at.path("w").asInt(); x++) {
                for (int y = 0; y < at.path("h").asInt(); y++) {
                    assertThat(taken.put(
                                    (at.path("x").asInt() + x) + ","
                                            + (at.path("y").asInt() + y),
                                    title))
                            .as("what %s lies on", title)
                            .isNull();
                }
            }
        }
    }

    @Test
    void everyAlertIsExplainedAndTried() throws IOException {
        String page = Files.readString(ROOT.resolve("docs/operating.md"));
        String tried = Files.readString(HERE.resolve("rules-test.yaml"));
        Set<String> names = new LinkedHashSet<>();
        for (JsonNode rule : alerts()) {
            String alert = rule.path("alert").asText();
            assertThat(names.add(alert)).as(alert).isTrue();
            assertThat(rule.path("labels").path("severity").asText()).isIn("critical", "warning");
            assertThat(rule.path("annotations").path("summary").asText()).isNotEmpty();
            assertThat(page).contains("`" + alert + "`");
            assertThat(tried).contains("alertname: " + alert + "\n        exp_alerts:\n");
        }
    }

    /** What promtool says, and how it ended. */
    private record Said(int code, String text) {}

    private static Said run(Path directory, List<String> command) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(command)
                .directory(directory.toFile())
                .redirectErrorStream(true)
                .start();
        process.getOutputStream().close();
        String text = new String(process.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
        return new Said(process.waitFor(), text.strip());
    }

    private static String promtool(Path directory) throws IOException, InterruptedException {
        Said where =
                run(directory, List.of(ROOT.resolve("load-tests/promtool.sh").toString()));
        if (where.code() != 0) {
            System.out.println("NOT RUN: alerts and dashboard with Prometheus' own tool: " + where.text());
        }
        assumeTrue(where.code() == 0, "no promtool");
        return where.text();
    }

    @Test
    void prometheusTakesThemAndAlertsFireWhenTheyShould(@TempDir Path directory) throws Exception {
        String promtool = promtool(directory);
        JSON.writeValue(directory.resolve("rules.json").toFile(), rules());
        Files.copy(HERE.resolve("rules-test.yaml"), directory.resolve("rules-test.yaml"));
        Said checked = run(directory, List.of(promtool, "check", "rules", "rules.json"));
        assertThat(checked.code()).as(checked.text()).isZero();
        Said tested = run(directory, List.of(promtool, "test", "rules", "rules-test.yaml"));
        assertThat(tested.code()).as(tested.text()).isZero();
    }

    /** Each expression of the dashboard as a rule that records it. */
    @Test
    void prometheusTakesTheDashboardsExpressions(@TempDir Path directory) throws Exception {
        String promtool = promtool(directory);
        ObjectNode group = JSON.createObjectNode().put("name", "dashboard");
        ArrayNode recorded = group.putArray("rules");
        for (String expression : expressions()) {
            recorded.addObject()
                    .put("record", "panel" + recorded.size())
                    .put("expr", expression.replace("$namespace", "foothold"));
        }
        ObjectNode all = JSON.createObjectNode();
        all.putArray("groups").add(group);
        JSON.writeValue(directory.resolve("dashboard-rules.json").toFile(), all);
        Said checked = run(directory, List.of(promtool, "check", "rules", "dashboard-rules.json"));
        assertThat(checked.code()).as(checked.text()).isZero();
    }
}
