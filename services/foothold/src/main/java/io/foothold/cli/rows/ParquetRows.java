package io.foothold.cli.rows;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.jerolba.carpet.CarpetReader;
import io.foothold.augmentation.problems.Rows;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Map;
import java.util.function.BiConsumer;

/** The rows of a Parquet file, lists and structs included. Only on the JVM: the reader builds on reflection. */
public final class ParquetRows implements Rows {
    private static final ObjectMapper MAPPER = new ObjectMapper();

    private final Path file;

    private ParquetRows(Path file) {
        this.file = file;
    }

    /** The rows of a file, by its name. */
    public static Rows of(Path file) {
        return file.toString().endsWith(".parquet") ? new ParquetRows(file) : Rows.of(file);
    }

    @Override
    public void forEach(BiConsumer<Integer, JsonNode> row) throws IOException {
        if (!Files.exists(file)) {
            throw new NoSuchFileException(file.toString());
        }
        int number = 0;
        try {
            for (Map<?, ?> values : new CarpetReader<>(file.toFile(), Map.class)) {
                row.accept(++number, MAPPER.valueToTree(values));
            }
        } catch (FootholdException e) {
            throw e;
        } catch (RuntimeException e) {
            throw new FootholdException(
                    ErrorCode.INVALID_DATA, file + ": row " + (number + 1) + " cannot be read: " + e.getMessage(), e);
        }
    }
}
