package io.foothold.policy;

import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;

/**
 * Low-rank adapters (Hu et al., arXiv 2106.09685): a target matrix W [out, in] acts as W + α/r · B·A with A [r, in] and B [out, r],
 * of which A and B are trained and W is not.
 *
 * @param rank r
 * @param alpha α
 * @param targets names of the projections, such as {@code q_proj}; sorted as {@link #ALL}, others behind it by name; empty for every
 *     linear layer but the head, whatever a family calls them
 * @param rankStabilised whether the scale is α/√r (Kalajdzievski, arXiv 2312.03732) instead of α/r
 */
public record Lora(int rank, double alpha, List<String> targets, boolean rankStabilised) {
    /** Every linear layer but the head of the models that the embedded transformer computes. */
    public static final List<String> ALL =
            List.of("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj");

    /** Checks ranges; sorts the targets. */
    public Lora {
        if (rank < 1 || !(alpha > 0)) {
            throw new PolicyException(String.format(
                    Locale.ROOT,
                    "LoRA needs a rank of 1 or more and an alpha above 0: rank %d, alpha %s",
                    rank,
                    alpha));
        }
        targets = targets.stream()
                .distinct()
                .sorted(Comparator.comparingInt((String t) -> ALL.contains(t) ? ALL.indexOf(t) : ALL.size())
                        .thenComparing(Comparator.naturalOrder()))
                .toList();
    }

    /**
     * The same for a model that the embedded transformer computes: no targets become all of its own.
     *
     * @throws PolicyException for a target that it does not have
     */
    public Lora embedded() {
        for (String t : targets) {
            if (!ALL.contains(t)) {
                throw new PolicyException("LoRA target '" + t + "' is not known (expected some of " + ALL + ")");
            }
        }
        return targets.isEmpty() ? new Lora(rank, alpha, ALL, rankStabilised) : this;
    }

    /** Adapters with the usual scale. */
    public Lora(int rank, double alpha, List<String> targets) {
        this(rank, alpha, targets, false);
    }

    /** What B·A is multiplied by. */
    public double scale() {
        return alpha / (rankStabilised ? Math.sqrt(rank) : rank);
    }

    /**
     * Where an adapter stands.
     *
     * @param part the matrix it changes
     * @param slot the script's weight that holds the matrix
     * @param row its first row there
     */
    record Place(WeightLayout.Part part, int slot, int row) {
        /** The module's name in Hugging Face's model. */
        String module() {
            return part.name().substring(0, part.name().length() - ".weight".length());
        }
    }

    /** The adapters of a model, in the order of its weights. */
    List<Place> places(ModelConfig config) {
        List<Place> out = new ArrayList<>();
        List<WeightLayout.Slot> slots = WeightLayout.of(config).slots();
        for (int s = 0; s < slots.size(); s++) {
            int row = 0;
            for (WeightLayout.Part part : slots.get(s).parts()) {
                if (part.columns() > 0
                        && targets.stream().anyMatch(t -> part.name().endsWith("." + t + ".weight"))) {
                    out.add(new Place(part, s, row));
                }
                row += part.rows();
            }
        }
        return List.copyOf(out);
    }

    /** Shapes of what is trained: A and B of each place in turn. */
    List<long[]> shapes(ModelConfig config) {
        List<long[]> out = new ArrayList<>();
        for (Place p : places(config)) {
            out.add(new long[] {rank, p.part().columns()});
            out.add(new long[] {p.part().rows(), rank});
        }
        return out;
    }

    /** Which of a layer's adapters each of {@link #ALL} is, −1 for none, int64 [7]. */
    PtNDArray orderArray(PtNDManager scope) {
        long[] order = ALL.stream().mapToLong(targets::indexOf).toArray();
        return Transformer.longs(scope, order, order.length);
    }

    /** How many numbers are trained. */
    public long parameters(ModelConfig config) {
        return shapes(config).stream().mapToLong(s -> s[0] * s[1]).sum();
    }

    /** Names of what is trained, in the same order. */
    List<String> names(ModelConfig config) {
        List<String> out = new ArrayList<>();
        for (Place p : places(config)) {
            out.add(p.module() + ".lora_A.weight");
            out.add(p.module() + ".lora_B.weight");
        }
        return out;
    }
}
