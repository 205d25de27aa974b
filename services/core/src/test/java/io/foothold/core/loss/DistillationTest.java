package io.foothold.core.loss;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

/** What a policy that is shown a solution teaches the one that is not. */
class DistillationTest {
    private static final double[] TEACHER = {.7, .2, .1};

    private static double[] softmax(double[] logits) {
        double[] out = new double[logits.length];
        double sum = 0;
        for (int v = 0; v < out.length; v++) {
            out[v] = Math.exp(logits[v]);
            sum += out[v];
        }
        for (int v = 0; v < out.length; v++) {
            out[v] /= sum;
        }
        return out;
    }

    private static double kl(double[] logits) {
        double[] p = softmax(logits);
        double out = 0;
        for (int v = 0; v < p.length; v++) {
            out += p[v] * Math.log(p[v] / TEACHER[v]);
        }
        return out;
    }

    /** A vocabulary of three, enumerated: the mean of credit times score is the downhill gradient of KL, by differences of it. */
    @Test
    void itsExpectationIsTheGradientOfTheReverseKl() {
        double[] logits = {.3, -.5, 1.1};
        double[] p = softmax(logits);
        Distillation rule = new Distillation(1, 0);
        double[] gradient = new double[3];
        for (int drawn = 0; drawn < 3; drawn++) {
            float[] teacher = {(float) Math.log(TEACHER[drawn])};
            float[] student = {(float) Math.log(p[drawn])};
            double credit = rule.credits(5, teacher, student)[0];
            for (int v = 0; v < 3; v++) {
                gradient[v] += p[drawn] * credit * ((v == drawn ? 1 : 0) - p[v]);
            }
        }
        for (int v = 0; v < 3; v++) {
            double[] up = logits.clone();
            double[] down = logits.clone();
            up[v] += 1e-5;
            down[v] -= 1e-5;
            assertThat(gradient[v]).isEqualTo(-(kl(up) - kl(down)) / 2e-5, within(1e-6));
        }
    }

    @Test
    void rewardsCountBesideIt() {
        assertThat(new Distillation(2, .5).credits(-3, new float[] {-1, -2}, new float[] {-1.5f, -1}))
                .containsExactly(-1.5 + 2 * .5, -1.5 - 2);
        assertThat(Distillation.NONE.credits(.25, new float[] {-9}, new float[] {-1}))
                .containsExactly(.25);
    }

    @Test
    void whatDoesNotFitIsRefused() {
        assertThatThrownBy(() -> new Distillation(-1, 1)).hasMessageContaining("negative");
        assertThatThrownBy(() -> new Distillation(Double.NaN, 1)).hasMessageContaining("negative");
        assertThatThrownBy(() -> new Distillation(1, 1).credits(0, new float[2], new float[1]))
                .hasMessageContaining("2 log-probs of the teacher, 1 of the student");
    }
}
