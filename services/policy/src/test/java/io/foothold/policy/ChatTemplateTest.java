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
                "{{ messages | slice(2) | list }} @ the filter slice",
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

    private String rendered(String text, String config, String map) throws IOException {
        Files.writeString(directory.resolve("chat_template.jinja"), text);
        Files.writeString(directory.resolve("tokenizer_config.json"), config.replace('\'', '"'));
        if (map != null) {
            Files.writeString(directory.resolve("special_tokens_map.json"), map.replace('\'', '"'));
        }
        return ChatTemplate.read(directory)
                .orElseThrow()
                .render(List.of(new ChatTemplate.Message("user", "hi")), true, Map.of());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '@',
            quoteCharacter = '`',
            value = {
                "{{ bos_token }}x @ {} @ {'bos_token': '<s>'} @ <s>x",
                "{{ bos_token }}x @ {'bos_token': null} @ {'bos_token': {'content': '<s>', 'lstrip': false}} @ <s>x",
                "{{ bos_token }}x @ {'bos_token': '<s>'} @ {'bos_token': '<s>'} @ <s>x",
                "{{ bos_token }}x @ {'bos_token': '<s>', 'added_tokens_decoder': {}} @ {'bos_token': '<t>'} @ <s>x",
                "{{ bos_token }}x @ {'bos_token': ''} @ @ x",
                "{{ eos_token + sep_token }}x @ {'eos_token': 'e'} @ {'sep_token': 's'} @ esx",
                // Nobody defines it, and the template knows.
                "{% if bos_token %}{{ bos_token }}{% endif %}x @ {} @ @ x",
                "{% if bos_token is defined %}{{ bos_token }}{% endif %}x @ {} @ @ x",
                "{% if bos_token is not defined %}no{% endif %}x @ {'bos_token': null} @ @ nox",
                "{% if bos_token is undefined %}no{% endif %}x @ {} @ {} @ nox",
                "{{ bos_token | default('<d>') }}x @ {} @ @ <d>x",
                "{{ bos_token | default('<d>', true) }}x @ {} @ @ <d>x",
                "{{ bos_token if bos_token else 'none' }}x @ {} @ @ nonex",
                "{{ 'a' if not bos_token else bos_token }}x @ {} @ @ ax",
                "{% if bos_token is none %}none{% endif %}x @ {} @ @ x",
                "x @ {} @ @ x",
            })
    void namedTokensComeFromTheConfigurationElseFromTheMap(String text, String config, String map, String expected)
            throws IOException {
        assertThat(rendered(text, config, map)).isEqualTo(expected);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '@',
            quoteCharacter = '`',
            value = {
                "{{ bos_token }}x @ {} @ @ bos_token;tokenizer_config.json;special_tokens_map.json",
                "{{ bos_token }}x @ {'bos_token': null} @ {'eos_token': 'e'} @ bos_token",
                "{{ bos_token + 'x' }} @ {} @ @ bos_token",
                "{{ 'x' ~ bos_token }} @ {} @ @ bos_token",
                "{{ bos_token ~ messages[0].content }} @ {} @ @ bos_token",
                "{% set t = bos_token + 'x' %}{{ t }} @ {} @ @ bos_token",
                "{% set t = bos_token %}{{ t }} @ {} @ @ bos_token",
                "{% for m in messages %}{{ m.content + eos_token }}{% endfor %} @ {} @ @ eos_token",
                "{% macro end() %}{{ pad_token }}{% endmacro %}{{ end() }} @ {} @ @ pad_token",
                "{{ bos_token | trim }} @ {} @ @ bos_token",
                "{{ bos_token }}x @ {'bos_token': 5} @ @ bos_token = 5",
                "{{ bos_token }}x @ {'bos_token': {'special': true}} @ @ bos_token = {",
                "{{ bos_token }}x @ {} @ {'bos_token': ['a']} @ special_tokens_map.json;bos_token = [",
                "{{ bos_token }}x @ {'bos_token': '<s>'} @ {'bos_token': '<t>'} @ <s>;<t>;special_tokens_map.json",
            })
    void namedTokensThatNobodyDefinesAreNotPrintedAsNothing(String text, String config, String map, String words) {
        assertThatThrownBy(() -> rendered(text, config, map))
                .isInstanceOf(PolicyException.class)
                .satisfies(e -> assertThat(e.getMessage()).contains(words.split(";")));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '@',
            value = {
                "{% for i in range(100000000) %}x{% endfor %} @ range of 100000000",
                "{% for i in range(0, 200001, 2) %}x{% endfor %} @ range of 100001",
                "{% for i in range(9223372036854775807) %}x{% endfor %} @ range",
                "{% for i in range('a') %}x{% endfor %} @ 'a'",
                "{% for i in range(0, 5, 0) %}x{% endfor %} @ step",
                "{% macro m(n) %}{{ m(n + 1) }}{% endmacro %}{{ m(0) }} @ recursion",
                "{% for i in range(99999) %}{{ 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' }}{% endfor %} @ limit",
                "{% set ns = namespace(s='xxxxxxxxxxxxxxxx') %}{% for i in range(24) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}{{ ns.s | length }} @ limit",
                "{% set ns = namespace(s='xxxxxxxxxxxxxxxx') %}{% for i in range(24) %}{% set ns.s = ns.s + ns.s %}{% endfor %}{{ ns.s | length }} @ limit",
                "{{ 'x' * 100000000 }} @ coerce",
            })
    void templatesThatRunIntoABoundAreRefusedAndNotCut(String text, String why) throws IOException {
        ChatTemplate template = template(text.strip());
        assertThatThrownBy(() -> template.render(List.of(new ChatTemplate.Message("user", "hi")), true, Map.of()))
                .isInstanceOf(PolicyException.class)
                .hasMessageContaining(why);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '@',
            value = {
                "{% for i in range(3) %}{{ i }}{% endfor %} @ 012",
                "{% for i in range(2, 5) %}{{ i }}{% endfor %} @ 234",
                "{% for i in range(5, 0, -2) %}{{ i }}{% endfor %} @ 531",
                "{% for i in range(5, 0) %}{{ i }}{% endfor %}- @ -",
                "{% for i in range(messages | length) %}{{ messages[i].content }}{% endfor %} @ hi",
                "{{ range(4) | list | length + range(2)[1] }} @ 5",
                "{% set n = namespace(c=0) %}{% for i in range(5000) %}{% set n.c = n.c + 1 %}{% endfor %}{{ n.c }} @ 5000",
                "{% if 2 in range(3) %}in{% endif %} @ in",
            })
    void rangesAreThoseOfPython(String text, String expected) throws IOException {
        assertThat(template(text.strip()).render(List.of(new ChatTemplate.Message("user", "hi")), true, Map.of()))
                .isEqualTo(expected);
    }

    @Test
    void aTemplateOfAWrongTypeIsRefused() throws IOException {
        for (String text : List.of("5", "{\"default\": \"x\"}", "true")) {
            Files.writeString(directory.resolve("tokenizer_config.json"), "{\"chat_template\": " + text + "}");
            assertThatThrownBy(() -> ChatTemplate.read(directory))
                    .isInstanceOf(PolicyException.class)
                    .hasMessageContaining("chat_template = " + text.replace(" ", ""));
        }
    }
}
