package io.foothold.orchestrator.run;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.problem.Problem;
import io.foothold.orchestrator.remote.ProblemMessages;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What the problem sets of a run hold, by content: of each set a SHA-256 over its problems in their order, and of each problem its
 * id and the begin of its own, so that a difference can be named. Over the problems as they were loaded, so that whatever changes
 * what is trained changes it: a row of a file, the order, the rule that cuts solutions into thoughts.
 *
 * @param sets by the key of the run file that names the set, such as problems.train
 */
record DataDigest(Map<String, OfSet> sets) {
    private static final int FORM = 1;
    private static final int SHOWN_BYTES = 8;
    private static final ObjectMapper MAPPER = new ObjectMapper();

    /**
     * A problem.
     *
     * @param digest begin of the SHA-256 of its content, hex
     */
    record Row(String id, String digest) {}

    /**
     * A set.
     *
     * @param digest SHA-256, hex
     * @param rows in their order
     */
    record OfSet(String digest, List<Row> rows) {
        OfSet {
            rows = List.copyOf(rows);
        }
    }

    DataDigest {
        sets = new LinkedHashMap<>(sets);
    }

    /** The digest of problem sets by their keys. */
    static DataDigest of(Map<String, List<Problem>> problems) {
        Map<String, OfSet> sets = new LinkedHashMap<>();
        problems.forEach((key, set) -> sets.put(key, ofSet(set)));
        return new DataDigest(sets);
    }

    private static OfSet ofSet(List<Problem> problems) {
        MessageDigest all = sha256();
        List<Row> rows = new ArrayList<>();
        for (Problem problem : problems) {
            byte[] own = sha256().digest(ProblemMessages.content(problem));
            all.update(own);
            rows.add(new Row(problem.id(), HexFormat.of().formatHex(own, 0, SHOWN_BYTES)));
        }
        return new OfSet(HexFormat.of().formatHex(all.digest()), rows);
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }

    /** As JSON, for the ledger. */
    String stored() {
        ObjectNode json = MAPPER.createObjectNode().put("form", FORM);
        ObjectNode byKey = json.putObject("sets");
        sets.forEach((key, set) -> {
            ArrayNode rows = byKey.putObject(key).put("digest", set.digest()).putArray("rows");
            set.rows().forEach(row -> rows.addArray().add(row.id()).add(row.digest()));
        });
        return json.toString();
    }

    /**
     * What {@link #stored} wrote.
     *
     * @throws FootholdException {@link ErrorCode#INVALID_DATA} when it is of another form
     */
    static DataDigest restore(String stored) {
        JsonNode json;
        try {
            json = MAPPER.readTree(stored);
        } catch (JsonProcessingException e) {
            throw new FootholdException(ErrorCode.INVALID_DATA, "the stored digest of the data cannot be read", e);
        }
        if (json.path("form").asInt() != FORM) {
            throw new FootholdException(
                    ErrorCode.INVALID_DATA,
                    "the stored digest of the data is of a form that this version does not know");
        }
        Map<String, OfSet> sets = new LinkedHashMap<>();
        json.path("sets").properties().forEach(set -> {
            List<Row> rows = new ArrayList<>();
            set.getValue()
                    .path("rows")
                    .forEach(row ->
                            rows.add(new Row(row.path(0).asText(), row.path(1).asText())));
            sets.put(set.getKey(), new OfSet(set.getValue().path("digest").asText(), rows));
        });
        return new DataDigest(sets);
    }

    /** Whether another one has the same set. */
    boolean sameSet(String key, DataDigest other) {
        OfSet own = sets.get(key);
        OfSet others = other.sets.get(key);
        return own == null ? others == null : others != null && own.digest().equals(others.digest());
    }

    /** What differs in data that was loaded later, a line a set; empty when nothing does. */
    List<String> differences(DataDigest later) {
        List<String> out = new ArrayList<>();
        OfSet none = new OfSet("", List.of());
        Map<String, OfSet> keys = new LinkedHashMap<>(sets);
        later.sets.forEach(keys::putIfAbsent);
        for (String key : keys.keySet()) {
            if (!sameSet(key, later)) {
                out.add(key + ": "
                        + difference(
                                sets.getOrDefault(key, none).rows(),
                                later.sets.getOrDefault(key, none).rows()));
            }
        }
        return out;
    }

    private static String difference(List<Row> before, List<Row> now) {
        Map<String, String> left = new LinkedHashMap<>();
        before.forEach(row -> left.put(row.id(), row.digest()));
        int added = 0;
        int changed = 0;
        for (Row row : now) {
            String digest = left.remove(row.id());
            if (digest == null) {
                added++;
            } else if (!digest.equals(row.digest())) {
                changed++;
            }
        }
        String counts = added + changed + left.size() == 0
                ? "the same " + now.size() + " problems in another order"
                : changed + " problems changed, " + added + " added, " + left.size() + " removed";
        int first = 0;
        while (first < Math.min(before.size(), now.size()) && before.get(first).equals(now.get(first))) {
            first++;
        }
        return counts + "; first difference at problem " + (first + 1) + ": was " + at(before, first) + ", is "
                + at(now, first);
    }

    private static String at(List<Row> rows, int index) {
        return index < rows.size()
                ? "'" + rows.get(index).id() + "' (content " + rows.get(index).digest() + ")"
                : "not there";
    }
}
