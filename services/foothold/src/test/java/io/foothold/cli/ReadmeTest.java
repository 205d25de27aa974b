package io.foothold.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.foothold.core.bandit.EstimatorTable;
import io.foothold.core.random.Seeds;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** What the README prints must be what the product computes. */
class ReadmeTest {
    private static final String BEGIN = "<!-- ./foothold verify-estimator -->\n";
    private static final String END = "<!-- end -->";

    @Test
    void theEstimatorTableIsTheOneThatTheCommandPrints() throws IOException {
        String readme = Files.readString(Path.of(System.getProperty("foothold.root"), "README.md"));
        int from = readme.indexOf(BEGIN);
        assertThat(from).as("marker in README.md").isPositive();
        String written = readme.substring(from + BEGIN.length(), readme.indexOf(END, from));
        assertThat(written)
                .isEqualTo(VerifyEstimatorCommand.table(
                        EstimatorTable.of(VerifyEstimatorCommand.TRIALS, Seeds.of(VerifyEstimatorCommand.SEED))));
    }
}
