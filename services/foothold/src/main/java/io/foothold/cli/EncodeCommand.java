package io.foothold.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.foothold.cli.machine.Workspace;
import io.foothold.cli.size.ChatOptions;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.policy.CausalModel;
import io.foothold.policy.PolicyException;
import io.foothold.policy.Tokenizer;
import io.foothold.policy.chat.ChatTemplate;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** What a policy is given for a text or a conversation. */
@Command(
        name = "encode",
        mixinStandardHelpOptions = true,
        description =
                "Prints one JSON object for each text or conversation: the prompt after the chat template, and its token ids.")
final class EncodeCommand implements Callable<Integer> {
    @Option(names = "--model", required = true, description = "Hugging Face directory.")
    private Path model = Path.of("");

    @Option(
            names = "--file",
            required = true,
            paramLabel = "FILE",
            description =
                    "JSON list of texts, which are encoded as they stand, and of conversations: lists of {role, content}.")
    private Path file = Path.of("");

    @Option(
            names = "--option",
            paramLabel = "NAME=JSON",
            description = "Variable of the chat template (enable_thinking=false).")
    private Map<String, String> options = new LinkedHashMap<>();

    @Option(names = "--no-generation-prompt", description = "Without the beginning of the answer.")
    private boolean bare;

    private static final ObjectMapper MAPPER = new ObjectMapper();

    @Override
    public Integer call() {
        CausalModel policy = CausalModel.open(model);
        Map<String, Object> variables = new LinkedHashMap<>();
        options.forEach((name, value) -> variables.put(name, ChatOptions.value(value)));
        JsonNode items = json(Workspace.read(file));
        if (!items.isArray()) {
            throw new FootholdException(
                    ErrorCode.INVALID_DATA, file + ": expected a JSON list of texts or of lists of {role, content}");
        }
        Optional<ChatTemplate> template = policy.chatTemplate();
        try (Tokenizer tokenizer = policy.tokenizer()) {
            for (int i = 0; i < items.size(); i++) {
                String prompt = prompt(template, items.get(i), variables, file + ", item " + (i + 1));
                ObjectNode line = MAPPER.createObjectNode().put("prompt", prompt);
                ArrayNode ids = line.putArray("ids");
                for (int id : tokenizer.encode(prompt)) {
                    ids.add(id);
                }
                System.out.println(line);
            }
        }
        return 0;
    }

    private String prompt(Optional<ChatTemplate> template, JsonNode item, Map<String, Object> variables, String where) {
        if (item.isTextual()) {
            return item.asText();
        }
        List<ChatTemplate.Message> messages = new ArrayList<>();
        for (JsonNode m : item) {
            if (!m.path("role").isTextual() || !m.path("content").isTextual()) {
                throw new FootholdException(
                        ErrorCode.INVALID_DATA, where + ": expected a text or a list of {role, content}, got " + item);
            }
            messages.add(new ChatTemplate.Message(
                    m.path("role").asText(), m.path("content").asText()));
        }
        return template.orElseThrow(() -> new PolicyException("policy " + model + ChatTemplate.MISSING))
                .render(messages, !bare, variables);
    }

    private JsonNode json(String text) {
        try {
            return MAPPER.readTree(text);
        } catch (JsonProcessingException e) {
            throw new FootholdException(ErrorCode.INVALID_DATA, file + ": not JSON: " + e.getOriginalMessage(), e);
        }
    }
}
