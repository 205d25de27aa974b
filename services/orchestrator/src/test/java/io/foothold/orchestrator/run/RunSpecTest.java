package io.foothold.orchestrator.run;

import static org.assertj.core.api.Assertions.assertThat;

import io.foothold.core.search.PrefixSearch;
import io.foothold.orchestrator.rollout.Sampling;
import io.foothold.orchestrator.runfile.RunFile;
import java.util.List;
import org.junit.jupiter.api.Test;

class RunSpecTest {
    private static final String FILE = """
            method: pope-dial
            policy: {base: p}
            problems:
              train: {jsonl: 'a: b.jsonl'}
              evaluate: {e: {jsonl: "tab\\there.jsonl"}}
            prompts:
              root: '{problem} $x \\neq y$, \\nabla [^\\n]'
              guided: "{problem}\\r\\n\\\\neq {prefix} "
              thought_delimiter: ";\\n"
              chat: true
              system: "# é 𝔸 \\"quoted\\" "
              chat_options: 'a=\\nu, b=c: d'
            optimizer: {learning_rate: 3.0e-07}
            """;

    @Test
    void aResumedRunAsksForWhatTheRunAskedFor() {
        RunFile file = RunFile.resolve("r.yaml", FILE, List.of());
        RunSpec first = new RunSpec("r", file);
        RunSpec resumed = new RunSpec("r", RunFile.restore(file.stored()));
        assertThat(resumed.prompts()).isEqualTo(first.prompts());
        assertThat(resumed.prompts().root()).isEqualTo("{problem} $x \\neq y$, \\nabla [^\\n]");
        assertThat(resumed.prompts().guided()).isEqualTo("{problem}\r\n\\neq {prefix} ");
        assertThat(resumed.trainSource()).isEqualTo(first.trainSource());
        assertThat(resumed.trainSampling()).isEqualTo(first.trainSampling());
        assertThat(resumed.draw(3, 1, "x")).isEqualTo(first.draw(3, 1, "x"));
        assertThat(resumed.source("problems.evaluate.e").set().jsonl()).isEqualTo("tab\there.jsonl");
        assertThat(resumed.search(List.of("x"))).isEqualTo(first.search(List.of("x")));
    }

    @Test
    void whatIsTakenWhereNoPrefixWorksGoesToTheSearch() {
        RunSpec plain = new RunSpec("r", RunFile.resolve("r.yaml", FILE, List.of()));
        assertThat(plain.search(List.of()).settings().fallback()).isEqualTo(PrefixSearch.Fallback.SHORT);
        RunSpec longest = new RunSpec("r", RunFile.resolve("r.yaml", FILE, List.of("prefix_search.fallback=longest")));
        assertThat(longest.search(List.of()).settings().fallback()).isEqualTo(PrefixSearch.Fallback.LONGEST);
    }

    @Test
    void evaluationHasItsOwnSampling() {
        RunSpec plain = new RunSpec("r", RunFile.resolve("r.yaml", FILE, List.of("sampling.temperature=0.6")));
        assertThat(plain.evaluationSampling()).isEqualTo(plain.trainSampling());
        RunSpec own = new RunSpec(
                "r",
                RunFile.resolve(
                        "r.yaml",
                        FILE,
                        List.of(
                                "evaluation.sampling.temperature=0.5",
                                "evaluation.sampling.top_p=0.95",
                                "evaluation.sampling.top_k=50",
                                "evaluation.sampling.max_tokens=100")));
        assertThat(own.evaluationSampling())
                .isEqualTo(new Sampling(
                        0.5,
                        0.95,
                        50,
                        100,
                        own.trainSampling().thoughts(),
                        List.of(),
                        own.trainSampling().chat()));
    }
}
