package io.foothold.contracts.triton;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Message;
import io.foothold.inference.ModelInferRequest;
import io.foothold.inference.ModelInferRequest.InferInputTensor;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Our inference protocol against stubs that others generated, and tensors against their rules. */
class TritonWireTest {
    @Test
    void fieldsHaveTheNumbersAndTypesOfIndependentStubs() {
        Map<Descriptor, Descriptor> pairs = Map.of(
                io.foothold.inference.ModelInferRequest.getDescriptor(),
                        inference.GrpcPredictV2.ModelInferRequest.getDescriptor(),
                io.foothold.inference.ModelInferResponse.getDescriptor(),
                        inference.GrpcPredictV2.ModelInferResponse.getDescriptor(),
                io.foothold.inference.ModelMetadataResponse.getDescriptor(),
                        inference.GrpcPredictV2.ModelMetadataResponse.getDescriptor(),
                io.foothold.inference.InferTensorContents.getDescriptor(),
                        inference.GrpcPredictV2.InferTensorContents.getDescriptor(),
                io.foothold.inference.ServerMetadataResponse.getDescriptor(),
                        inference.GrpcPredictV2.ServerMetadataResponse.getDescriptor());
        pairs.forEach(TritonWireTest::compare);
    }

    private static void compare(Descriptor ours, Descriptor theirs) {
        assertThat(ours.getFullName()).isEqualTo(theirs.getFullName());
        for (FieldDescriptor field : theirs.getFields()) {
            FieldDescriptor own = ours.findFieldByNumber(field.getNumber());
            assertThat(own).as(field.getFullName()).isNotNull();
            assertThat(own.getName()).isEqualTo(field.getName());
            assertThat(own.getType()).isEqualTo(field.getType());
            assertThat(own.isRepeated()).isEqualTo(field.isRepeated());
        }
        theirs.getNestedTypes().stream()
                .filter(n -> !n.getOptions().getMapEntry())
                .forEach(n -> compare(ours.findNestedTypeByName(n.getName()), n));
    }

    @Test
    void bytesOfARequestMeanTheSameToThem() throws Exception {
        ModelInferRequest.Builder request =
                ModelInferRequest.newBuilder().setModelName("policy").setId("r1");
        Tensors.put(request, "input_ids", Tensors.ofInts(1, 2, 3));
        Tensors.put(request, "text", Tensors.ofTexts(List.of("äb", "")));
        Message theirs = inference.GrpcPredictV2.ModelInferRequest.parseFrom(
                request.build().toByteArray());
        assertThat(ModelInferRequest.parseFrom(theirs.toByteArray())).isEqualTo(request.build());
        assertThat(theirs.getUnknownFields().asMap()).isEmpty();
    }

    @Test
    void tensorsComeBackAsTheyWent() {
        ModelInferRequest.Builder request = ModelInferRequest.newBuilder();
        Tensors.put(request, "i", Tensors.ofInts(-1, 7));
        Tensors.put(request, "f", Tensors.ofFloats(-.5f, Float.NaN));
        Tensors.put(request, "l", Tensors.ofLongs(Long.MIN_VALUE));
        Tensors.put(request, "b", Tensors.ofBool(true));
        Tensors.put(request, "s", Tensors.ofTexts(List.of("", "x\u0000y")));
        Tensors.put(request, "e", Tensors.ofInts());
        Map<String, Tensors.Tensor> t = Tensors.of(request.build(), "m");
        assertThat(t.get("i").ints()).containsExactly(-1, 7);
        assertThat(t.get("f").floats()).containsExactly(-.5f, Float.NaN);
        assertThat(t.get("l").longs()).containsExactly(Long.MIN_VALUE);
        assertThat(t.get("b").bool()).isTrue();
        assertThat(t.get("s").bytes()).hasSize(2);
        assertThat(t.get("e").ints()).isEmpty();
    }

    @Test
    void wrongTensorsAreRefusedInTritonsWords() {
        assertRefused(
                tensor("INT32", 4, 3, 1), "input byte size mismatch for input 'x' for model 'm'. Expected 12, got 4");
        assertRefused(tensor("INT32", 0, 1L << 62), "input byte size mismatch");
        assertRefused(tensor("INT32", 4, -1), "All input dimensions should be specified");
        assertRefused(tensor("BYTES", 2, 1), "incomplete string length indicator");
        assertRefused(tensor("COMPLEX", 4, 1), "unknown datatype 'COMPLEX'");
    }

    private static ModelInferRequest tensor(String type, int bytes, long... shape) {
        InferInputTensor.Builder input =
                InferInputTensor.newBuilder().setName("x").setDatatype(type);
        for (long s : shape) {
            input.addShape(s);
        }
        return ModelInferRequest.newBuilder()
                .addInputs(input)
                .addRawInputContents(ByteString.copyFrom(new byte[bytes]))
                .build();
    }

    private static void assertRefused(ModelInferRequest request, String text) {
        assertThatThrownBy(() -> Tensors.of(request, "m")).hasMessageContaining(text);
    }
}
