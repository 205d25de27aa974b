package io.foothold.policy;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.jni.IValue;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What goes through a model at once: which sequences, and the tensors that the script reads them from. */
final class MicroBatches {
    private MicroBatches() {}

    /**
     * Cuts rows into micro-batches: rows of one prompt stay together, groups of similar length meet.
     *
     * @param use places of those that are cut
     * @param most tokens of one, prompts included
     */
    static List<List<Integer>> of(List<Trainer.Sequence> sequences, List<Integer> use, int most) {
        Map<List<Integer>, List<Integer>> byPrompt = new LinkedHashMap<>();
        for (int i : use) {
            byPrompt.computeIfAbsent(
                            Arrays.stream(sequences.get(i).prompt()).boxed().toList(), k -> new ArrayList<>())
                    .add(i);
        }
        List<List<Integer>> groups = new ArrayList<>(byPrompt.values());
        groups.sort(Comparator.comparingInt(
                g -> g.stream().mapToInt(i -> sequences.get(i).length()).max().orElse(0)));
        List<List<Integer>> out = new ArrayList<>();
        List<Integer> current = new ArrayList<>();
        int tokens = 0;
        for (List<Integer> group : groups) {
            boolean first = true;
            for (int i : group) {
                Trainer.Sequence s = sequences.get(i);
                int cost = first ? s.length() : s.length() - s.prompt().length;
                if (!current.isEmpty() && tokens + cost > most) {
                    out.add(current);
                    current = new ArrayList<>();
                    tokens = 0;
                    cost = s.length();
                }
                current.add(i);
                tokens += cost;
                first = false;
            }
        }
        if (!current.isEmpty()) {
            out.add(current);
        }
        return out;
    }

    /** Some of the sequences, packed. */
    static PackedBatch packed(List<Trainer.Sequence> sequences, List<Integer> part) {
        return PackedBatch.of(part.stream().map(i -> sequences.get(i).row()).toList());
    }

    static NDList arrays(PtNDManager scope, PackedBatch b) {
        NDList out = new NDList();
        out.add(named(Transformer.longs(scope, b.ids, b.ids.length), "ids"));
        out.add(named(Transformer.longs(scope, b.positions, b.positions.length), "pos"));
        for (PackedBatch.Block k : b.blocks) {
            out.add(named(Transformer.longs(scope, k.query(), k.spans(), k.queryLength()), "query[]"));
        }
        for (PackedBatch.Block k : b.blocks) {
            out.add(named(Transformer.longs(scope, k.key(), k.spans(), k.keyLength()), "key[]"));
        }
        for (PackedBatch.Block k : b.blocks) {
            out.add(named(Transformer.longs(scope, k.before(), k.before().length), "before[]"));
        }
        out.add(named(Transformer.longs(scope, b.back, b.back.length), "back"));
        out.add(named(Transformer.longs(scope, b.source, b.source.length), "source"));
        out.add(named(Transformer.longs(scope, b.target, b.target.length), "target"));
        return out;
    }

    /** Arrays as arguments; those that share a name ending in {@code []} are one list. */
    static List<IValue> values(NDList arrays) {
        Map<String, List<PtNDArray>> byName = new LinkedHashMap<>();
        arrays.forEach(
                a -> byName.computeIfAbsent(a.getName(), n -> new ArrayList<>()).add((PtNDArray) a));
        List<IValue> out = new ArrayList<>();
        byName.forEach((name, list) -> out.add(
                name.endsWith("[]") ? IValue.listFrom(list.toArray(PtNDArray[]::new)) : IValue.from(list.get(0))));
        return out;
    }

    static void split(
            List<Integer> part, PackedBatch batch, float[] logProbs, float[] entropies, Trainer.@Nullable Score[] out) {
        for (int i = 0; i < part.size(); i++) {
            int from = batch.targetStart[i];
            int to = batch.targetStart[i + 1];
            out[part.get(i)] =
                    new Trainer.Score(Arrays.copyOfRange(logProbs, from, to), Arrays.copyOfRange(entropies, from, to));
        }
    }

    static NDArray named(NDArray array, String name) {
        array.setName(name);
        return array;
    }
}
