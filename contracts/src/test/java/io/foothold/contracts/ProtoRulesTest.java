package io.foothold.contracts;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.EnumDescriptor;
import com.google.protobuf.Descriptors.EnumValueDescriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Descriptors.FileDescriptor;
import com.google.protobuf.Descriptors.MethodDescriptor;
import com.google.protobuf.Descriptors.ServiceDescriptor;
import io.foothold.v1.AugmentationProto;
import io.foothold.v1.CommonProto;
import io.foothold.v1.LearnerProto;
import io.foothold.v1.LocalizerProto;
import io.foothold.v1.RunProto;
import io.foothold.v1.SamplerProto;
import io.foothold.v1.TensorBackendProto;
import io.foothold.v1.VerifierProto;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** Buf's STANDARD rules for foothold/v1, and compatibility with the checked-in surface. */
class ProtoRulesTest {
    private static final List<FileDescriptor> FILES = List.of(
            CommonProto.getDescriptor(),
            AugmentationProto.getDescriptor(),
            SamplerProto.getDescriptor(),
            VerifierProto.getDescriptor(),
            LocalizerProto.getDescriptor(),
            LearnerProto.getDescriptor(),
            TensorBackendProto.getDescriptor(),
            RunProto.getDescriptor());

    @Test
    void packagesFilesMessagesAndFieldsAreNamedByTheRules() {
        for (FileDescriptor file : FILES) {
            assertThat(file.getPackage()).isEqualTo("foothold.v1");
            assertThat(file.getFullName()).matches("foothold/v1/[a-z_]+\\.proto");
            for (Descriptor message : file.getMessageTypes()) {
                assertThat(message.getName()).matches("[A-Z][A-Za-z0-9]*");
                for (FieldDescriptor field : message.getFields()) {
                    assertThat(field.getName()).as(message.getName()).matches("[a-z][a-z0-9]*(_[a-z0-9]+)*");
                }
            }
        }
    }

    @Test
    void enumValuesCarryTheirEnumsNameAndBeginUnspecified() {
        for (FileDescriptor file : FILES) {
            for (EnumDescriptor type : file.getEnumTypes()) {
                String prefix =
                        type.getName().replaceAll("([a-z0-9])([A-Z])", "$1_$2").toUpperCase(Locale.ROOT) + "_";
                for (EnumValueDescriptor value : type.getValues()) {
                    assertThat(value.getName()).startsWith(prefix);
                }
                assertThat(type.getValues().get(0).getName()).isEqualTo(prefix + "UNSPECIFIED");
                assertThat(type.getValues().get(0).getNumber()).isZero();
            }
        }
    }

    @Test
    void servicesAndTheirMessagesAreNamedAndUsedOnce() {
        Set<String> used = new HashSet<>();
        for (FileDescriptor file : FILES) {
            for (ServiceDescriptor service : file.getServices()) {
                assertThat(service.getName()).endsWith("Service");
                for (MethodDescriptor method : service.getMethods()) {
                    assertThat(method.getInputType().getName()).isEqualTo(method.getName() + "Request");
                    assertThat(method.getOutputType().getName()).isEqualTo(method.getName() + "Response");
                    assertThat(used.add(method.getInputType().getName())).isTrue();
                    assertThat(used.add(method.getOutputType().getName())).isTrue();
                }
            }
        }
    }

    @Test
    void everyFieldMessageAndMethodHasAComment() throws IOException {
        Path directory = Path.of("src/main/proto/foothold/v1");
        try (var files = Files.list(directory)) {
            for (Path file : files.toList()) {
                List<String> lines = Files.readAllLines(file);
                for (int i = 1; i < lines.size(); i++) {
                    String line = lines.get(i).strip();
                    boolean declares = line.matches("(message|enum|service|rpc|oneof) .*")
                            || line.matches("(repeated |map<.*> )?[\\w.]+ \\w+ = \\d+;");
                    boolean commented = lines.get(i - 1).strip().startsWith("//");
                    if (declares && !line.contains("UNSPECIFIED")) {
                        assertThat(commented)
                                .as(file.getFileName() + ":" + (i + 1) + " " + line)
                                .isTrue();
                    }
                }
            }
        }
    }

    /** One line a field, method and enum value. */
    private static Set<String> surface() {
        Set<String> out = new TreeSet<>();
        for (FileDescriptor file : FILES) {
            file.getMessageTypes().forEach(m -> m.getFields()
                    .forEach(f -> out.add("field " + m.getName() + "." + f.getName() + " " + f.getNumber() + " "
                            + (f.isRepeated() ? "repeated " : "") + f.getType())));
            file.getEnumTypes()
                    .forEach(e -> e.getValues().forEach(v -> out.add("value " + v.getName() + " " + v.getNumber())));
            file.getServices().forEach(s -> s.getMethods()
                    .forEach(m -> out.add("rpc " + s.getName() + "." + m.getName()
                            + (m.isClientStreaming() ? " client-streaming" : "")
                            + (m.isServerStreaming() ? " server-streaming" : ""))));
        }
        return out;
    }

    /**
     * What was released stays: every line of the checked-in surface is still there. Additions are added to the file; while the
     * version is 0.x a deliberate break may rewrite it, in a commit that says so.
     */
    @Test
    void whatWasReleasedStays() throws IOException {
        Path file = Path.of("src/test/resources/foothold-v1-surface.txt");
        if (Boolean.getBoolean("foothold.write-surface")) {
            Files.createDirectories(file.getParent());
            Files.write(file, surface());
        }
        assertThat(surface()).containsAll(Files.readAllLines(file));
    }
}
