package io.foothold.cli.conformance;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Samples of Prometheus' text format, as far as our servers write it. */
record PrometheusText(Map<String, Map<Map<String, String>, Double>> samples) {
    private static final Pattern SAMPLE = Pattern.compile("([A-Za-z_:][A-Za-z0-9_:]*)(?:\\{([^}]*)})?\\s+(\\S+).*");
    private static final Pattern LABEL = Pattern.compile("([A-Za-z_][A-Za-z0-9_]*)=\"([^\"]*)\"");

    /** What a server shows. */
    static PrometheusText fetch(URI where) throws IOException, InterruptedException {
        try (HttpClient client = HttpClient.newHttpClient()) {
            HttpResponse<String> response = client.send(
                    HttpRequest.newBuilder(where)
                            .timeout(Duration.ofSeconds(20))
                            .build(),
                    HttpResponse.BodyHandlers.ofString());
            if (response.statusCode() != 200) {
                throw new IOException(where + " answered " + response.statusCode());
            }
            return parse(response.body());
        }
    }

    static PrometheusText parse(String text) {
        Map<String, Map<Map<String, String>, Double>> out = new LinkedHashMap<>();
        text.lines().forEach(line -> {
            Matcher sample = SAMPLE.matcher(line);
            if (!line.startsWith("#") && sample.matches()) {
                Map<String, String> labels = new LinkedHashMap<>();
                Matcher label = LABEL.matcher(sample.group(2) == null ? "" : sample.group(2));
                while (label.find()) {
                    labels.put(label.group(1), label.group(2));
                }
                out.computeIfAbsent(sample.group(1), n -> new LinkedHashMap<>())
                        .put(labels, Double.valueOf(sample.group(3)));
            }
        });
        return new PrometheusText(out);
    }

    /** The value of the sample that has these labels, whatever others it has; null when there is none. */
    @Nullable
    Double value(String name, Map<String, String> labels) {
        return samples.getOrDefault(name, Map.of()).entrySet().stream()
                .filter(s -> s.getKey().entrySet().containsAll(labels.entrySet()))
                .map(Map.Entry::getValue)
                .findFirst()
                .orElse(null);
    }
}
