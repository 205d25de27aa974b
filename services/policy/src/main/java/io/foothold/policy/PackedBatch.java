package io.foothold.policy;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Rows of different lengths as one stream of tokens, without padding in the matrix products; a prompt that several rows share
 * appears once. Attention runs in blocks of spans of similar length. A span is a whole sequence (a shared prompt, or a row
 * whose prompt is its own), which attends to itself, or the response behind a shared prompt, which attends to both.
 */
final class PackedBatch {
    /** A block ends before a span that is shorter than this share of the block's longest, once it has some spans. */
    private static final double SIMILAR = 0.75;

    private static final int FEWEST_SPANS = 8;

    /**
     * One row.
     *
     * @param prompt prompt tokens, at least one
     * @param response all response tokens, given and sampled
     * @param skipped leading response tokens that are no target (given tokens)
     * @param labels what is predicted in the place of each other response token, −1 for nothing; empty for the token itself
     */
    record Row(int[] prompt, int[] response, int skipped, int[] labels) {
        Row {
            if (prompt.length == 0) {
                throw new IllegalArgumentException("a row needs a prompt");
            }
            if (skipped > response.length) {
                throw new IllegalArgumentException("skipped " + skipped + " of " + response.length + " tokens");
            }
            if (labels.length != 0 && labels.length != response.length - skipped) {
                throw new IllegalArgumentException(
                        labels.length + " labels for " + (response.length - skipped) + " tokens");
            }
        }

        int targets() {
            return labels.length == 0
                    ? response.length - skipped
                    : (int) Arrays.stream(labels).filter(l -> l >= 0).count();
        }

        /** What is predicted in the place of a response token; negative for nothing. */
        int label(int i) {
            return labels.length == 0 ? response[i] : labels[i - skipped];
        }

        /** Response tokens that go through the model: the last one predicts nothing. */
        int[] inputResponse() {
            return Arrays.copyOf(response, Math.max(0, response.length - 1));
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

    /**
     * Spans that attend together, padded to the longest.
     *
     * @param spans how many
     * @param query places in the stream, [spans, queryLength], padded with 0
     * @param queryLength tokens of the longest span
     * @param key places in the stream, [spans, keyLength], padded with 0
     * @param keyLength keys of the longest span
     * @param before keys in front of the first query of each span; one entry when it is 0 for all
     */
    record Block(int spans, long[] query, int queryLength, long[] key, int keyLength, long[] before) {}

    /** Queries are the places from..to of the stream; keys are those of a prompt elsewhere, then the same. */
    private record Span(int promptFrom, int promptLength, int from, int length) {
        int keys() {
            return promptLength + length;
        }
    }

    final long[] ids;
    final long[] positions;
    final List<Block> blocks;
    /** Where the output of each token of the stream lies among the blocks' padded outputs. */
    final long[] back;

    final long[] source;
    final long[] target;
    /** First target of each row, in row order, and the end. */
    final int[] targetStart;

    private PackedBatch(
            long[] ids,
            long[] positions,
            List<Block> blocks,
            long[] back,
            long[] source,
            long[] target,
            int[] targetStart) {
        this.ids = ids;
        this.positions = positions;
        this.blocks = blocks;
        this.back = back;
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
        Stream stream = new Stream();
        // Where prompt and response of each row begin in the stream.
        int[] prompt = new int[rows.size()];
        int[] response = new int[rows.size()];
        for (List<Integer> members : byPrompt.values()) {
            int from = stream.add(rows.get(members.get(0)).prompt(), 0);
            int length = stream.size - from;
            if (members.size() == 1) {
                Row row = rows.get(members.get(0));
                response[members.get(0)] = stream.add(row.inputResponse(), length);
                prompt[members.get(0)] = from;
                stream.spans.add(new Span(from, 0, from, stream.size - from));
                continue;
            }
            stream.spans.add(new Span(from, 0, from, length));
            for (int r : members) {
                prompt[r] = from;
                int at = stream.add(rows.get(r).inputResponse(), length);
                response[r] = at;
                if (stream.size > at) {
                    stream.spans.add(new Span(from, length, at, stream.size - at));
                }
            }
        }
        long[] back = new long[stream.size];
        List<Block> blocks = blocks(stream.spans, back);
        int targets = rows.stream().mapToInt(Row::targets).sum();
        long[] source = new long[targets];
        long[] target = new long[targets];
        int[] targetStart = new int[rows.size() + 1];
        int m = 0;
        for (int r = 0; r < rows.size(); r++) {
            targetStart[r] = m;
            Row row = rows.get(r);
            for (int i = row.skipped(); i < row.response().length; i++) {
                int label = row.label(i);
                if (label >= 0) {
                    target[m] = label;
                    source[m++] = i == 0 ? prompt[r] + row.prompt().length - 1 : response[r] + i - 1;
                }
            }
        }
        targetStart[rows.size()] = m;
        return new PackedBatch(
                Arrays.copyOf(stream.ids, stream.size),
                Arrays.copyOf(stream.positions, stream.size),
                blocks,
                back,
                source,
                target,
                targetStart);
    }

    /** Longest spans first; whole sequences and responses apart. */
    private static List<Block> blocks(List<Span> spans, long[] back) {
        List<Span> sorted = spans.stream()
                .sorted(Comparator.comparing((Span s) -> s.promptLength() > 0)
                        .thenComparing(s -> -s.length())
                        .thenComparing(Span::from))
                .toList();
        List<Block> out = new ArrayList<>();
        int offset = 0;
        for (int from = 0, to; from < sorted.size(); from = to) {
            Span longest = sorted.get(from);
            to = from + 1;
            while (to < sorted.size()
                    && (sorted.get(to).promptLength() > 0) == (longest.promptLength() > 0)
                    && (to - from < FEWEST_SPANS || sorted.get(to).length() >= SIMILAR * longest.length())) {
                to++;
            }
            Block block = block(sorted.subList(from, to), back, offset);
            offset += block.query().length;
            out.add(block);
        }
        return out;
    }

    private static Block block(List<Span> spans, long[] back, int offset) {
        int queries = spans.stream().mapToInt(Span::length).max().orElseThrow();
        int keys = spans.stream().mapToInt(Span::keys).max().orElseThrow();
        long[] query = new long[spans.size() * queries];
        long[] key = new long[spans.size() * keys];
        long[] before = new long[spans.get(0).promptLength() == 0 ? 1 : spans.size()];
        for (int i = 0; i < spans.size(); i++) {
            Span s = spans.get(i);
            before[i % before.length] = s.promptLength();
            for (int t = 0; t < s.promptLength(); t++) {
                key[i * keys + t] = s.promptFrom() + t;
            }
            for (int t = 0; t < s.length(); t++) {
                query[i * queries + t] = s.from() + t;
                key[i * keys + s.promptLength() + t] = s.from() + t;
                back[s.from() + t] = offset + (long) i * queries + t;
            }
        }
        return new Block(spans.size(), query, queries, key, keys, before);
    }

    private static final class Stream {
        private long[] ids = new long[1024];
        private long[] positions = new long[1024];
        private int size;
        private final List<Span> spans = new ArrayList<>();

        /** Appends tokens; gives the place of the first. */
        int add(int[] tokens, int position) {
            int from = size;
            if (size + tokens.length > ids.length) {
                ids = Arrays.copyOf(ids, 2 * (size + tokens.length));
                positions = Arrays.copyOf(positions, ids.length);
            }
            for (int i = 0; i < tokens.length; i++, size++) {
                ids[size] = tokens[i];
                positions[size] = position + i;
            }
            return from;
        }
    }
}
