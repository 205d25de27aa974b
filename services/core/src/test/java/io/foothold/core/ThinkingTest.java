package io.foothold.core;

import static org.assertj.core.api.Assertions.assertThat;

import io.foothold.core.verdict.Thinking;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ThinkingTest {
    @ParameterizedTest
    @ValueSource(
            strings = {
                "<think>",
                "<|im_start|>user\n2+2?<|im_end|>\n<|im_start|>assistant\n<think>\n",
                "<\uff5cUser\uff5c>2+2?<\uff5cAssistant\uff5c><think>\n",
                "Think between <think> and </think>.\n2+2?\n<think> ",
                "<|im_start|>assistant\n<think>\nOkay, so",
                "[INST]2+2?[/INST]<think>First,",
                "<|im_start|>assistant\n<think>no</think>7<|im_end|>\n<|im_start|>assistant\n<think>\n\n",
            })
    void aPromptMayEndInsideAThought(String prompt) {
        assertThat(Thinking.opensAtTheEndOf(prompt)).isTrue();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "2+2?",
                "<|im_start|>assistant\n<think>\n\n</think>\n\n",
                "Think between <think> tags, then answer. 2+2?",
                "Begin with <think>.<|im_end|>\n<|im_start|>assistant\n",
                "<|im_start|>assistant\n<think>\nof an earlier turn<|im_end|>\n<|im_start|>user\nAgain.<|im_end|>\n<|im_start|>assistant\n",
                "<think>\nof an earlier turn</s>[INST]Again.[/INST]",
                "Human: say <think>\nAssistant:",
            })
    void aTagThatIsClosedSpokenOfOrOfAnotherTurnOpensNothing(String prompt) {
        assertThat(Thinking.opensAtTheEndOf(prompt)).isFalse();
    }
}
