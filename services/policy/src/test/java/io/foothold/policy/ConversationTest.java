package io.foothold.policy;

import static org.assertj.core.api.Assertions.assertThat;

import io.foothold.policy.chat.ChatTemplate;
import io.foothold.policy.chat.Conversation;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ConversationTest {
    @TempDir
    Path directory;

    private ChatTemplate template;

    @BeforeEach
    void template() throws IOException {
        Files.writeString(
                directory.resolve("chat_template.jinja"),
                "{% for m in messages %}{{ m.role }}<{{ m.content }}>{% endfor %}"
                        + "{% if add_generation_prompt %}assistant<{% endif %}{% if loud %}!{% endif %}");
        Files.writeString(directory.resolve("tokenizer_config.json"), "{}");
        template = ChatTemplate.read(directory).orElseThrow();
    }

    private static Conversation of(String system, List<Conversation.Turn> turns, String separator) {
        return new Conversation(system, turns, Map.of(), separator);
    }

    @Test
    void earlierTurnsStandBetweenTheSystemMessageAndTheUsers() {
        List<Conversation.Turn> turns = List.of(new Conversation.Turn("1+1", "2"), new Conversation.Turn("2+2", "4"));
        assertThat(of("be brief", turns, "").render(template, "3+3"))
                .isEqualTo("system<be brief>user<1+1>assistant<2>user<2+2>assistant<4>user<3+3>assistant<");
        assertThat(of("", turns.subList(0, 1), "").render(template, "3+3"))
                .isEqualTo("user<1+1>assistant<2>user<3+3>assistant<");
        assertThat(of("", List.of(), "").render(template, "3+3")).isEqualTo("user<3+3>assistant<");
    }

    @Test
    void whatStandsBehindTheSeparatorOpensTheAnswer() {
        assertThat(of("", List.of(), "|").render(template, "3+3|3 + 3 = ")).isEqualTo("user<3+3>assistant<3 + 3 = ");
        assertThat(of("", List.of(), "|").render(template, "3+3|a|b"))
                .as("the first one separates")
                .isEqualTo("user<3+3>assistant<a|b");
        assertThat(of("", List.of(), "|").render(template, "3+3")).isEqualTo("user<3+3>assistant<");
        assertThat(of("", List.of(), "").render(template, "3+3|x")).isEqualTo("user<3+3|x>assistant<");
    }

    @Test
    void variablesReachTheTemplateAlsoThoseThatAreNull() {
        assertThat(new Conversation("", List.of(), Map.of("loud", true), "").render(template, "a"))
                .isEqualTo("user<a>assistant<!");
        assertThat(new Conversation("", List.of(), Collections.singletonMap("loud", null), "").render(template, "a"))
                .isEqualTo("user<a>assistant<");
    }
}
