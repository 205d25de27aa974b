package io.foothold.cli.rows;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.foothold.core.problem.Problem;
import java.util.Locale;

/** Problems as lines of files. */
public final class ProblemLines {
    private static final ObjectMapper MAPPER = new ObjectMapper();

    private ProblemLines() {}

    /** A problem as one JSON object, which more may be added to. */
    public static ObjectNode of(Problem p) {
        ObjectNode json = MAPPER.createObjectNode();
        json.put("id", p.id()).put("problem", p.statement()).put("answer", p.answer());
        json.put("kind", p.kind().name().toLowerCase(Locale.ROOT));
        p.oracleThoughts().forEach(json.withArray("thoughts")::add);
        return json.put("source", p.source()).put("split", p.split()).put("max_tokens", p.maxTokens());
    }
}
