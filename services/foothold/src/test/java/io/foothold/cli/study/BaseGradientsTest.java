package io.foothold.cli.study;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.foothold.augmentation.dial.TwoDials;
import io.foothold.core.problem.Problem;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BaseGradientsTest {
    private static List<Problem> problems(String level, long seed) {
        return TwoDials.problems(level, 128, seed, "train", TwoDials.Oracle.OWN);
    }

    /** The signs that a laboratory found on bases of the same recipe: shared .93, turns .60, conflict −.91 and −.80 on the rare one. */
    @ParameterizedTest
    @ValueSource(strings = {"two-dials", "two-dials-rare"})
    void easyProblemsPullWithTheHardOnesOrAgainstThem(String policy) {
        Path base = Path.of(System.getProperty("foothold.root"), "services/foothold/policies", policy);
        try (BaseGradients gradients = new BaseGradients(base, TwoDials.VOCABULARY)) {
            float[] hard = gradients.of(problems("hard", 1));
            double others = BaseGradients.cosine(hard, gradients.of(problems("hard", 2)));
            double shared = BaseGradients.cosine(hard, gradients.of(problems("shared", 2)));
            double turns = BaseGradients.cosine(hard, gradients.of(problems("turns", 2)));
            double conflict = BaseGradients.cosine(hard, gradients.of(problems("conflict", 2)));
            assertThat(others).isGreaterThan(.9);
            assertThat(shared).isBetween(.6, others);
            assertThat(turns).isBetween(.2, shared);
            assertThat(conflict).isLessThan(-.6);
            assertThat(BaseGradients.cosine(hard, gradients.of(problems("hard", 1))))
                    .as("reading leaves the policy as it is")
                    .isEqualTo(1, within(1e-9));
        }
    }

    @Test
    void cosines() {
        assertThat(BaseGradients.cosine(new float[] {1, 0}, new float[] {0, 2})).isZero();
        assertThat(BaseGradients.cosine(new float[] {1, 1}, new float[] {-2, -2}))
                .isEqualTo(-1, within(1e-12));
        assertThat(BaseGradients.cosine(new float[] {3, 4}, new float[] {4, 3})).isEqualTo(.96, within(1e-12));
        assertThat(BaseGradients.cosine(new float[] {0, 0}, new float[] {4, 3})).isZero();
    }
}
