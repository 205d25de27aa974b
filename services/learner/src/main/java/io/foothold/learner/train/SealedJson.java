package io.foothold.learner.train;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.policy.Sha256;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Records as JSON files that carry the SHA-256 of everything else in them, so that one wrong bit is seen. */
final class SealedJson {
    private static final String SEAL = "sha256_of_the_rest";
    private static final ObjectMapper MAPPER =
            new ObjectMapper().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

    private SealedJson() {}

    /** The bytes of a file that holds the record. */
    static byte[] encode(Object record) {
        ObjectNode tree = MAPPER.valueToTree(record);
        tree.put(SEAL, seal(tree));
        return bytes(tree);
    }

    /**
     * Reads a record back.
     *
     * @throws FootholdException {@link ErrorCode#INVALID_DATA} naming the file when it cannot be read or is not as it was written
     */
    static <T> T decode(Path file, Class<T> type) {
        try {
            JsonNode tree = MAPPER.readTree(Files.readAllBytes(file));
            if (!(tree instanceof ObjectNode object) || !object.path(SEAL).isTextual()) {
                throw damaged(file, "it has no '" + SEAL + "'");
            }
            String expected = object.remove(SEAL).asText();
            String found = seal(object);
            if (!found.equals(expected)) {
                throw damaged(file, "its content has SHA-256 " + found + ", it says " + expected);
            }
            return MAPPER.treeToValue(object, type);
        } catch (JsonProcessingException e) {
            throw damaged(file, "not the JSON that was written: " + e.getOriginalMessage());
        } catch (IOException e) {
            throw new FootholdException(
                    ErrorCode.INVALID_DATA,
                    file + " cannot be read: " + e.getClass().getSimpleName(),
                    e);
        }
    }

    private static FootholdException damaged(Path file, String how) {
        return new FootholdException(ErrorCode.INVALID_DATA, file + " is damaged: " + how);
    }

    private static String seal(ObjectNode tree) {
        return Sha256.of(bytes(tree));
    }

    private static byte[] bytes(ObjectNode tree) {
        try {
            return MAPPER.writeValueAsBytes(tree);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a tree can always be written", e);
        }
    }
}
