package io.foothold.policy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Weights, tokenizers and adapters that are not what they seem are refused; what is left out on purpose is known by name. */
class PolicyFilesTest {
    private static final String EMBEDDING = "model.embed_tokens.weight";
    private static final String HEAD = "lm_head.weight";

    @TempDir
    Path directory;

    private final PolicyWeights weights = Shapes.weights(Shapes.of(ModelConfig.Architecture.LLAMA, true), 7);

    private Map<String, HostTensor> tensors() {
        PolicyDirectory.write(directory, weights, "{}");
        return Shapes.copied(directory.resolve("model.safetensors"));
    }

    private void save(Map<String, HostTensor> tensors) throws IOException {
        PolicyWeights.writeDurably(directory.resolve("model.safetensors"), Safetensors.content(tensors));
    }

    private PolicyWeights read() {
        return PolicyDirectory.open(directory).weights();
    }

    private void refused(String... words) {
        assertThatThrownBy(this::read).isInstanceOf(PolicyException.class).satisfies(e -> assertThat(e.getMessage())
                .contains(words));
    }

    @Test
    void aTiedModelMayRepeatItsEmbeddingAsHead() throws IOException {
        Map<String, HostTensor> all = tensors();
        all.put(HEAD, all.get(EMBEDDING));
        save(all);
        assertThat(read().digest()).isEqualTo(weights.digest());
    }

    @Test
    void aTiedModelWithAnotherHeadIsRefused() throws IOException {
        Map<String, HostTensor> all = tensors();
        HostTensor embedding = all.get(EMBEDDING);
        float[] other = embedding.toArray();
        other[33] = Math.nextUp(other[33]);
        all.put(HEAD, HostTensor.of(embedding.shape(), other));
        save(all);
        refused(HEAD, EMBEDDING, "tie_word_embeddings", "[1, 1]");
        all.put(HEAD, HostTensor.of(new long[] {32, 38}, embedding.toArray()));
        save(all);
        refused(HEAD, "[32, 38]", "[38, 32]");
        all.put(HEAD, HostTensor.of(new long[] {1}, new float[1]));
        save(all);
        refused(HEAD, "[1]");
    }

    @Test
    void rotaryBuffersAreNoWeights() throws IOException {
        Map<String, HostTensor> all = tensors();
        HostTensor buffer = HostTensor.of(new long[] {4}, new float[4]);
        all.put("model.layers.0.self_attn.rotary_emb.inv_freq", buffer);
        all.put("model.rotary_emb.inv_freq", buffer);
        save(all);
        assertThat(read().digest()).isEqualTo(weights.digest());
        all.put("model.rotary_emb.other", buffer);
        save(all);
        refused("model.rotary_emb.other");
    }

    @ParameterizedTest
    @CsvSource({"NaN", "Infinity", "-Infinity"})
    void weightsThatAreNoNumbersAreRefusedWithTheirPlace(float value) throws IOException {
        for (String name : List.of(EMBEDDING, "model.layers.1.self_attn.v_proj.weight", "model.norm.weight")) {
            Map<String, HostTensor> all = tensors();
            HostTensor tensor = all.get(name);
            float[] data = tensor.toArray();
            data[data.length - 1] = value;
            long[] last = Arrays.stream(tensor.shape()).map(s -> s - 1).toArray();
            all.put(name, HostTensor.of(tensor.shape(), data));
            save(all);
            refused(name, Arrays.toString(last), Float.toString(value));
        }
    }

    @Test
    void adaptersThatAreNoNumbersAreRefusedWithTheirPlace() throws IOException {
        PolicyDirectory.write(directory.resolve("base"), weights, "{}");
        LoraAdapter adapter = LoraAdapter.fresh(weights.config(), new Lora(2, 4, List.of("q_proj"), false), 1);
        Path at = directory.resolve("adapters");
        adapter.write(at, directory.resolve("base"));
        Path file = at.resolve("adapter_model.safetensors");
        byte[] bytes = Files.readAllBytes(file);
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putFloat(bytes.length - 4, Float.NaN);
        Files.write(file, bytes);
        assertThatThrownBy(() -> PolicyDirectory.open(at)).hasMessageContainingAll("lora_", "NaN");
    }

    @Test
    void scoresThatAreNoNumbersAreRefused() {
        PolicyWeights huge = Shapes.of(
                weights.config(),
                Shapes.slots(weights).stream()
                        .map(s -> {
                            float[] out = new float[s.length];
                            Arrays.fill(out, 3e38f);
                            return out;
                        })
                        .toList());
        NativeRuntime.start();
        NativeRuntime.enterThread();
        assertThatThrownBy(() -> new Scorer(huge, Precision.EXACT).logProbs(List.of(new int[] {1, 2, 3})))
                .isInstanceOf(PolicyException.class)
                .hasMessageContainingAll("log-prob", "sequence 1");
    }

    private Path file(String header, int bytes) throws IOException {
        byte[] text = header.replace('\'', '"').getBytes(StandardCharsets.UTF_8);
        ByteBuffer out = ByteBuffer.allocate(8 + text.length + bytes).order(ByteOrder.LITTLE_ENDIAN);
        out.putLong(text.length).put(text);
        return Files.write(directory.resolve("t.safetensors"), out.array());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                // Over the same bytes, with a gap, with bytes that belong to none, out of the file.
                "{'a': {'dtype': 'F32', 'shape': [2], 'data_offsets': [0, 8]}, 'b': {'dtype': 'F32', 'shape': [2], 'data_offsets': [0, 8]}} | 8 | 'a';'b'",
                "{'a': {'dtype': 'F32', 'shape': [2], 'data_offsets': [0, 8]}, 'b': {'dtype': 'F32', 'shape': [2], 'data_offsets': [4, 12]}} | 12 | 'a';'b'",
                "{'a': {'dtype': 'F32', 'shape': [1], 'data_offsets': [0, 4]}, 'b': {'dtype': 'F32', 'shape': [1], 'data_offsets': [8, 12]}} | 12 | 'b';4;8",
                "{'a': {'dtype': 'F32', 'shape': [1], 'data_offsets': [4, 8]}} | 8 | 'a';0;4",
                "{'a': {'dtype': 'F32', 'shape': [1], 'data_offsets': [0, 4]}} | 8 | 4;8",
                "{'a': {'dtype': 'F32', 'shape': [2], 'data_offsets': [0, 8]}} | 4 | 'a';truncated",
                "{'a': {'dtype': 'F32', 'shape': [1], 'data_offsets': [4, 0]}} | 8 | 'a'",
                "{'a': {'dtype': 'F32', 'shape': [1], 'data_offsets': [-4, 0]}} | 8 | 'a'",
                "{'a': {'dtype': 'F32', 'shape': [1], 'data_offsets': [0]}} | 4 | 'a';data_offsets",
                "{'a': {'dtype': 'F32', 'shape': [1], 'data_offsets': ['0', '4']}} | 4 | 'a';data_offsets",
                "{'a': {'dtype': 'F32', 'shape': [1], 'data_offsets': [0, 9223372036854775807]}} | 4 | 'a'",
                // Shapes.
                "{'a': {'dtype': 'F32', 'shape': [4294967296, 4294967296], 'data_offsets': [0, 4]}} | 4 | 'a';4294967296",
                "{'a': {'dtype': 'F32', 'shape': [2305843009213693952, 2], 'data_offsets': [0, 0]}} | 0 | 'a';2305843009213693952",
                "{'a': {'dtype': 'F32', 'shape': [-1, -1], 'data_offsets': [0, 4]}} | 4 | 'a';-1",
                "{'a': {'dtype': 'F32', 'shape': [1.5], 'data_offsets': [0, 4]}} | 4 | 'a';1.5",
                "{'a': {'dtype': 'F32', 'shape': ['1'], 'data_offsets': [0, 4]}} | 4 | 'a';shape",
                "{'a': {'dtype': 'F32', 'data_offsets': [0, 4]}} | 4 | 'a';shape",
                "{'a': {'dtype': 'F64', 'shape': [1], 'data_offsets': [0, 8]}} | 8 | 'a';F64",
                // Twice in one header.
                "{'a': {'dtype': 'F32', 'shape': [1], 'data_offsets': [0, 4]}, 'a': {'dtype': 'F32', 'shape': [1], 'data_offsets': [4, 8]}} | 8 | uplicate;a",
                "[1] | 0 | header",
            })
    void filesWhoseHeaderLiesAreRefused(String header, int bytes, String words) throws IOException {
        Path file = file(header, bytes);
        assertThatThrownBy(() -> Safetensors.read(file, Arena.ofAuto()))
                .isInstanceOf(PolicyException.class)
                .hasMessageContaining("t.safetensors")
                .satisfies(e -> assertThat(e.getMessage()).contains(words.split(";")));
    }

    @Test
    void emptyTensorsAndAnyOrderAreFine() throws IOException {
        Path file = file(
                "{'b': {'dtype': 'F32', 'shape': [1], 'data_offsets': [4, 8]}, 'e': {'dtype': 'F32', 'shape': [0, 3], 'data_offsets': [4, 4]},"
                        + " 's': {'dtype': 'F32', 'shape': [], 'data_offsets': [8, 12]},"
                        + " 'a': {'dtype': 'F16', 'shape': [2], 'data_offsets': [0, 4]}}",
                12);
        assertThat(Safetensors.read(file, Arena.ofAuto())).containsOnlyKeys("a", "b", "e", "s");
    }

    @Test
    void shardsHoldWhatTheIndexSays() throws IOException {
        Map<String, HostTensor> all = tensors();
        Files.delete(directory.resolve("model.safetensors"));
        ObjectNode index = new ObjectMapper().createObjectNode();
        ObjectNode map = index.putObject("weight_map");
        Map<String, HostTensor> first = new LinkedHashMap<>();
        Map<String, HostTensor> second = new LinkedHashMap<>();
        all.forEach((name, tensor) -> {
            boolean one = name.contains("layers.0");
            (one ? first : second).put(name, tensor);
            map.put(name, one ? "1.safetensors" : "2.safetensors");
        });
        Path file = directory.resolve("model.safetensors.index.json");
        Files.writeString(file, index.toString());
        PolicyWeights.writeDurably(directory.resolve("1.safetensors"), Safetensors.content(first));
        PolicyWeights.writeDurably(directory.resolve("2.safetensors"), Safetensors.content(second));
        assertThat(read().digest()).isEqualTo(weights.digest());
        // The same name in both: which is meant?
        first.put(EMBEDDING, HostTensor.of(new long[] {38, 32}, new float[38 * 32]));
        PolicyWeights.writeDurably(directory.resolve("1.safetensors"), Safetensors.content(first));
        refused("1.safetensors", EMBEDDING, "2.safetensors");
        first.remove(EMBEDDING);
        first.put("model.layers.0.extra", HostTensor.of(new long[] {1}, new float[1]));
        PolicyWeights.writeDurably(directory.resolve("1.safetensors"), Safetensors.content(first));
        refused("1.safetensors", "model.layers.0.extra");
        Files.writeString(file, "{\"weight_map\": []}");
        refused("weight_map");
    }

    @Test
    void absentShardsAreNamed() throws IOException {
        PolicyDirectory.write(directory, weights, "{}");
        Files.delete(directory.resolve("model.safetensors"));
        Files.writeString(
                directory.resolve("model.safetensors.index.json"),
                "{'weight_map': {'a': '1.safetensors', 'b': '2.safetensors', 'c': '3.safetensors'}}"
                        .replace('\'', '"'));
        PolicyWeights.writeDurably(
                directory.resolve("2.safetensors"), Safetensors.content(Map.of("b", HostTensor.of(new long[] {1}, 1))));
        refused("index.json", "3 shards", "2 are missing", "1.safetensors, 3.safetensors");
        Files.createSymbolicLink(directory.resolve("1.safetensors"), Path.of("../blobs/1"));
        Files.createSymbolicLink(directory.resolve("3.safetensors"), Path.of("../blobs/3"));
        refused("1.safetensors, 3.safetensors", "links", "download");
    }

    @Test
    void snapshotsOfLinksAreReadThroughThem() throws IOException {
        Path blobs = Files.createDirectories(directory.resolve("blobs"));
        PolicyDirectory.write(blobs, weights, "{}");
        Path snapshot = Files.createDirectories(directory.resolve("snapshots/1"));
        for (String name : List.of("config.json", "model.safetensors")) {
            Files.createSymbolicLink(snapshot.resolve(name), Path.of("../../blobs", name));
        }
        // A whole file goes before an index, whatever that names: as in transformers.
        Files.writeString(snapshot.resolve("model.safetensors.index.json"), "{\"weight_map\": {\"a\": \"gone\"}}");
        assertThat(PolicyDirectory.open(snapshot).weights().digest()).isEqualTo(weights.digest());
        Files.delete(blobs.resolve("model.safetensors"));
        Files.delete(snapshot.resolve("model.safetensors.index.json"));
        assertThatThrownBy(() -> PolicyDirectory.open(snapshot).weights())
                .isInstanceOf(PolicyException.class)
                .hasMessageContainingAll("model.safetensors is missing", "link");
    }

    @ParameterizedTest
    @EnumSource(HostTensor.Type.class)
    void numbersOfEveryTypeAreReadPieceByPiece(HostTensor.Type type) throws IOException {
        int count = 3 * 65_536 + 17;
        ByteBuffer data = ByteBuffer.allocate(count * type.width()).order(ByteOrder.LITTLE_ENDIAN);
        float[] expected = new float[count];
        for (int i = 0; i < count; i++) {
            float x = (i - count / 2) / 512f;
            switch (type) {
                case F32 -> data.putFloat(x);
                case BF16 -> data.putShort((short) (Float.floatToRawIntBits(x) >> 16));
                case F16 -> data.putShort(Float.floatToFloat16(x));
            }
            expected[i] = switch (type) {
                case F32 -> x;
                case BF16 -> Float.intBitsToFloat(Float.floatToRawIntBits(x) & 0xFFFF0000);
                case F16 -> Float.float16ToFloat(Float.floatToFloat16(x));
            };
        }
        Path file = directory.resolve("t.safetensors");
        String header = "{'a': {'dtype': '" + type + "', 'shape': [" + count + "], 'data_offsets': [0, "
                + data.capacity() + "]}}";
        // Data that begin at an odd byte.
        byte[] text = (header + (header.length() % 2 == 0 ? " " : ""))
                .replace('\'', '"')
                .getBytes(StandardCharsets.UTF_8);
        Files.write(
                file,
                ByteBuffer.allocate(8 + text.length + data.capacity())
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .putLong(text.length)
                        .put(text)
                        .put(data.array())
                        .array());
        HostTensor tensor = Safetensors.read(file, Arena.ofAuto()).get("a");
        assertThat(tensor.toArray()).isEqualTo(expected);
        HostTensor copy = HostTensor.zeros(tensor.shape(), Arena.ofAuto());
        tensor.copyTo(copy.bytes());
        assertThat(copy.toArray()).isEqualTo(expected);
        Path again = directory.resolve("again.safetensors");
        assertThat(PolicyWeights.writeDurably(again, Safetensors.content(Map.of("a", tensor))))
                .isEqualTo(Sha256.of(again))
                .isEqualTo(Sha256.of(Safetensors.content(Map.of("a", copy))));
        assertThat(Safetensors.read(again, Arena.ofAuto()).get("a").toArray()).isEqualTo(expected);
        assertThat(tensor.mismatch(copy)).isEqualTo(-1);
        copy.bytes().setAtIndex(ValueLayout.JAVA_FLOAT, count - 2, Float.NaN);
        assertThat(tensor.mismatch(copy)).isEqualTo(count - 2);
        assertThatThrownBy(() -> copy.requireNumbers("a", "here"))
                .hasMessageContainingAll("NaN", "[" + (count - 2) + "]");
    }

    @Test
    void aFileThatIsCutWhileItIsReadIsSaidToBe() throws IOException {
        ModelConfig config = ModelConfig.qwen3(4096, 256, 64, 1, 4, 2, 8, 64).endingWith(List.of(1));
        PolicyDirectory.write(directory, PolicyWeights.random(config, 1), "{}");
        NativeRuntime.enterThread();
        try (PolicyWeights mapped = PolicyDirectory.open(directory).weights()) {
            try (FileChannel file =
                    FileChannel.open(directory.resolve("model.safetensors"), StandardOpenOption.WRITE)) {
                file.truncate(8192);
            }
            assertThatThrownBy(() -> new Trainer(mapped, 64, Precision.EXACT))
                    .isInstanceOf(PolicyException.class)
                    .hasMessageContaining("cut short");
        }
    }

    private void tokenizer(String json) throws IOException {
        Files.writeString(directory.resolve("tokenizer.json"), json.replace('\'', '"'));
    }

    private String decoded(String json, int... ids) throws IOException {
        tokenizer(json);
        try (Tokenizer tokenizer = Tokenizer.read(directory, weights.config().vocabulary())) {
            return tokenizer.decode(ids);
        }
    }

    private static final String REST =
            "'version': '1.0', 'truncation': null, 'padding': null, 'added_tokens': [], 'normalizer': null, 'pre_tokenizer': null, 'post_processor': null, ";

    private static String bpe(String decoder, String more, String vocabulary) {
        return "{" + REST + "'decoder': " + decoder + ", 'model': {'type': 'BPE', 'merges': [], " + more + "'vocab': {"
                + vocabulary + "}}}";
    }

    @Test
    void tokensAreDecodedAsTheDecoderSays() throws IOException {
        String vocabulary = "'\u0120a': 0, '\u2581b': 1, '<0x41>': 2, 'c': 3, 'ByteLevel': 4";
        assertThat(decoded(
                        bpe("{'type': 'ByteLevel', 'add_prefix_space': true, 'trim_offsets': true}", "", vocabulary),
                        0,
                        1,
                        2,
                        3))
                .isEqualTo(" a\u2581b<0x41>c");
        String llama =
                "{'type': 'Sequence', 'decoders': [{'type': 'Replace', 'pattern': {'String': '\u2581'}, 'content': ' '},"
                        + " {'type': 'ByteFallback'}, {'type': 'Fuse'}, {'type': 'Strip', 'content': ' ', 'start': 1, 'stop': 0}]}";
        assertThat(decoded(bpe(llama, "", vocabulary), 0, 1, 2, 3, 4)).isEqualTo("\u0120a bAcByteLevel");
        String metaspace = "{'type': 'Metaspace', 'replacement': '\u2581', 'prepend_scheme': 'always', 'split': true}";
        assertThat(decoded(bpe(metaspace, "", vocabulary), 1, 2, 3)).isEqualTo(" b<0x41>c");
        assertThat(decoded(bpe("{'type': 'Fuse'}", "", vocabulary), 1, 2, 3)).isEqualTo("\u2581b<0x41>c");
    }

    @Test
    void tokenizersThatCannotBeDecodedAreRefusedByName() throws IOException {
        String level = "{'type': 'ByteLevel', 'add_prefix_space': true, 'trim_offsets': true}";
        Map<String, String> refused = new LinkedHashMap<>();
        refused.put(
                "{" + REST
                        + "'decoder': {'type': 'Metaspace', 'replacement': '_', 'prepend_scheme': 'always', 'split': true},"
                        + " 'model': {'type': 'Unigram', 'unk_id': 0, 'vocab': {'a': 0}}}",
                "vocab;scores for Unigram");
        refused.put(
                "{" + REST + "'decoder': {'type': 'WordPiece', 'prefix': '##', 'cleanup': true},"
                        + " 'model': {'type': 'WordPiece', 'unk_token': 'a', 'continuing_subword_prefix': '##',"
                        + " 'max_input_chars_per_word': 100, 'vocab': {'a': 0}}}",
                "WordPiece;BPE, WordLevel or Unigram");
        refused.put(bpe("null", "", "'a': 0"), "decoder;null;ByteLevel");
        refused.put(
                "{" + REST + "'decoder': null, 'model': {'type': 'WordLevel', 'unk_token': 'a', 'vocab': {'a': 0}}}",
                "decoder");
        refused.put(bpe("{'type': 'BPEDecoder', 'suffix': '</w>'}", "", "'a': 0"), "BPEDecoder");
        refused.put(bpe("{'type': 'WordPiece', 'prefix': '##', 'cleanup': true}", "", "'a': 0"), "WordPiece");
        refused.put(
                bpe("{'type': 'Sequence', 'decoders': [" + level + ", {'type': 'ByteFallback'}]}", "", "'a': 0"),
                "decoder");
        refused.put(bpe("{'type': 'Replace', 'pattern': {'Regex': 'a'}, 'content': ' '}", "", "'a': 0"), "Regex");
        refused.put(bpe(level, "'end_of_word_suffix': '</w>', ", "'a': 0"), "end_of_word_suffix;</w>");
        refused.put(bpe(level, "'continuing_subword_prefix': '##', ", "'a': 0"), "continuing_subword_prefix;##");
        refused.put(bpe(level, "", ""), "vocab");
        refused.put(bpe(level, "", "'a': 0, 'b': 0"), "'b';id 0");
        refused.put(bpe(level, "", "'a': 'x'"), "'a';\"x\"");
        refused.put(bpe(level, "", "'a': 38"), "38");
        refused.put(
                bpe(level, "", "'a': 0")
                        .replace("'added_tokens': []", "'added_tokens': [{'id': null, 'content': '<s>'}]"),
                "<s>;null");
        refused.put("{'decoder': null}", "model is missing");
        for (Map.Entry<String, String> e : refused.entrySet()) {
            tokenizer(e.getKey());
            assertThatThrownBy(() -> Tokenizer.read(directory, weights.config().vocabulary())
                            .close())
                    .as(e.getKey())
                    .isInstanceOf(PolicyException.class)
                    .hasMessageContaining("tokenizer.json")
                    .satisfies(x ->
                            assertThat(x.getMessage()).contains(e.getValue().split(";")));
        }
    }
}
