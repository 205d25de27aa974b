package io.foothold.augmentation.problems;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.files.TextLines;
import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiConsumer;
import org.apache.commons.csv.CSVFormat;
import org.apache.commons.csv.CSVParser;
import org.apache.commons.csv.CSVRecord;

/** The rows of a data set: objects, whatever the file holds them in. */
@FunctionalInterface
public interface Rows {
    /** Bytes of the largest file that is read in one piece. */
    int LARGEST_TEXT = 1 << 30;

    /**
     * Hands over every row.
     *
     * @param row told of the number (of the line, where the file has lines) and the row
     */
    void forEach(BiConsumer<Integer, JsonNode> row) throws IOException;

    /**
     * The rows of a .jsonl, .json (one array) or .csv file, by its name.
     *
     * @throws FootholdException INVALID_INPUT for another name; reading throws INVALID_DATA with file and line
     */
    static Rows of(Path file) {
        String name = file.toString();
        return name.endsWith(".jsonl")
                ? row -> JsonRows.read("problem file", file, JsonRows.LONGEST_TEXT, row)
                : name.endsWith(".json")
                        ? row -> array(file, row)
                        : name.endsWith(".csv") ? row -> csv(file, row) : unknown(file);
    }

    private static Rows unknown(Path file) {
        throw new FootholdException(
                ErrorCode.INVALID_INPUT, file + ": expected a file named .jsonl, .json, .csv or .parquet");
    }

    /** Reads all of it; what cannot be read is the data's fault. */
    default void read(Path file, BiConsumer<Integer, JsonNode> row) {
        try {
            forEach(row);
        } catch (NoSuchFileException e) {
            throw new FootholdException(ErrorCode.NOT_FOUND, "problem file " + file + " does not exist", e);
        } catch (IOException e) {
            throw new FootholdException(ErrorCode.INVALID_DATA, file + " cannot be read: " + e.getMessage(), e);
        }
    }

    private static void array(Path file, BiConsumer<Integer, JsonNode> row) {
        JsonNode all = JsonRows.value(file.toString(), TextLines.text("problem file", file, LARGEST_TEXT));
        if (!all.isArray()) {
            throw new FootholdException(
                    ErrorCode.INVALID_DATA, file + ": expected a list of objects, found " + JsonRows.kind(all));
        }
        for (int i = 0; i < all.size(); i++) {
            if (!all.get(i).isObject()) {
                throw new FootholdException(
                        ErrorCode.INVALID_DATA,
                        file + ":" + (i + 1) + ": expected an object, found " + JsonRows.kind(all.get(i)));
            }
            row.accept(i + 1, all.get(i));
        }
    }

    private static void csv(Path file, BiConsumer<Integer, JsonNode> row) throws IOException {
        CSVFormat format = CSVFormat.RFC4180
                .builder()
                .setHeader()
                .setSkipHeaderRecord(true)
                .get();
        try (CSVParser parser = CSVParser.parse(TextLines.text("problem file", file, LARGEST_TEXT), format)) {
            List<String> columns = new ArrayList<>(parser.getHeaderNames());
            for (CSVRecord r : parser) {
                ObjectNode object = JsonNodeFactory.instance.objectNode();
                for (int i = 0; i < columns.size() && i < r.size(); i++) {
                    object.put(columns.get(i), r.get(i));
                }
                row.accept(Math.toIntExact(parser.getCurrentLineNumber()), object);
            }
        } catch (IllegalArgumentException e) {
            throw new FootholdException(ErrorCode.INVALID_DATA, file + ": no table: " + e.getMessage(), e);
        }
    }
}
