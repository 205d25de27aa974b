package io.foothold.policy;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Rows of different lengths as one stream of tokens, without padding in the matrix products; a prompt that several rows share
 * appears once. Attention runs in two blocks: <em>whole</em> sequences (shared prompts, and rows whose prompt is their own)
 * attend causally to themselves, <em>queries</em> (the responses behind a shared prompt) attend to prompt and response.
 *
 * <p>Shapes: N tokens, G whole sequences of at most P, R queries of at most T with at most L keys, M targets.
 */
final class PackedBatch {
    /**
     * One row.
     *
     * @param prompt prompt tokens, at least one
     * @param response all response tokens, given and sampled
     * @param skipped leading response tokens that are no target (given tokens)
     */
    record Row(int[] prompt, int[] response, int skipped) {
        Row {
            if (prompt.length == 0) {
                throw new IllegalArgumentException("a row needs a prompt");
            }
            if (skipped > response.length) {
                throw new IllegalArgumentException("skipped " + skipped + " of " + response.length + " tokens");
            }
        }

        int targets() {
            return response.length - skipped;
        }

        /** Tokens that go through the model: the last one predicts nothing. */
        int inputs() {
            return prompt.length + Math.max(0, response.length - 1);
        }
    }

    private record Key(int[] prompt) {
        @Override
        public boolean equals(Object o) {
            return o instanceof Key(int[] other) && Arrays.equals(prompt, other);
        }

        @Override
        public int hashCode() {
            return Arrays.hashCode(prompt);
        }
    }

    final long[] ids;
    final long[] positions;
    final long[] whole;
    final int wholeCount;
    final int wholeLength;
    final long[] wholeBack;
    final long[] query;
    final int queryCount;
    final int queryLength;
    final long[] queryBack;
    final long[] key;
    final int keyLength;
    final long[] promptLength;
    final long[] source;
    final long[] target;
    /** First target of each row, in row order, and the end. */
    final int[] targetStart;

    private PackedBatch(
            long[] ids,
            long[] positions,
            long[] whole,
            int wholeCount,
            int wholeLength,
            long[] wholeBack,
            long[] query,
            int queryCount,
            int queryLength,
            long[] queryBack,
            long[] key,
            int keyLength,
            long[] promptLength,
            long[] source,
            long[] target,
            int[] targetStart) {
        this.ids = ids;
        this.positions = positions;
        this.whole = whole;
        this.wholeCount = wholeCount;
        this.wholeLength = wholeLength;
        this.wholeBack = wholeBack;
        this.query = query;
        this.queryCount = queryCount;
        this.queryLength = queryLength;
        this.queryBack = queryBack;
        this.key = key;
        this.keyLength = keyLength;
        this.promptLength = promptLength;
        this.source = source;
        this.target = target;
        this.targetStart = targetStart;
    }

    /** Packs rows. */
    static PackedBatch of(List<Row> rows) {
        Map<Key, List<Integer>> byPrompt = new LinkedHashMap<>();
        for (int r = 0; r < rows.size(); r++) {
            byPrompt.computeIfAbsent(new Key(rows.get(r).prompt()), k -> new ArrayList<>())
                    .add(r);
        }
        // Whole sequences first in the stream, then the responses behind shared prompts.
        List<int[]> wholes = new ArrayList<>();
        int[] base = new int[rows.size()];
        boolean[] own = new boolean[rows.size()];
        List<Integer> queries = new ArrayList<>();
        int at = 0;
        for (Map.Entry<Key, List<Integer>> entry : byPrompt.entrySet()) {
            List<Integer> members = entry.getValue();
            if (members.size() == 1) {
                int r = members.get(0);
                Row row = rows.get(r);
                int[] sequence = Arrays.copyOf(row.prompt(), row.inputs());
                System.arraycopy(row.response(), 0, sequence, row.prompt().length, row.inputs() - row.prompt().length);
                wholes.add(sequence);
                own[r] = true;
                base[r] = at;
                at += sequence.length;
            } else {
                wholes.add(entry.getKey().prompt());
                for (int r : members) {
                    base[r] = at;
                    if (rows.get(r).response().length > 1) {
                        queries.add(r);
                    }
                }
                at += entry.getKey().prompt().length;
            }
        }
        int wholeTokens = at;
        int[] responseBase = new int[rows.size()];
        for (int r : queries) {
            responseBase[r] = at;
            at += rows.get(r).response().length - 1;
        }
        long[] ids = new long[at];
        long[] positions = new long[at];
        int wholeLength = wholes.stream().mapToInt(w -> w.length).max().orElse(1);
        long[] whole = new long[wholes.size() * wholeLength];
        long[] wholeBack = new long[wholeTokens];
        int p = 0;
        for (int g = 0; g < wholes.size(); g++) {
            int[] sequence = wholes.get(g);
            for (int i = 0; i < sequence.length; i++, p++) {
                ids[p] = sequence[i];
                positions[p] = i;
                whole[g * wholeLength + i] = p;
                wholeBack[p] = (long) g * wholeLength + i;
            }
        }
        int queryLength = 1;
        int keyLength = 1;
        for (int r : queries) {
            queryLength = Math.max(queryLength, rows.get(r).response().length - 1);
            keyLength = Math.max(keyLength, rows.get(r).inputs());
        }
        long[] query = new long[queries.size() * queryLength];
        long[] key = new long[queries.size() * keyLength];
        long[] queryBack = new long[at - wholeTokens];
        long[] promptLength = new long[queries.size()];
        for (int q = 0; q < queries.size(); q++) {
            int r = queries.get(q);
            Row row = rows.get(r);
            int n = row.prompt().length;
            promptLength[q] = n;
            for (int i = 0; i < n; i++) {
                key[q * keyLength + i] = base[r] + i;
            }
            for (int i = 0; i < row.response().length - 1; i++, p++) {
                ids[p] = row.response()[i];
                positions[p] = n + i;
                query[q * queryLength + i] = p;
                key[q * keyLength + n + i] = p;
                queryBack[p - wholeTokens] = (long) q * queryLength + i;
            }
        }
        int targets = rows.stream().mapToInt(Row::targets).sum();
        long[] source = new long[targets];
        long[] target = new long[targets];
        int[] targetStart = new int[rows.size() + 1];
        int m = 0;
        for (int r = 0; r < rows.size(); r++) {
            targetStart[r] = m;
            Row row = rows.get(r);
            int n = row.prompt().length;
            for (int i = row.skipped(); i < row.response().length; i++, m++) {
                target[m] = row.response()[i];
                source[m] = own[r] || i == 0 ? base[r] + n + i - 1 : responseBase[r] + i - 1;
            }
        }
        targetStart[rows.size()] = m;
        return new PackedBatch(
                ids,
                positions,
                whole,
                wholes.size(),
                wholeLength,
                wholeBack,
                query,
                queries.size(),
                queryLength,
                queryBack,
                key,
                keyLength,
                promptLength,
                source,
                target,
                targetStart);
    }
}
