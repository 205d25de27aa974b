package io.foothold.augmentation.problems;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.io.JsonEOFException;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.files.TextLines;
import java.nio.file.Path;
import java.util.function.BiConsumer;

/**
 * Rows of JSON, one object a line, as every file of problems or graded cases is read. A key that stands twice in a row, or text behind
 * the object, is refused; numbers keep the digits that they are written with. Messages name file, line and column, not the text.
 */
public final class JsonRows {
    /** Characters of the longest text of a row; the lines of public data sets with packed tests are that long. */
    static final int LONGEST_TEXT = 1 << 29;

    private static final JsonMapper MAPPER = JsonMapper.builder(JsonFactory.builder()
                    .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                    .disable(StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION)
                    .streamReadConstraints(StreamReadConstraints.builder()
                            .maxStringLength(LONGEST_TEXT)
                            .build())
                    .build())
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
            .disable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
            .nodeFactory(JsonNodeFactory.withExactBigDecimals(true))
            .build();

    private JsonRows() {}

    /**
     * Hands over every row of a file; blank lines are skipped.
     *
     * @param what names the file in messages
     * @param longest most bytes of a line
     * @param row told of the number of the line and the object on it
     * @throws FootholdException as {@link TextLines#read}, and INVALID_DATA for a line that is no JSON object
     */
    public static void read(String what, Path file, int longest, BiConsumer<Integer, JsonNode> row) {
        TextLines.read(what, file, longest, (number, text) -> {
            if (!text.isBlank()) {
                row.accept(number, object(file + ":" + number, text));
            }
        });
    }

    /**
     * One object.
     *
     * @param where file and line, for messages
     */
    static JsonNode object(String where, String text) {
        JsonNode node = value(where, text);
        if (!node.isObject()) {
            throw new FootholdException(
                    ErrorCode.INVALID_DATA, where + ": expected a JSON object, found " + kind(node));
        }
        return node;
    }

    /** Any value. */
    static JsonNode value(String where, String text) {
        try {
            return MAPPER.readTree(text);
        } catch (JsonEOFException e) {
            throw wrong(where, "not JSON: it ends too early", e);
        } catch (JsonProcessingException e) {
            String message = String.valueOf(e.getOriginalMessage());
            throw wrong(
                    where,
                    message.startsWith("Duplicate field")
                            ? "the same key stands twice"
                            : message.startsWith("Trailing token") ? "there is text behind the value" : "not JSON",
                    e);
        }
    }

    private static FootholdException wrong(String where, String what, JsonProcessingException e) {
        String column = e.getLocation() == null
                ? ""
                : " (line " + e.getLocation().getLineNr() + " of it, column "
                        + e.getLocation().getColumnNr() + ")";
        // Without the cause: its message quotes the text.
        return new FootholdException(
                ErrorCode.INVALID_DATA, where + ": " + what + column.replace("line 1 of it, ", ""));
    }

    /** The kind of a value in JSON's words. */
    static String kind(JsonNode node) {
        return switch (node.getNodeType()) {
            case ARRAY -> "a list";
            case OBJECT, POJO -> "an object";
            case BOOLEAN -> node.asText();
            case NULL -> "null";
            case NUMBER -> "a number";
            case STRING, BINARY -> "a text";
            case MISSING -> "missing";
        };
    }
}
