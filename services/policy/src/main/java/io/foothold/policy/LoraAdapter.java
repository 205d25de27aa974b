package io.foothold.policy;

import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.jni.IValue;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeSet;

/** The values of a model's adapters outside of the heap, and PEFT's files. Nobody writes there after construction. */
public final class LoraAdapter {
    static final String CONFIG = "adapter_config.json";
    private static final String WEIGHTS = "adapter_model.safetensors";
    private static final String PREFIX = "base_model.model.";
    /** Keys that say nothing about the arithmetic of a finished adapter, or only where another key that is refused asks for it. */
    private static final Set<String> WITHOUT_EFFECT = Set.of(
            "auto_mapping",
            "base_model_name_or_path",
            "revision",
            "task_type",
            "inference_mode",
            "init_lora_weights",
            "lora_dropout",
            "runtime_config",
            "loftq_config",
            "peft_version",
            "megatron_core",
            "qalora_group_size",
            "ensure_weight_tying");

    private static final String BASE = "base_model_name_or_path";

    private final ModelConfig config;
    private final Lora lora;
    private final List<WeightTensor> values;

    LoraAdapter(ModelConfig config, Lora lora, List<? extends WeightTensor> values) {
        this.config = config;
        this.lora = lora;
        this.values = List.copyOf(values);
    }

    /** New adapters that change nothing: A uniform in ±1/√in (as PEFT initialises it), B zero. */
    public static LoraAdapter fresh(ModelConfig config, Lora lora, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        List<HostTensor> out = new ArrayList<>();
        for (long[] shape : lora.shapes(config)) {
            HostTensor v = HostTensor.zeros(shape, Arena.ofAuto());
            if (out.size() % 2 == 0) {
                double bound = 1 / Math.sqrt(shape[1]);
                for (long i = 0; i < v.count(); i++) {
                    v.bytes().setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) random.nextDouble(-bound, bound));
                }
            }
            out.add(v);
        }
        return new LoraAdapter(config, lora, out);
    }

    /** The adapters' form. */
    public Lora lora() {
        return lora;
    }

    List<WeightTensor> values() {
        return values;
    }

    /** Where the base model of a PEFT directory lies; relative paths count from that directory. */
    static Path basePath(Path directory) {
        Path path = namedBase(directory);
        if (path.equals(directory.toAbsolutePath().normalize()) || !Files.isDirectory(path)) {
            throw new PolicyException(directory.resolve(CONFIG) + ": base_model_name_or_path '"
                    + json(directory).path(BASE).asText()
                    + "' is no directory (expected the Hugging Face directory of the base model)");
        }
        return path;
    }

    /** The directory of the base model by its name in a PEFT directory; it need not exist. */
    static Path namedBase(Path directory) {
        return directory
                .toAbsolutePath()
                .resolve(json(directory).path(BASE).asText())
                .normalize();
    }

    /**
     * Reads a PEFT directory.
     *
     * @param config shape of the base model
     * @throws PolicyException for settings that change the arithmetic and are not supported, by name
     */
    public static LoraAdapter read(ModelConfig config, Path directory) {
        JsonNode json = json(directory);
        Lora lora = settings(json, directory.resolve(CONFIG).toString());
        Path file = directory.resolve(WEIGHTS);
        Map<String, HostTensor> left = new LinkedHashMap<>(Safetensors.read(file, Arena.ofAuto()));
        List<String> names = lora.names(config);
        List<long[]> shapes = lora.shapes(config);
        List<HostTensor> out = new ArrayList<>();
        for (int i = 0; i < names.size(); i++) {
            HostTensor t = left.remove(PREFIX + names.get(i));
            if (t == null || !Arrays.equals(t.shape(), shapes.get(i))) {
                throw new PolicyException(file + ": tensor '" + PREFIX + names.get(i) + "' "
                        + (t == null ? "is missing" : "has shape " + Arrays.toString(t.shape())) + " (expected "
                        + Arrays.toString(shapes.get(i)) + ")");
            }
            t.requireNumbers(PREFIX + names.get(i), file.toString());
            out.add(t);
        }
        if (!left.isEmpty()) {
            throw new PolicyException(
                    file + ": tensors that " + CONFIG + " does not name: " + new TreeSet<>(left.keySet()));
        }
        return new LoraAdapter(config, lora, out);
    }

    private static JsonNode json(Path directory) {
        Path file = directory.resolve(CONFIG);
        try {
            return new ObjectMapper().readTree(Files.readString(file));
        } catch (IOException e) {
            throw new PolicyException(file + " cannot be read: " + e.getMessage(), e);
        }
    }

    private static Lora settings(JsonNode json, String where) {
        List<String> targets = new ArrayList<>();
        JsonNode modules = json.path("target_modules");
        if (modules.isArray()) {
            // Whole paths are written where adapters stand in some layers only; those are refused by the missing
            // tensors.
            modules.forEach(m -> targets.add(m.asText().substring(m.asText().lastIndexOf('.') + 1)));
        } else if (modules.asText().equals("all-linear")) {
            targets.addAll(Lora.ALL);
        } else {
            throw new PolicyException(where + ": target_modules must be a list of names, got " + modules);
        }
        json.fieldNames().forEachRemaining(key -> {
            JsonNode value = json.get(key);
            boolean known = WITHOUT_EFFECT.contains(key)
                    || Set.of("r", "lora_alpha", "target_modules", "use_rslora").contains(key)
                    || (key.equals("peft_type") && value.asText().equals("LORA"))
                    || (key.equals("bias") && value.asText().equals("none"));
            boolean empty = value.isNull()
                    || (value.isBoolean() && !value.asBoolean())
                    || (value.isContainerNode() && value.isEmpty());
            if (!known && !empty) {
                throw new PolicyException(where + ": '" + key + "' = " + value + " is not supported");
            }
        });
        return new Lora(
                        json.path("r").asInt(),
                        json.path("lora_alpha").asDouble(),
                        targets,
                        json.path("use_rslora").asBoolean())
                .embedded();
    }

    /**
     * The files of a directory that {@code PeftModel.from_pretrained} loads, by name.
     *
     * @param base directory of the base model, as it stands in the file
     */
    public Map<String, FileContent> files(Path base) {
        ObjectNode json = new ObjectMapper().createObjectNode();
        json.put("peft_type", "LORA").put("task_type", "CAUSAL_LM");
        json.put("base_model_name_or_path", base.toAbsolutePath().toString());
        json.put("r", lora.rank()).put("lora_alpha", lora.alpha()).put("lora_dropout", 0.0);
        json.put("bias", "none").put("fan_in_fan_out", false).put("inference_mode", true);
        json.put("use_rslora", lora.rankStabilised());
        lora.targets().forEach(json.putArray("target_modules")::add);
        Map<String, WeightTensor> tensors = new LinkedHashMap<>();
        List<String> names = lora.names(config);
        for (int i = 0; i < names.size(); i++) {
            tensors.put(PREFIX + names.get(i), values.get(i));
        }
        Map<String, FileContent> out = new LinkedHashMap<>();
        out.put(WEIGHTS, Safetensors.content(tensors));
        out.put(CONFIG, FileContent.of(json.toPrettyString().getBytes(StandardCharsets.UTF_8)));
        return out;
    }

    /** Writes {@link #files} into a directory. */
    public void write(Path directory, Path base) {
        files(base).forEach((name, content) -> PolicyWeights.writeDurably(directory.resolve(name), content));
    }

    /** Base weights with these adapters in them: what is sampled from. Same arithmetic as the learner's. The caller closes them. */
    public PolicyWeights mergedInto(PolicyWeights base) {
        try (NativeSteps.Step step = NativeSteps.enter();
                Transformer transformer = new Transformer(config, Precision.FAST)) {
            return mergedOver(transformer, base).copied();
        }
    }

    /** The same, each matrix computed when it is read: valid as long as the base, these values and the script are. */
    PolicyWeights mergedOver(Transformer transformer, PolicyWeights base) {
        Map<String, MergedTensor> merged = new LinkedHashMap<>();
        List<Lora.Place> places = lora.places(config);
        for (int i = 0; i < places.size(); i++) {
            String name = places.get(i).part().name();
            merged.put(
                    name,
                    new MergedTensor(transformer, base.part(name), values.get(2 * i), values.get(2 * i + 1), (double)
                            (float) lora.scale()));
        }
        return base.with(merged);
    }

    /** Writes base weights with adapters into a target, which may be the base itself. */
    static void merge(Transformer transformer, WeightStore base, WeightStore adapters, WeightStore target, Lora lora) {
        try (NativeSteps.Step step = NativeSteps.enter();
                PtNDManager scope = transformer.scope();
                IValue places = IValue.from(placeArray(scope, transformer.config(), lora));
                IValue scale = IValue.from((double) (float) lora.scale());
                IValue done = transformer.call("merge", target.list(), base.list(), adapters.list(), places, scale)) {
            if (done.toLong() != lora.places(transformer.config()).size()) {
                throw new IllegalStateException("merged " + done.toLong() + " adapters");
            }
        }
    }

    /** Slot and first row of each adapter [adapters, 2], int64. */
    static ai.djl.pytorch.engine.PtNDArray placeArray(PtNDManager scope, ModelConfig config, Lora lora) {
        List<Lora.Place> places = lora.places(config);
        long[] flat = new long[2 * places.size()];
        for (int i = 0; i < places.size(); i++) {
            flat[2 * i] = places.get(i).slot();
            flat[2 * i + 1] = places.get(i).row();
        }
        return Transformer.longs(scope, flat, places.size(), 2);
    }
}
