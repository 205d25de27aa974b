package io.foothold.cli.study;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.foothold.augmentation.dial.Dial;
import io.foothold.augmentation.dial.PieceVocabulary;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.loss.CreditPlan;
import io.foothold.core.loss.LossRule;
import io.foothold.core.problem.Problem;
import io.foothold.policy.NativeRuntime;
import io.foothold.policy.PolicyDirectory;
import io.foothold.policy.PolicyWeights;
import io.foothold.policy.Precision;
import io.foothold.policy.Trainer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Directions in which a base policy learns: the gradient of the mean probability of a problem set's own-style solutions from the unguided
 * prompt, Σ p ∇ log p. Two sets whose gradients point the same way help each other from the first update on; against each other is what
 * the paper on POPE calls ray interference. Exact up to correct texts in another style.
 *
 * <p>Owned by the thread that made it.
 */
final class BaseGradients implements AutoCloseable {
    private static final LossRule RULE = LossRule.policyGradient(LossRule.Aggregation.SEQUENCE_SUM);
    private static final int MICRO_BATCH_TOKENS = 1 << 14;
    /** A first moment without memory is the gradient of the last step, and a learning rate of 0 leaves the policy as it is. */
    private static final Trainer.AdamW READING = new Trainer.AdamW(0, 0, 0.95, 1e-8, 0, 0);

    private final PieceVocabulary vocabulary;
    private final Trainer trainer;

    /**
     * Gradients of a policy.
     *
     * @param policy its directory
     * @param vocabulary its tokens
     */
    BaseGradients(Path policy, PieceVocabulary vocabulary) {
        NativeRuntime.enterThread();
        this.vocabulary = vocabulary;
        try (PolicyWeights weights = PolicyDirectory.open(policy).weights()) {
            this.trainer = new Trainer(weights, MICRO_BATCH_TOKENS, Precision.FAST);
        }
    }

    /** The gradient of a set, float32, one number a weight in a fixed order, up to a positive factor. */
    float[] of(List<Problem> problems) {
        List<Trainer.Sequence> sequences = problems.stream().map(this::sequence).toList();
        double[] logs = trainer.score(sequences, 1).stream()
                .mapToDouble(s -> IntStream.range(0, s.logProbs().length)
                        .mapToDouble(t -> s.logProbs()[t])
                        .sum())
                .toArray();
        // Relative to the likeliest: only the direction counts, and products of probabilities are small numbers.
        double largest = java.util.Arrays.stream(logs).max().orElseThrow();
        List<CreditPlan.Member> members = new ArrayList<>();
        for (int i = 0; i < sequences.size(); i++) {
            Trainer.Sequence s = sequences.get(i);
            members.add(new CreditPlan.Member(s.prompt().length, 0, s.sampled().length, Math.exp(logs[i] - largest)));
        }
        trainer.accumulate(sequences, CreditPlan.of(RULE, members), RULE, 1);
        trainer.step(READING);
        return firstMoments();
    }

    private Trainer.Sequence sequence(Problem p) {
        int[] prompt = vocabulary.encode(Dial.ROOT_TEMPLATE.replace("{problem}", p.statement()));
        int[] solution = vocabulary.encode(String.join("", p.oracleThoughts()) + p.answer());
        return new Trainer.Sequence(prompt, new int[0], solution, new float[solution.length]);
    }

    /** The tensors called m.NAME of the optimizer's safetensors, in the order of the file. */
    private float[] firstMoments() {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try {
            trainer.moments().writeTo(bytes::write);
            ByteBuffer file = ByteBuffer.wrap(bytes.toByteArray()).order(ByteOrder.LITTLE_ENDIAN);
            byte[] header = new byte[(int) file.getLong()];
            file.get(header);
            int data = file.position();
            List<float[]> parts = new ArrayList<>();
            JsonNode tensors = new ObjectMapper().readTree(new String(header, StandardCharsets.UTF_8));
            tensors.properties().forEach(tensor -> {
                if (tensor.getKey().startsWith("m.")) {
                    JsonNode offsets = tensor.getValue().path("data_offsets");
                    int from = data + offsets.path(0).asInt();
                    float[] part = new float[(data + offsets.path(1).asInt() - from) / Float.BYTES];
                    file.slice(from, part.length * Float.BYTES)
                            .order(ByteOrder.LITTLE_ENDIAN)
                            .asFloatBuffer()
                            .get(part);
                    parts.add(part);
                }
            });
            float[] out = new float[parts.stream().mapToInt(p -> p.length).sum()];
            int at = 0;
            for (float[] part : parts) {
                System.arraycopy(part, 0, out, at, part.length);
                at += part.length;
            }
            return out;
        } catch (IOException e) {
            throw new FootholdException(ErrorCode.INTERNAL, "moments that we wrote cannot be read", e);
        }
    }

    /** The cosine of the angle between two gradients; 0 where one of them is 0. */
    static double cosine(float[] a, float[] b) {
        double product = 0;
        double first = 0;
        double second = 0;
        for (int i = 0; i < a.length; i++) {
            product += (double) a[i] * b[i];
            first += (double) a[i] * a[i];
            second += (double) b[i] * b[i];
        }
        return first == 0 || second == 0 ? 0 : product / Math.sqrt(first * second);
    }

    @Override
    public void close() {
        trainer.close();
    }
}
