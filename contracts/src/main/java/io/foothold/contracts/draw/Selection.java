package io.foothold.contracts.draw;

import io.foothold.v1.SelectProblemsRequest;
import io.foothold.v1.SelectedProblem;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * The problems that a run may draw, with the prefixes that were searched for them. It is handed over once, in chunks, and named by its
 * digest in every draw: with the ids of a large set in them, the messages of each draw would be as large as the set.
 *
 * <p>Immutable.
 */
public final class Selection {
    /** Problems of one chunk: with ids of usual lengths a few ten KiB. */
    static final int CHUNK = 1000;

    private final List<String> problemIds;
    private final Map<String, Integer> prefixes;
    private final String digest;

    /**
     * A selection.
     *
     * @param problemIds in their order, which draws depend on
     * @param prefixes lengths in thoughts by problem; those of other problems are left out
     */
    public Selection(List<String> problemIds, Map<String, Integer> prefixes) {
        this.problemIds = List.copyOf(problemIds);
        Map<String, Integer> own = new LinkedHashMap<>();
        for (String id : this.problemIds) {
            Integer prefix = prefixes.get(id);
            if (prefix != null) {
                own.put(id, prefix);
            }
        }
        this.prefixes = Collections.unmodifiableMap(own);
        this.digest = digest(this.problemIds, this.prefixes);
    }

    /** In their order. */
    public List<String> problemIds() {
        return problemIds;
    }

    /** Lengths in thoughts, of the problems that have one. */
    public Map<String, Integer> prefixes() {
        return prefixes;
    }

    /** SHA-256 over ids and prefixes in their order, hexadecimal. */
    public String digest() {
        return digest;
    }

    private static String digest(List<String> ids, Map<String, Integer> prefixes) {
        MessageDigest sha;
        try {
            sha = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
        for (String id : ids) {
            byte[] bytes = id.getBytes(StandardCharsets.UTF_8);
            // Its length before an id, so that no two lists give the same bytes.
            String prefix = prefixes.containsKey(id) ? Objects.toString(prefixes.get(id)) : "-";
            sha.update((bytes.length + ":" + prefix + ":").getBytes(StandardCharsets.UTF_8));
            sha.update(bytes);
        }
        return HexFormat.of().formatHex(sha.digest());
    }

    /** The selection in messages; at least one. */
    public List<SelectProblemsRequest> chunks() {
        List<SelectProblemsRequest> out = new ArrayList<>();
        for (int from = 0; from == 0 || from < problemIds.size(); from += CHUNK) {
            SelectProblemsRequest.Builder chunk = SelectProblemsRequest.newBuilder();
            for (String id : problemIds.subList(from, Math.min(from + CHUNK, problemIds.size()))) {
                SelectedProblem.Builder problem = SelectedProblem.newBuilder().setProblemId(id);
                Integer prefix = prefixes.get(id);
                if (prefix != null) {
                    problem.setPrefixThoughts(prefix);
                }
                chunk.addProblems(problem);
            }
            out.add(chunk.build());
        }
        return out;
    }

    /** Puts a selection together again. */
    public static Selection of(List<SelectProblemsRequest> chunks) {
        List<String> ids = new ArrayList<>();
        Map<String, Integer> prefixes = new LinkedHashMap<>();
        for (SelectProblemsRequest chunk : chunks) {
            for (SelectedProblem problem : chunk.getProblemsList()) {
                ids.add(problem.getProblemId());
                if (problem.hasPrefixThoughts()) {
                    prefixes.put(problem.getProblemId(), problem.getPrefixThoughts());
                }
            }
        }
        return new Selection(ids, prefixes);
    }
}
