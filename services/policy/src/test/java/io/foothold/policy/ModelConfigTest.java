package io.foothold.policy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.logging.SimpleFormatter;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What stands in {@code config.json} and {@code generation_config.json} is read as it is meant, or refused by name. */
class ModelConfigTest {
    /** In an override: the key is left out. */
    private static final String ABSENT = "absent";

    @TempDir
    Path directory;

    private Path write(ModelConfig.Architecture architecture, String overrides) throws IOException {
        ObjectMapper mapper = new ObjectMapper();
        ObjectNode json =
                (ObjectNode) mapper.readTree(Shapes.of(architecture, false).toJson());
        json.putNull("rope_scaling");
        for (var entry : mapper.readTree(overrides).properties()) {
            if (entry.getValue().asText().equals(ABSENT)) {
                json.remove(entry.getKey());
            } else {
                json.set(entry.getKey(), entry.getValue());
            }
        }
        Files.writeString(directory.resolve("config.json"), json.toString());
        return directory;
    }

    private ModelConfig llama(String overrides) throws IOException {
        return ModelConfig.read(write(ModelConfig.Architecture.LLAMA, overrides));
    }

    private void refused(String overrides, String... words) throws IOException {
        for (ModelConfig.Architecture architecture : ModelConfig.Architecture.values()) {
            refusedBy(architecture, overrides, words);
        }
    }

    private void refusedBy(ModelConfig.Architecture architecture, String overrides, String... words)
            throws IOException {
        write(architecture, overrides);
        assertThatThrownBy(() -> ModelConfig.read(directory))
                .as("%s with %s", architecture, overrides)
                .isInstanceOf(PolicyException.class)
                .hasMessageContaining("config.json")
                .satisfies(
                        e -> assertThat(e.getMessage().toLowerCase(Locale.ROOT)).contains(words));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{'rope_theta': 500} | 500",
                "{'rope_theta': 'absent'} | 10000",
                "{'rope_theta': 500, 'rope_parameters': null} | 500",
                "{'rope_theta': 500, 'rope_parameters': {}} | 500",
                "{'rope_theta': 'absent', 'rope_parameters': {'rope_theta': 500}} | 500",
                "{'rope_theta': 'absent', 'rope_parameters': {'rope_theta': 500, 'rope_type': 'default'}} | 500",
                "{'rope_theta': 500.0, 'rope_parameters': {'rope_theta': 500, 'rope_type': 'default'}} | 500",
                "{'rope_theta': 500, 'rope_parameters': {'rope_type': 'default'}} | 500",
                "{'rope_theta': 500, 'rope_scaling': {'rope_type': 'default'}} | 500",
                "{'rope_theta': 500, 'rope_scaling': {'type': 'default', 'rope_type': 'default'}} | 500",
                "{'rope_theta': 500, 'rope_scaling': {'type': null, 'rope_type': 'default'}} | 500",
                "{'rope_theta': 500, 'partial_rotary_factor': 1.0} | 500",
                "{'rope_theta': 500, 'partial_rotary_factor': null} | 500",
                "{'rope_theta': 500, 'rope_parameters': {'rope_theta': 500, 'rope_type': 'default', 'partial_rotary_factor': 1}} | 500",
            })
    void everySpellingOfUnscaledRopeIsRead(String overrides, double theta) throws IOException {
        ModelConfig config = llama(overrides.replace('\'', '"'));
        assertThat(config.ropeTheta()).isEqualTo(theta);
        assertThat(config.ropeScaling()).isNull();
    }

    private static final String LLAMA3 =
            "'rope_type': 'llama3', 'factor': 8, 'low_freq_factor': 1, 'high_freq_factor': 4.0, 'original_max_position_embeddings': 16";

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{'rope_scaling': {" + LLAMA3 + "}}",
                "{'rope_scaling': {" + LLAMA3 + ", 'type': 'llama3'}}",
                "{'rope_scaling': {" + LLAMA3 + "}, 'rope_parameters': null}",
                "{'rope_theta': 'absent', 'rope_parameters': {'rope_theta': 10000, " + LLAMA3 + "}}",
                "{'rope_scaling': {" + LLAMA3 + "}, 'rope_parameters': {'rope_theta': 10000, " + LLAMA3 + "}}",
            })
    void everySpellingOfLlama3RopeIsRead(String overrides) throws IOException {
        ModelConfig config = llama(overrides.replace('\'', '"'));
        assertThat(config.ropeTheta()).isEqualTo(10_000);
        assertThat(config.ropeScaling()).isEqualTo(new ModelConfig.Llama3Scaling(8, 1, 4, 16));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                // Two spellings that disagree.
                "{'rope_theta': 10000, 'rope_parameters': {'rope_theta': 500}} | rope_theta;10000;500",
                "{'rope_scaling': {'type': 'yarn', 'factor': 4}, 'rope_parameters': {'rope_type': 'default'}} | rope_scaling;rope_parameters;yarn;default",
                "{'rope_scaling': {'type': 'yarn', 'factor': 4}, 'rope_parameters': null} | yarn",
                "{'rope_scaling': {'rope_type': 'default'}, 'rope_parameters': {'rope_theta': 10000, 'rope_type': 'llama3', 'factor': 8, 'low_freq_factor': 1, 'high_freq_factor': 4, 'original_max_position_embeddings': 16}} | rope_scaling;rope_parameters;default;llama3",
                "{'rope_scaling': {'type': 'linear', 'rope_type': 'default'}} | type;linear;default",
                "{'partial_rotary_factor': 1, 'rope_parameters': {'partial_rotary_factor': 0.5}} | partial_rotary_factor;0.5",
                // Incomplete ones.
                "{'rope_scaling': {'factor': 4}} | rope_scaling;rope_type;factor",
                "{'rope_parameters': {'rope_theta': 10000, 'factor': 4}} | rope_parameters;rope_type;factor",
                "{'rope_scaling': {'rope_type': 'llama3'}} | rope_scaling;factor",
                "{'rope_scaling': {'rope_type': 'llama3', 'factor': 8, 'low_freq_factor': 1, 'high_freq_factor': 4}} | original_max_position_embeddings",
                "{'rope_scaling': {'rope_type': 'llama3', 'factor': 8, 'low_freq_factor': 4, 'high_freq_factor': 4, 'original_max_position_embeddings': 16}} | high_freq_factor;low_freq_factor",
                "{'rope_scaling': {'rope_type': 'llama3', 'factor': 0.5, 'low_freq_factor': 1, 'high_freq_factor': 4, 'original_max_position_embeddings': 16}} | factor;0.5",
                "{'rope_scaling': {'rope_type': 'llama3', 'factor': '8', 'low_freq_factor': 1, 'high_freq_factor': 4, 'original_max_position_embeddings': 16}} | factor;\"8\"",
                // What the engine does not compute.
                "{'rope_scaling': {'type': 'linear', 'factor': 2}} | linear",
                "{'rope_scaling': {'rope_type': 'longrope', 'short_factor': [1], 'long_factor': [1]}} | longrope",
                "{'rope_scaling': {'rope_type': 'default', 'mrope_section': [1, 1, 2]}} | mrope_section",
                "{'rope_scaling': {'type': 'mrope', 'mrope_section': [1, 1, 2]}} | mrope",
                "{'rope_scaling': {'rope_type': 'default', 'beta_fast': 32}} | rope_scaling;beta_fast",
                "{'rope_scaling': {'rope_type': 'llama3', 'factor': 8, 'low_freq_factor': 1, 'high_freq_factor': 4, 'original_max_position_embeddings': 16, 'attention_factor': 2}} | attention_factor",
                "{'rope_parameters': {'full_attention': {'rope_type': 'default', 'rope_theta': 10000}}} | rope_parameters;full_attention",
                "{'partial_rotary_factor': 0.5} | partial_rotary_factor;0.5",
                "{'rope_parameters': {'rope_theta': 10000, 'rope_type': 'default', 'partial_rotary_factor': 0.25}} | partial_rotary_factor;0.25",
                // Of a wrong type.
                "{'rope_scaling': 'linear'} | rope_scaling;linear",
                "{'rope_scaling': [1]} | rope_scaling",
                "{'rope_scaling': {'rope_type': 3}} | rope_type;3",
                "{'rope_theta': '500'} | rope_theta;\"500\"",
                "{'rope_theta': null} | rope_theta;null",
                "{'rope_theta': -1} | rope_theta;-1",
                "{'rope_theta': 0} | rope_theta;0",
            })
    void ropeThatIsIncompleteContradictoryOrUnknownIsRefused(String overrides, String words) throws IOException {
        refused(overrides.replace('\'', '"'), words.split(";"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "'unsloth_fixed': true",
                "'unsloth_version': '2025.1'",
                "'is_llama_config': true",
                "'unk_token_id': 0",
                "'_model_name_or_path': 'x'",
                "'torchscript': false",
                "'use_bfloat16': true",
                "'model_max_length': 8192",
                "'pad_token': '<pad>'",
                "'keys_to_ignore_at_inference': ['past_key_values']",
                "'_attn_implementation': 'sdpa'",
                "'_attn_implementation_autoset': true",
                "'transformers.js_config': {'kv_cache_dtype': {'fp16': 'float16'}}",
                "'rope_interleaved': false",
                "'quantization_config': null",
                "'pruned_heads': {}",
                "'tie_encoder_decoder': false",
                "'repetition_penalty': 1.1",
                "'temperature': 0.6",
                "'num_experts': 0",
                "'residual_multiplier': 1.0",
                "'final_logit_softcapping': null",
                "'position_embedding_type': 'rope'",
                "'alibi': false",
                "'embd_pdrop': 0.0",
                "'some_note_of_the_trainer': 'a note'",
            })
    void keysThatDoNotChangeTheMathsAreAccepted(String key) throws IOException {
        assertThat(llama("{" + key.replace('\'', '"') + "}").layers()).isEqualTo(2);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "'quantization_config': {'quant_method': 'fp8'}",
                "'compression_config': {'format': 'int'}",
                "'rope_interleaved': true",
                "'alibi': true",
                "'use_alibi': true",
                "'position_embedding_type': 'alibi'",
                "'rotary_pct': 0.25",
                "'no_rope_layers': [1, 0]",
                "'use_mrope': true",
                "'attn_logit_softcapping': 50.0",
                "'final_logit_softcapping': 30.0",
                "'logits_scaling': 8.0",
                "'logit_scale': 0.0625",
                "'attention_multiplier': 0.0078125",
                "'embedding_multiplier': 12.0",
                "'residual_multiplier': 0.22",
                "'scale_emb': 12",
                "'scale_depth': 1.4",
                "'dim_model_base': 256",
                "'query_pre_attn_scalar': 256",
                "'clip_qkv': 8.0",
                "'use_qk_norm': 'yes'",
                "'num_experts': 8",
                "'num_local_experts': 8",
                "'num_experts_per_tok': 2",
                "'n_routed_experts': 64",
                "'moe_intermediate_size': 64",
                "'kv_lora_rank': 512",
                "'attention_chunk_size': 8192",
                "'sliding_window_pattern': 6",
                "'mlp_bias': true",
                "'use_parallel_residual': true",
                "'hidden_activation': 'gelu_pytorch_tanh'",
                "'hidden_act': 'gelu'",
                "'layer_norm_epsilon': 1e-5",
                "'norm_type': 'layer_norm'",
                "'is_causal': false",
                "'use_bidirectional_attention': true",
                "'text_config': {'hidden_size': 32}",
                "'vision_config': {'hidden_size': 32}",
                "'my_new_rope_twist': 3",
                "'layer_types': ['full_attention', 'sliding_attention']",
                "'layer_types': ['linear_attention', 'full_attention']",
                "'layer_types': ['full_attention']",
                "'add_cross_attention': true",
                "'is_encoder_decoder': true",
            })
    void keysThatChangeTheMathsAreRefusedByName(String key) throws IOException {
        refused("{" + key.replace('\'', '"') + "}", key.substring(1, key.indexOf('\'', 1)));
    }

    @Test
    void aSlidingWindowIsRefusedWhereItIsInEffectOnly() throws IOException {
        for (ModelConfig.Architecture a : List.of(ModelConfig.Architecture.QWEN2, ModelConfig.Architecture.QWEN3)) {
            for (String harmless : List.of(
                    "{\"sliding_window\": 16}",
                    "{\"sliding_window\": 16, \"use_sliding_window\": false}",
                    "{\"sliding_window\": null, \"use_sliding_window\": true, \"max_window_layers\": 0}",
                    "{\"sliding_window\": 16, \"use_sliding_window\": true, \"max_window_layers\": 2}",
                    "{\"sliding_window\": 64, \"use_sliding_window\": true, \"max_window_layers\": 0}")) {
                assertThat(ModelConfig.read(write(a, harmless)).layers())
                        .as(harmless)
                        .isEqualTo(2);
            }
            refusedBy(
                    a,
                    "{\"sliding_window\": 16, \"use_sliding_window\": true, \"max_window_layers\": 1}",
                    "window",
                    "16");
        }
        refusedBy(ModelConfig.Architecture.LLAMA, "{\"sliding_window\": 16}", "sliding_window", "16");
    }

    /** Tensors lie in native memory: no count of numbers is too large for a shape, and none of them runs over. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{'vocab_size': 2000000, 'hidden_size': 4096} | 8192000000",
                "{'intermediate_size': 2000000000} | 192000000000"
            })
    void tensorsMayHaveMoreNumbersThanAnArray(String overrides, long atLeast) throws IOException {
        for (ModelConfig.Architecture a : ModelConfig.Architecture.values()) {
            assertThat(ModelConfig.read(write(a, overrides.replace('\'', '"'))).parameters())
                    .isBetween(atLeast, 10 * atLeast);
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{'architectures': ['LlamaForCausalLM'], 'model_type': 'qwen3'} | model_type;qwen3;llamaforcausallm",
                "{'architectures': ['MistralForCausalLM'], 'model_type': 'llama'} | mistralforcausallm",
                "{'architectures': 'LlamaForCausalLM'} | architectures",
                "{'hidden_size': '32'} | hidden_size;\"32\"",
                "{'hidden_size': 32.5} | hidden_size;32.5",
                "{'num_key_value_heads': 0} | num_key_value_heads;0",
                "{'num_key_value_heads': '2'} | num_key_value_heads;\"2\"",
                "{'num_key_value_heads': 3} | num_key_value_heads;3",
                "{'head_dim': 0} | head_dim;0",
                "{'head_dim': 7} | head_dim;7",
                "{'rms_norm_eps': '1e-5'} | rms_norm_eps;1e-5",
                "{'rms_norm_eps': null} | rms_norm_eps;null",
                "{'rms_norm_eps': -1} | rms_norm_eps;-1",
                "{'tie_word_embeddings': 'false'} | tie_word_embeddings;\"false\"",
                "{'max_position_embeddings': null} | max_position_embeddings;null",
                "{'vocab_size': 4294967296} | vocab_size;4294967296",
                "{'num_attention_heads': 1073741824, 'num_key_value_heads': 1073741824, 'head_dim': 8} | self_attn",
            })
    void shapesOfAWrongTypeOrRangeAreRefused(String overrides, String words) throws IOException {
        String json = overrides.replace('\'', '"');
        for (ModelConfig.Architecture a : ModelConfig.Architecture.values()) {
            if (!json.contains("qwen3") || a == ModelConfig.Architecture.LLAMA) {
                refusedBy(a, json, words.split(";"));
            }
        }
    }

    @Test
    void whatIsNoJsonObjectIsRefused() throws IOException {
        for (String text : List.of("[]", "{} {}", "{\"vocab_size\": 1, \"vocab_size\": 2}", "", "null")) {
            Files.writeString(directory.resolve("config.json"), text);
            assertThatThrownBy(() -> ModelConfig.read(directory))
                    .as(text)
                    .isInstanceOf(PolicyException.class)
                    .hasMessageContaining("config.json");
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "1 |  | 1",
                "1 | {} | 1",
                "1 | {'eos_token_id': null} | 1",
                "[1, 2] | {'eos_token_id': null} | 1,2",
                "1 | {'eos_token_id': 5} | 5",
                "1 | {'eos_token_id': [1, 5]} | 1,5",
                "null | {'eos_token_id': 5} | 5",
                "'absent' | {'eos_token_id': [5]} | 5",
                "1 | {'eos_token_id': [5, 5, 1]} | 5,1",
                "0 |  | 0",
                "37 |  | 37",
            })
    void endTokensAreThoseOfGenerationConfigElseOfConfig(String own, String generation, String expected)
            throws IOException {
        if (generation != null) {
            Files.writeString(directory.resolve("generation_config.json"), generation.replace('\'', '"'));
        }
        assertThat(llama("{\"eos_token_id\": " + own.replace('\'', '"') + "}").endTokens())
                .containsExactly(
                        Arrays.stream(expected.split(",")).map(Integer::valueOf).toArray(Integer[]::new));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "'1' |  | config.json;\"1\"",
                "1 | {'eos_token_id': '1'} | generation_config.json;\"1\"",
                "1 | {'eos_token_id': '</s>'} | generation_config.json;</s>",
                "1 | {'eos_token_id': [99]} | generation_config.json;99;37",
                "1 | {'eos_token_id': 38} | generation_config.json;38",
                "-1 |  | config.json;-1",
                "1 | {'eos_token_id': -1} | generation_config.json;-1",
                "1 | {'eos_token_id': []} | generation_config.json;[]",
                "1 | {'eos_token_id': [1, '2']} | generation_config.json;\"2\"",
                "1 | {'eos_token_id': [[1]]} | generation_config.json;[1]",
                "1 | {'eos_token_id': 1.5} | generation_config.json;1.5",
                "1 | {'eos_token_id': true} | generation_config.json;true",
                "1 | {'eos_token_id': {'id': 1}} | generation_config.json;id",
                "1 | [] | generation_config.json",
                "null |  | eos_token_id;config.json;generation_config.json",
                "'absent' | {} | eos_token_id;config.json;generation_config.json",
                "'absent' | {'eos_token_id': null} | eos_token_id;config.json;generation_config.json",
            })
    void endTokensThatAreNoneAreRefused(String own, String generation, String words) throws IOException {
        if (generation != null) {
            Files.writeString(directory.resolve("generation_config.json"), generation.replace('\'', '"'));
        }
        refused("{\"eos_token_id\": " + own.replace('\'', '"') + "}", words.split(";"));
    }

    @Test
    void whatIsWrittenIsReadAgain() throws IOException {
        for (ModelConfig.Architecture a : ModelConfig.Architecture.values()) {
            for (boolean tied : new boolean[] {false, true}) {
                ModelConfig config = Shapes.of(a, tied);
                Files.writeString(directory.resolve("config.json"), config.toJson());
                assertThat(ModelConfig.read(directory)).isEqualTo(config);
                JsonNode json = new ObjectMapper().readTree(config.toJson());
                assertThat(json.path("rope_theta").asDouble()).isEqualTo(config.ropeTheta());
            }
        }
    }

    @Test
    void whatIsPassedOverIsToldOnce() throws IOException {
        List<String> told = new ArrayList<>();
        Handler handler = new Handler() {
            @Override
            public void publish(LogRecord line) {
                told.add(new SimpleFormatter().formatMessage(line));
            }

            @Override
            public void flush() {
                // Nothing is kept back.
            }

            @Override
            public void close() {
                // Nothing is open.
            }
        };
        Logger logger = Logger.getLogger(ModelConfig.class.getName());
        logger.addHandler(handler);
        try {
            llama("{\"unsloth_version\": \"1\", \"is_llama_config\": true, \"rope_interleaved\": false}");
            llama("{\"unsloth_version\": \"1\", \"is_llama_config\": true, \"rope_interleaved\": false}");
        } finally {
            logger.removeHandler(handler);
        }
        assertThat(told).singleElement().asString().endsWith("is_llama_config, unsloth_version");
    }
}
