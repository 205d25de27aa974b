package io.foothold.contracts.triton;

import com.google.protobuf.ByteString;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.inference.InferTensorContents;
import io.foothold.inference.ModelInferRequest;
import io.foothold.inference.ModelInferRequest.InferInputTensor;
import io.foothold.inference.ModelInferResponse;
import io.foothold.inference.ModelInferResponse.InferOutputTensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Tensor data of requests and responses: always raw when we write, raw or typed when we read. */
public final class Tensors {

    /**
     * A tensor.
     *
     * @param datatype as on the wire
     * @param shape no negative dimension
     * @param data raw little-endian bytes; BYTES elements with their 4-byte lengths
     */
    public record Tensor(String datatype, List<Long> shape, ByteString data) {
        /** Elements of an INT32 or UINT32 tensor. */
        public int[] ints() {
            int[] out = new int[data.size() / 4];
            data.asReadOnlyByteBuffer()
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .asIntBuffer()
                    .get(out);
            return out;
        }

        /** Elements of an INT64 or UINT64 tensor. */
        public long[] longs() {
            long[] out = new long[data.size() / 8];
            data.asReadOnlyByteBuffer()
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .asLongBuffer()
                    .get(out);
            return out;
        }

        /** Elements of an FP32 tensor. */
        public float[] floats() {
            float[] out = new float[data.size() / 4];
            data.asReadOnlyByteBuffer()
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .asFloatBuffer()
                    .get(out);
            return out;
        }

        /** The first element of a BOOL tensor. */
        public boolean bool() {
            return data.byteAt(0) != 0;
        }

        /** Elements of a BYTES tensor. */
        public List<byte[]> bytes() {
            List<byte[]> out = new ArrayList<>();
            ByteBuffer buffer = data.asReadOnlyByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
            while (buffer.hasRemaining()) {
                if (buffer.remaining() < 4) {
                    throw invalid("incomplete string length indicator: expecting 4 bytes but only " + buffer.remaining()
                            + " bytes available");
                }
                int length = buffer.getInt();
                if (length < 0 || length > buffer.remaining()) {
                    throw invalid("string of " + length + " bytes, but only " + buffer.remaining() + " available");
                }
                byte[] element = new byte[length];
                buffer.get(element);
                out.add(element);
            }
            return out;
        }

        /** The first element of a BYTES tensor as text. */
        public String text() {
            List<byte[]> all = bytes();
            return all.isEmpty() ? "" : new String(all.get(0), StandardCharsets.UTF_8);
        }
    }

    private Tensors() {}

    /** INT32. */
    public static Tensor ofInts(int... values) {
        ByteBuffer b = buffer(4 * values.length);
        b.asIntBuffer().put(values);
        return new Tensor("INT32", List.of((long) values.length), ByteString.copyFrom(b));
    }

    /** UINT32. */
    public static Tensor ofUnsigned(int value) {
        return new Tensor("UINT32", List.of(1L), ofInts(value).data());
    }

    /** INT64. */
    public static Tensor ofLongs(long... values) {
        return new Tensor("INT64", List.of((long) values.length), longBytes(values));
    }

    /** UINT64. */
    public static Tensor ofUnsignedLong(long value) {
        return new Tensor("UINT64", List.of(1L), longBytes(value));
    }

    /** FP32. */
    public static Tensor ofFloats(float... values) {
        ByteBuffer b = buffer(4 * values.length);
        b.asFloatBuffer().put(values);
        return new Tensor("FP32", List.of((long) values.length), ByteString.copyFrom(b));
    }

    /** BOOL. */
    public static Tensor ofBool(boolean value) {
        return new Tensor("BOOL", List.of(1L), ByteString.copyFrom(new byte[] {(byte) (value ? 1 : 0)}));
    }

    /** BYTES of UTF-8 texts. */
    public static Tensor ofTexts(List<String> values) {
        return ofBytes(
                values.stream().map(s -> s.getBytes(StandardCharsets.UTF_8)).toList());
    }

    /** BYTES. */
    public static Tensor ofBytes(List<byte[]> values) {
        ByteBuffer b = buffer(values.stream().mapToInt(v -> 4 + v.length).sum());
        values.forEach(v -> b.putInt(v.length).put(v));
        return new Tensor("BYTES", List.of((long) values.size()), ByteString.copyFrom(b.flip()));
    }

    private static ByteString longBytes(long... values) {
        ByteBuffer b = buffer(8 * values.length);
        b.asLongBuffer().put(values);
        return ByteString.copyFrom(b);
    }

    private static ByteBuffer buffer(int size) {
        return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** Adds an input to a request. */
    public static void put(ModelInferRequest.Builder request, String name, Tensor tensor) {
        request.addInputs(InferInputTensor.newBuilder()
                .setName(name)
                .setDatatype(tensor.datatype())
                .addAllShape(tensor.shape()));
        request.addRawInputContents(tensor.data());
    }

    /** Adds an output to a response. */
    public static void put(ModelInferResponse.Builder response, String name, Tensor tensor) {
        response.addOutputs(InferOutputTensor.newBuilder()
                .setName(name)
                .setDatatype(tensor.datatype())
                .addAllShape(tensor.shape()));
        response.addRawOutputContents(tensor.data());
    }

    /** The outputs of a response by name. */
    public static Map<String, Tensor> of(ModelInferResponse response) {
        Map<String, Tensor> out = new LinkedHashMap<>();
        for (int i = 0; i < response.getOutputsCount(); i++) {
            InferOutputTensor t = response.getOutputs(i);
            ByteString data = i < response.getRawOutputContentsCount()
                    ? response.getRawOutputContents(i)
                    : typed(t.getName(), t.getDatatype(), t.getContents());
            out.put(t.getName(), new Tensor(t.getDatatype(), t.getShapeList(), data));
        }
        return out;
    }

    /**
     * The inputs of a request by name, with sizes checked against shapes.
     *
     * @throws FootholdException {@link ErrorCode#INVALID_INPUT} with Triton's wording
     */
    public static Map<String, Tensor> of(ModelInferRequest request, String model) {
        Map<String, Tensor> out = new LinkedHashMap<>();
        boolean raw = request.getRawInputContentsCount() > 0;
        for (int i = 0; i < request.getInputsCount(); i++) {
            InferInputTensor t = request.getInputs(i);
            ByteString data;
            if (raw) {
                if (t.hasContents()) {
                    throw invalid("contents field must not be specified when using raw_input_contents for '"
                            + t.getName() + "' for model '" + model + "'");
                }
                if (i >= request.getRawInputContentsCount()) {
                    throw invalid("unable to find data for input tensor '" + t.getName() + "' for model '" + model
                            + "' in request.");
                }
                data = request.getRawInputContents(i);
            } else {
                checkField(t, model);
                data = typed(t.getName(), t.getDatatype(), t.getContents());
            }
            Tensor tensor = new Tensor(t.getDatatype(), t.getShapeList(), data);
            checkSize(request, t.getName(), tensor, model);
            if (out.put(t.getName(), tensor) != null) {
                throw refused(request, "input '" + t.getName() + "' already exists in request");
            }
        }
        return out;
    }

    /** Leaves only these outputs in a response. */
    public static void keep(ModelInferResponse.Builder response, Set<String> names) {
        for (int i = response.getOutputsCount() - 1; i >= 0; i--) {
            if (!names.contains(response.getOutputs(i).getName())) {
                List<ByteString> raw = new ArrayList<>(response.getRawOutputContentsList());
                raw.remove(i);
                response.removeOutputs(i).clearRawOutputContents().addAllRawOutputContents(raw);
            }
        }
    }

    /** A refusal by Triton's core, which names the request in front of its text. */
    public static FootholdException refused(ModelInferRequest request, String text) {
        return invalid("[request id: " + (request.getId().isEmpty() ? "<id_unknown>" : request.getId()) + "] " + text);
    }

    /** Typed data must stand in the field of its datatype. */
    private static void checkField(InferInputTensor t, String model) {
        InferTensorContents c = t.getContents();
        Map<String, Integer> fields = new LinkedHashMap<>();
        fields.put("BOOL", c.getBoolContentsCount());
        fields.put("INT32", c.getIntContentsCount());
        fields.put("INT64", c.getInt64ContentsCount());
        fields.put("UINT32", c.getUintContentsCount());
        fields.put("UINT64", c.getUint64ContentsCount());
        fields.put("FP32", c.getFp32ContentsCount());
        fields.put("FP64", c.getFp64ContentsCount());
        fields.put("BYTES", c.getBytesContentsCount());
        fields.forEach((type, count) -> {
            if (count > 0 && !type.equals(t.getDatatype())) {
                throw invalid("unexpected explicit tensor data for input tensor '" + t.getName() + "' for model '"
                        + model + "' of type '" + type + "', expected datatype '" + t.getDatatype() + "'");
            }
        });
    }

    private static void checkSize(ModelInferRequest request, String name, Tensor tensor, String model) {
        String of = " for inference input '" + name + "' for model '" + model + "'";
        long count = 1;
        for (long d : tensor.shape()) {
            if (d < 0) {
                throw refused(
                        request,
                        "All input dimensions should be specified for input '" + name + "' for model '" + model
                                + "', got " + shape(tensor.shape()));
            }
            // A product that overflows can never match the data: 2^62 elements of 4 bytes must not read as 0.
            count = d == 0 ? 0 : count > Integer.MAX_VALUE / d ? Long.MAX_VALUE / 16 : count * d;
        }
        if (tensor.datatype().equals("BYTES")) {
            checkStrings(request, of, tensor.data(), count);
            return;
        }
        long expected = count * width(tensor.datatype());
        if (expected != tensor.data().size()) {
            throw refused(
                    request,
                    "input byte size mismatch for input '" + name + "' for model '" + model + "'. Expected " + expected
                            + ", got " + tensor.data().size());
        }
    }

    /** A shape as Triton writes it. */
    public static String shape(List<Long> dims) {
        return dims.toString().replace(" ", "");
    }

    private static void checkStrings(ModelInferRequest request, String of, ByteString data, long count) {
        ByteBuffer in = data.asReadOnlyByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
        long found = 0;
        while (in.hasRemaining() && found < count) {
            if (in.remaining() < Integer.BYTES) {
                throw refused(
                        request,
                        "incomplete string length indicator" + of + ", expecting 4 bytes but only " + in.remaining()
                                + " bytes available. Please make sure the string length indicator is in one buffer.");
            }
            int length = in.getInt();
            if (length < 0 || length > in.remaining()) {
                break;
            }
            in.position(in.position() + length);
            found++;
        }
        if (found < count) {
            throw refused(request, "expected " + count + " string elements" + of + ", got " + found);
        }
        if (in.hasRemaining()) {
            throw refused(request, "unexpected number of string elements " + (found + 1) + of + ", expecting " + count);
        }
    }

    private static int width(String datatype) {
        return switch (datatype) {
            case "BOOL", "INT8", "UINT8" -> 1;
            case "INT16", "UINT16", "FP16", "BF16" -> 2;
            case "INT32", "UINT32", "FP32" -> 4;
            case "INT64", "UINT64", "FP64" -> 8;
            default -> throw invalid("unknown datatype '" + datatype + "'");
        };
    }

    private static ByteString typed(String name, String datatype, InferTensorContents c) {
        return switch (datatype) {
            case "BOOL" -> {
                byte[] b = new byte[c.getBoolContentsCount()];
                for (int i = 0; i < b.length; i++) {
                    b[i] = (byte) (c.getBoolContents(i) ? 1 : 0);
                }
                yield ByteString.copyFrom(b);
            }
            case "INT32" ->
                ofInts(c.getIntContentsList().stream()
                                .mapToInt(Integer::intValue)
                                .toArray())
                        .data();
            case "UINT32" ->
                ofInts(c.getUintContentsList().stream()
                                .mapToInt(Integer::intValue)
                                .toArray())
                        .data();
            case "INT64" ->
                longBytes(c.getInt64ContentsList().stream()
                        .mapToLong(Long::longValue)
                        .toArray());
            case "UINT64" ->
                longBytes(c.getUint64ContentsList().stream()
                        .mapToLong(Long::longValue)
                        .toArray());
            case "FP32" -> {
                float[] f = new float[c.getFp32ContentsCount()];
                for (int i = 0; i < f.length; i++) {
                    f[i] = c.getFp32Contents(i);
                }
                yield ofFloats(f).data();
            }
            case "BYTES" ->
                ofBytes(c.getBytesContentsList().stream()
                                .map(ByteString::toByteArray)
                                .toList())
                        .data();
            default -> throw invalid("input '" + name + "': datatype '" + datatype + "' needs raw contents");
        };
    }

    private static FootholdException invalid(String message) {
        return new FootholdException(ErrorCode.INVALID_INPUT, message);
    }
}
