package io.foothold.policy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.foothold.policy.chat.ChatTemplate;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Templates of our own against what transformers renders; {@code chat/make.py} asks it. */
class ChatTemplateTest {
    private static final ObjectMapper MAPPER = new ObjectMapper();

    @TempDir
    Path directory;

    private static Path resource(String name) {
        return Path.of(System.getProperty("foothold.root"), "services/policy/src/test/resources/chat", name);
    }

    static Stream<JsonNode> rendered() throws IOException {
        return StreamSupport.stream(
                MAPPER.readTree(resource("expected.json").toFile()).spliterator(), false);
    }

    private ChatTemplate template(String text) throws IOException {
        Files.writeString(directory.resolve("chat_template.jinja"), text);
        Files.writeString(
                directory.resolve("tokenizer_config.json"),
                "{\"bos_token\": {\"content\": \"<bos>\", \"special\": true}, \"eos_token\": \"<eos>\", \"pad_token\": null}");
        return ChatTemplate.read(directory).orElseThrow();
    }

    private static List<ChatTemplate.Message> messages(JsonNode list) {
        List<ChatTemplate.Message> out = new ArrayList<>();
        list.forEach(m -> out.add(new ChatTemplate.Message(
                m.path("role").asText(), m.path("content").asText())));
        return out;
    }

    @ParameterizedTest
    @MethodSource("rendered")
    void promptsAreThoseOfTransformers(JsonNode expected) throws IOException {
        ChatTemplate template =
                template(Files.readString(resource(expected.path("template").asText())));
        List<ChatTemplate.Message> messages = messages(expected.path("messages"));
        Map<String, Object> options =
                MAPPER.convertValue(expected.path("options"), new TypeReference<Map<String, Object>>() {});
        boolean generation = expected.path("generation").asBoolean();
        if (expected.path("text").isNull()) {
            assertThatThrownBy(() -> template.render(messages, generation, options))
                    .hasMessageContaining("the chat template refuses the conversation");
        } else {
            assertThat(template.render(messages, generation, options))
                    .isEqualTo(expected.path("text").asText());
        }
    }

    @Test
    void templatesLieInTheTokenizersConfigurationToo() throws IOException {
        Path file = directory.resolve("tokenizer_config.json");
        List<ChatTemplate.Message> hi = List.of(new ChatTemplate.Message("user", "hi"));
        Files.writeString(
                file, "{\"chat_template\": \"{{ messages[0].content }}{{ eos_token }}\", \"eos_token\": \"!\"}");
        assertThat(ChatTemplate.read(directory).orElseThrow().render(hi, true, Map.of()))
                .isEqualTo("hi!");
        Files.writeString(
                file,
                "{\"chat_template\": [{\"name\": \"rag\", \"template\": \"r\"}, {\"name\": \"default\", \"template\": \"d\"}]}");
        assertThat(ChatTemplate.read(directory).orElseThrow().render(hi, true, Map.of()))
                .isEqualTo("d");
        Files.writeString(file, "{\"chat_template\": [{\"name\": \"rag\", \"template\": \"r\"}]}");
        assertThatThrownBy(() -> ChatTemplate.read(directory))
                .hasMessageContaining("none of the chat templates [rag] is called default");
        Files.writeString(file, "{}");
        assertThat(ChatTemplate.read(directory)).isEmpty();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '@',
            value = {
                "{% filter upper %}x{% endfilter %} @ a filter block",
                "{% for m in messages recursive %}{% endfor %} @ a recursive loop",
                "{% for m in messages %}{{ loop.changed(m) }}{% endfor %} @ loop.changed",
                "{% include 'x' %} @ an import or include",
                "{% for m in messages %} @ tokenizer",
                "{{ messages | nofilter }} @ nofilter",
                "{{ nofunction() }} @ nofunction",
                "{{ messages | tojson(indent=2) }} @ tojson with arguments",
            })
    void whatCannotBeRenderedIsRefusedByName(String text, String why) throws IOException {
        assertThatThrownBy(() ->
                        template(text.strip()).render(List.of(new ChatTemplate.Message("user", "hi")), true, Map.of()))
                .isInstanceOf(PolicyException.class)
                .hasMessageContaining(why.equals("tokenizer") ? "chat_template.jinja" : why);
    }

    @Test
    void templatesMayAskForTheDate() throws IOException {
        assertThat(template("{% if strftime_now is defined %}{{ strftime_now('%Y, day %d') }}{% endif %}")
                        .render(List.of(), true, Map.of()))
                .isEqualTo(String.format("%tY, day %<td", LocalDate.now()));
    }
}
