package io.foothold.policy;

import com.fasterxml.jackson.databind.JsonNode;
import io.foothold.policy.ModelConfig.Architecture;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;

/**
 * Which keys of {@code config.json} may be passed over. A key that changes the maths of a model, by its name or by a word in its
 * name, is refused unless its value says that it is not in use; what is left says nothing about the maths and is told to the user.
 */
final class ConfigKeys {
    /** Keys that are read elsewhere, or that transformers writes for every model and that have no effect on the maths. */
    private static final Set<String> KNOWN = Set.of(
            "architectures",
            "model_type",
            "vocab_size",
            "hidden_size",
            "intermediate_size",
            "num_hidden_layers",
            "num_attention_heads",
            "num_key_value_heads",
            "head_dim",
            "max_position_embeddings",
            "rms_norm_eps",
            "rope_theta",
            "rope_scaling",
            "rope_parameters",
            "partial_rotary_factor",
            "tie_word_embeddings",
            "attention_bias",
            "mlp_bias",
            "hidden_act",
            "attention_dropout",
            "eos_token_id",
            "bos_token_id",
            "pad_token_id",
            "torch_dtype",
            "dtype",
            "transformers_version",
            "use_cache",
            "initializer_range",
            "use_sliding_window",
            "sliding_window",
            "max_window_layers",
            "layer_types",
            "pretraining_tp",
            "_name_or_path",
            "name_or_path",
            "output_attentions",
            "output_hidden_states",
            "return_dict",
            "chunk_size_feed_forward",
            "id2label",
            "label2id",
            "problem_type",
            "is_decoder",
            "tokenizer_class",
            "finetuning_task",
            "task_specific_params");

    /** Keys that change the maths and whose names do not show it, with the value (JSON) that stands for what is computed. */
    private static final Map<String, String> MATHS = Map.ofEntries(
            Map.entry("position_embedding_type", "\"rope\""),
            Map.entry("is_causal", "true"),
            Map.entry("original_max_position_embeddings", ""),
            Map.entry("no_position_embeddings", "false"),
            Map.entry("attention_chunk_size", ""),
            Map.entry("attn_temperature_tuning", "false"),
            Map.entry("floor_scale", ""),
            Map.entry("query_pre_attn_scalar", ""),
            Map.entry("attn_config", ""),
            Map.entry("attention_type", ""),
            Map.entry("attention_types", ""),
            Map.entry("attention_layers", ""),
            Map.entry("full_attention_interval", "1"),
            Map.entry("layers_block_type", ""),
            Map.entry("block_configs", ""),
            Map.entry("use_bidirectional_attention", "false"),
            Map.entry("parallel_attn", "false"),
            Map.entry("num_kv_shared_layers", "0"),
            Map.entry("v_head_dim", ""),
            Map.entry("dim_model_base", ""),
            Map.entry("embedding_size", ""),
            Map.entry("word_embed_proj_dim", ""),
            Map.entry("hidden_size_per_layer_input", "0"),
            Map.entry("vocab_size_per_layer_input", "0"),
            Map.entry("altup_num_inputs", "1"),
            Map.entry("first_k_dense_replace", ""),
            Map.entry("decoder_sparse_step", "1"),
            Map.entry("mlp_only_layers", ""),
            Map.entry("add_cross_attention", "false"),
            Map.entry("cross_attention_hidden_size", ""),
            Map.entry("is_encoder_decoder", "false"),
            Map.entry("hidden_layers_repeat", "1"),
            Map.entry("compression_config", ""),
            Map.entry("text_config", ""),
            Map.entry("vision_config", ""),
            Map.entry("audio_config", ""),
            Map.entry("thinker_config", ""),
            Map.entry("llm_config", ""),
            Map.entry("language_config", ""));

    /** Words of names that change the maths, in models that nobody has seen yet too. */
    private static final Set<String> WORDS = Set.of(
            "rope",
            "nope",
            "mrope",
            "rotary",
            "alibi",
            "ntk",
            "logn",
            "yarn",
            "softcap",
            "softcapping",
            "multiplier",
            "mup",
            "scale",
            "scaling",
            "expert",
            "experts",
            "moe",
            "router",
            "routed",
            "quant",
            "quantization",
            "sliding",
            "swa",
            "window",
            "sink",
            "sinks",
            "sparse",
            "ssm",
            "mamba",
            "conv",
            "lora",
            "bias",
            "residual",
            "clip",
            "qk",
            "qkv",
            "act",
            "activation",
            "norm",
            "layernorm",
            "eps",
            "epsilon");

    /** Words for which 1 means that nothing is multiplied, and for which 0 means that there are none. */
    private static final Set<String> ONE_IS_NONE = Set.of("multiplier", "scaling");

    private static final Set<String> ZERO_IS_NONE = Set.of("softcap", "softcapping", "expert", "experts", "window");

    /** What has to do with training, or with how the same is computed. */
    private static final Pattern NO_MATHS = Pattern.compile(".*(dropout|pdrop|loss|fused|flash|init).*");

    /** Queries and keys are normalised, under names of other authors. */
    private static final Set<String> QK_NORM = Set.of("use_qk_norm", "qk_norm", "qk_layernorm", "use_qk_layernorm");

    private ConfigKeys() {}

    /**
     * Checks the names of all keys.
     *
     * @return those that are passed over, in the order of the alphabet
     * @throws PolicyException for one that changes the maths
     */
    static Set<String> passedOver(JsonFields config, Architecture architecture) {
        Set<String> out = new TreeSet<>();
        for (Map.Entry<String, JsonNode> entry : config.json().properties()) {
            String key = entry.getKey();
            List<String> words = Arrays.asList(key.toLowerCase(Locale.ROOT).split("[^a-z0-9]+"));
            boolean changes = MATHS.containsKey(key)
                    || (!NO_MATHS.matcher(key.toLowerCase(Locale.ROOT)).matches()
                            && words.stream().anyMatch(WORDS::contains));
            if (KNOWN.contains(key)) {
                continue;
            }
            if (changes && !inUse(key, words, entry.getValue(), architecture)) {
                continue;
            }
            if (changes) {
                throw new PolicyException(config.where() + ": key '" + key + "' = " + entry.getValue()
                        + " is not supported: it changes the maths of the model");
            }
            out.add(key);
        }
        return out;
    }

    private static boolean inUse(String key, List<String> words, JsonNode value, Architecture architecture) {
        boolean off = value.isNull()
                || (value.isBoolean() && !value.booleanValue() && !key.equals("is_causal"))
                || ((value.isContainerNode() || value.isTextual())
                        && value.isEmpty()
                        && value.asText().isEmpty());
        boolean none = value.isNumber()
                && (value.doubleValue() == 1 && words.stream().anyMatch(ONE_IS_NONE::contains)
                        || value.doubleValue() == 0 && words.stream().anyMatch(ZERO_IS_NONE::contains));
        boolean ours = value.toString().equals(MATHS.getOrDefault(key, ""))
                || (architecture == Architecture.QWEN3 && QK_NORM.contains(key) && value.asBoolean());
        return !off && !none && !ours;
    }
}
