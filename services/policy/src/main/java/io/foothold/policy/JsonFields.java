package io.foothold.policy;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/**
 * The fields of a JSON object of a policy directory, read as the types that they have by definition: a number in quotes is no
 * number. Errors name the file, the key, the value and what was expected.
 *
 * @param where the file, and the key of an object inside of it
 * @param json the object
 */
record JsonFields(String where, JsonNode json) {
    /** Refuses what a lenient reader would guess at: a key that stands there twice, and text behind the object. */
    static final JsonMapper STRICT = JsonMapper.builder()
            .enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    /** The object in a file. */
    static JsonFields read(Path file) {
        try {
            JsonNode json = STRICT.readTree(Files.readAllBytes(file));
            if (!json.isObject()) {
                throw new PolicyException(file + ": expected a JSON object, found "
                        + (json.isMissingNode() ? "nothing" : json.getNodeType()));
            }
            return new JsonFields(file.toString(), json);
        } catch (NoSuchFileException e) {
            throw new PolicyException(
                    file + " is missing (expected a Hugging Face directory with config.json, "
                            + "tokenizer.json and model.safetensors)",
                    e);
        } catch (IOException e) {
            throw new PolicyException(file + " cannot be read: " + e.getMessage(), e);
        }
    }

    /** Whether a key is there and not null. */
    boolean has(String key) {
        return json.hasNonNull(key);
    }

    /** A positive integer that must be there. */
    int positive(String key) {
        JsonNode value = json.path(key);
        if (!value.isIntegralNumber() || !value.canConvertToInt() || value.intValue() < 1) {
            throw wrong(key, "a positive integer");
        }
        return value.intValue();
    }

    /** A positive number that must be there. */
    double positiveNumber(String key) {
        JsonNode value = json.path(key);
        if (!value.isNumber() || !(value.doubleValue() > 0) || Double.isInfinite(value.doubleValue())) {
            throw wrong(key, "a positive number");
        }
        return value.doubleValue();
    }

    /** A truth; absent and null are false, as in Python. */
    boolean flag(String key) {
        JsonNode value = json.path(key);
        if (has(key) && !value.isBoolean()) {
            throw wrong(key, "true or false");
        }
        return value.booleanValue();
    }

    /** A text that must be there. */
    String text(String key) {
        if (!json.path(key).isTextual()) {
            throw wrong(key, "a text");
        }
        return json.path(key).textValue();
    }

    /** The object under a key. */
    JsonFields object(String key) {
        if (!json.path(key).isObject()) {
            throw wrong(key, "an object");
        }
        return new JsonFields(where + ": " + key, json.path(key));
    }

    /** What is said of a value that is not what it must be. */
    PolicyException wrong(String key, String expected) {
        JsonNode value = json.path(key);
        return new PolicyException(where + ": " + key
                + (value.isMissingNode() ? " is missing" : " = " + value + " is not supported") + " (expected "
                + expected + ")");
    }
}
