package io.foothold.policy.chat;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.hubspot.jinjava.Jinjava;
import com.hubspot.jinjava.JinjavaConfig;
import com.hubspot.jinjava.LegacyOverrides;
import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import com.hubspot.jinjava.interpret.RenderResult;
import com.hubspot.jinjava.lib.exptest.ExpTest;
import com.hubspot.jinjava.lib.exptest.IsDefinedExpTest;
import com.hubspot.jinjava.lib.exptest.IsUndefinedExpTest;
import com.hubspot.jinjava.lib.filter.AdvancedFilter;
import com.hubspot.jinjava.lib.filter.DAliasedDefaultFilter;
import com.hubspot.jinjava.lib.filter.DefaultFilter;
import com.hubspot.jinjava.lib.filter.Filter;
import com.hubspot.jinjava.lib.fn.ELFunctionDefinition;
import io.foothold.policy.PolicyException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatterBuilder;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.StringJoiner;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The chat template of a Hugging Face directory: {@code chat_template.jinja}, else {@code chat_template} in {@code
 * tokenizer_config.json} (of several the one called default). Renders messages as {@code apply_chat_template} does, by Jinjava
 * with what Python has and Java has not; constructs that Jinjava cannot do are refused by name. Thread-safe.
 */
public final class ChatTemplate {
    /**
     * One message.
     *
     * @param role such as system, user or assistant
     * @param content its text
     */
    public record Message(String role, String content) {}

    /** What went wrong in the template's own words, or in Jinjava's. */
    static final class Raised extends RuntimeException {
        private static final long serialVersionUID = 1L;

        Raised(String message) {
            super(message);
        }
    }

    /** What a policy without a template is told to lack; behind its name. */
    public static final String MISSING =
            " has no chat template (chat_template.jinja, or chat_template in tokenizer_config.json)";

    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final Map<Character, String> STRFTIME = Map.of(
            'Y', "yyyy", 'y', "yy", 'm', "MM", 'd', "dd", 'B', "MMMM", 'b', "MMM", 'A', "EEEE", 'a', "EEE", 'H', "HH",
            'M', "mm");

    private final String where;
    private final String template;
    private final Map<String, Object> tokens;
    private final Jinjava jinjava;

    private ChatTemplate(String where, String template, Map<String, Object> tokens) {
        this.where = where;
        this.template = Dialect.adapted(template, where);
        this.tokens = tokens;
        this.jinjava = new Jinjava(JinjavaConfig.newBuilder()
                .withKeepTrailingNewline(true)
                .withNestedInterpretationEnabled(false)
                .withEnableRecursiveMacroCalls(true)
                .withMaxMacroRecursionDepth(50)
                .withMaxOutputSize(1 << 24)
                .withInterperterFactory(PythonInterpreter.FACTORY)
                .withElResolver(new PythonStrings())
                .withLegacyOverrides(LegacyOverrides.newBuilder()
                        .withEvaluateMapKeys(true)
                        .withIterateOverMapKeys(true)
                        .withUsePyishObjectMapper(true)
                        .withUseSnakeCasePropertyNaming(true)
                        .withUseNaturalOperatorPrecedence(true)
                        .withParseWhitespaceControlStrictly(true)
                        .withAllowAdjacentTextNodes(true)
                        .withUseTrimmingForNotesAndExpressions(true)
                        .withKeepNullableLoopValues(true)
                        .withHandleBackslashInQuotesOnly(true)
                        .build())
                .build());
        jinjava.getGlobalContext()
                .registerFunction(
                        new ELFunctionDefinition("", "raise_exception", ChatTemplate.class, "raise", String.class));
        jinjava.getGlobalContext()
                .registerFunction(
                        new ELFunctionDefinition("", "strftime_now", ChatTemplate.class, "now", String.class));
        jinjava.getGlobalContext()
                .registerFunction(new ELFunctionDefinition(
                        "", "range", ChatTemplate.class, "range", Object.class, Object[].class));
        for (AdvancedFilter standard : List.of(new DefaultFilter(), new DAliasedDefaultFilter())) {
            jinjava.getGlobalContext().registerFilter(new DefaultOfUndefined(standard));
        }
        for (ExpTest standard : List.of(new IsDefinedExpTest(), new IsUndefinedExpTest())) {
            jinjava.getGlobalContext().registerExpTest(new TestOfUndefined(standard));
        }
        jinjava.getGlobalContext().registerFilter(new ToJson());
        jinjava.getGlobalContext().registerFilter(new Items());
        Dialect.checkFilters(
                this.template,
                jinjava.getGlobalContext().getAllFilters().stream()
                        .map(Filter::getName)
                        .collect(Collectors.toSet()),
                where);
    }

    /** The template of a directory, if it has one. */
    public static Optional<ChatTemplate> read(Path directory) {
        Path own = directory.resolve("chat_template.jinja");
        Path file = directory.resolve("tokenizer_config.json");
        try {
            JsonNode config = Files.exists(file) ? MAPPER.readTree(Files.readString(file)) : MAPPER.createObjectNode();
            Map<String, Object> tokens = SpecialTokens.read(directory, config);
            if (Files.exists(own)) {
                return Optional.of(new ChatTemplate(own.toString(), Files.readString(own), tokens));
            }
            Optional<String> text = text(config.path("chat_template"), file);
            return text.map(t -> new ChatTemplate(file.toString(), t, tokens));
        } catch (IOException e) {
            throw new PolicyException("the chat template of " + directory + " cannot be read: " + e.getMessage(), e);
        }
    }

    private static Optional<String> text(JsonNode template, Path file) {
        if (template.isTextual()) {
            return Optional.of(template.asText());
        }
        if (template.isMissingNode() || template.isNull()) {
            return Optional.empty();
        }
        if (!template.isArray()) {
            throw new PolicyException(file + ": chat_template = " + template
                    + " (expected a text, or a list of {\"name\": text, \"template\": text})");
        }
        List<String> names = new ArrayList<>();
        for (JsonNode named : template) {
            names.add(named.path("name").asText());
            if (named.path("name").asText().equals("default")) {
                return Optional.of(named.path("template").asText());
            }
        }
        throw new PolicyException(file + ": none of the chat templates " + names + " is called default");
    }

    /**
     * The prompt that a conversation becomes.
     *
     * @param generationPrompt whether the answer's beginning is added
     * @param options more variables of the template, such as enable_thinking
     * @throws PolicyException with the template's words when it refuses the conversation
     */
    public String render(List<Message> messages, boolean generationPrompt, Map<String, ?> options) {
        Map<String, Object> variables = new HashMap<>(tokens);
        variables.putAll(options);
        List<Map<String, Object>> list = new ArrayList<>();
        for (Message m : messages) {
            list.add(new HashMap<>(Map.of("role", m.role(), "content", m.content())));
        }
        variables.put("messages", list);
        variables.put("add_generation_prompt", generationPrompt);
        // Functions are no variables for Jinjava, but templates ask whether they are defined.
        variables.put("strftime_now", "function");
        variables.put("raise_exception", "function");
        RenderResult result = jinjava.renderForResult(template, variables);
        if (!result.getErrors().isEmpty()) {
            var error = result.getErrors().get(0);
            Throwable cause = error.getException();
            while (cause != null && !(cause instanceof Raised)) {
                cause = cause.getCause();
            }
            throw new PolicyException(where
                    + (cause == null
                            ? ":" + error.getLineno() + ": " + error.getMessage()
                            : ": " + cause.getMessage()));
        }
        return result.getOutput();
    }

    /** For templates: refuses the conversation. */
    public static Object raise(String message) {
        throw new Raised("the chat template refuses the conversation: " + message);
    }

    /** For templates: the time of day in strftime's letters. */
    public static String now(String format) {
        DateTimeFormatterBuilder out = new DateTimeFormatterBuilder();
        for (int i = 0; i < format.length(); i++) {
            char c = format.charAt(i);
            if (c != '%' || i + 1 == format.length()) {
                out.appendLiteral(c);
                continue;
            }
            char letter = format.charAt(++i);
            String pattern = STRFTIME.get(letter);
            if (pattern == null) {
                throw new Raised("strftime_now does not know %" + letter);
            }
            out.appendPattern(pattern);
        }
        return LocalDateTime.now().format(out.toFormatter(Locale.ENGLISH));
    }

    /** For templates: numbers to count with. */
    public static List<Long> range(@Nullable Object first, @Nullable Object... more) {
        return PythonRange.of(first, more);
    }

    /** Takes a token that nobody defines for nothing, as Python does. */
    private record DefaultOfUndefined(AdvancedFilter standard) implements AdvancedFilter {
        @Override
        public String getName() {
            return standard.getName();
        }

        @Override
        public @Nullable Object filter(
                @Nullable Object value, JinjavaInterpreter interpreter, Object[] arguments, Map<String, Object> named) {
            return standard.filter(
                    value instanceof SpecialTokens.Undefined ? null : value, interpreter, arguments, named);
        }
    }

    /** The same for tests. */
    private record TestOfUndefined(ExpTest standard) implements ExpTest {
        @Override
        public String getName() {
            return standard.getName();
        }

        @Override
        public boolean evaluate(@Nullable Object value, JinjavaInterpreter interpreter, Object... arguments) {
            return standard.evaluate(value instanceof SpecialTokens.Undefined ? null : value, interpreter, arguments);
        }
    }

    /** Keys and values of a dictionary. */
    private static final class Items implements Filter {
        @Override
        public String getName() {
            return "items";
        }

        @Override
        public Object filter(@Nullable Object value, JinjavaInterpreter interpreter, String... arguments) {
            return value instanceof Map<?, ?> map ? List.copyOf(map.entrySet()) : List.of();
        }
    }

    /** {@code json.dumps} with Python's separators, characters as they are. */
    private static final class ToJson implements Filter {
        @Override
        public String getName() {
            return "tojson";
        }

        @Override
        public Object filter(@Nullable Object value, JinjavaInterpreter interpreter, String... arguments) {
            if (arguments.length > 0) {
                throw new Raised("tojson with arguments is not supported");
            }
            return json(value);
        }

        private static String json(@Nullable Object value) {
            if (value instanceof Map<?, ?> map) {
                StringJoiner out = new StringJoiner(", ", "{", "}");
                map.forEach((k, v) -> out.add(json(String.valueOf(k)) + ": " + json(v)));
                return out.toString();
            }
            if (value instanceof Collection<?> items) {
                StringJoiner out = new StringJoiner(", ", "[", "]");
                items.forEach(v -> out.add(json(v)));
                return out.toString();
            }
            try {
                return MAPPER.writeValueAsString(value);
            } catch (JsonProcessingException e) {
                throw new Raised("tojson: " + e.getOriginalMessage());
            }
        }
    }
}
