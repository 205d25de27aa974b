package io.foothold.contracts.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Strict reading of text files. */
class TextLinesTest {
    @TempDir
    Path directory;

    private Path file(byte[]... parts) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (byte[] part : parts) {
            out.write(part);
        }
        return Files.write(directory.resolve("file"), out.toByteArray());
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static byte[] hex(String bytes) {
        return HexFormat.of().parseHex(bytes);
    }

    private static List<String> lines(Path file, int longest) {
        List<String> out = new ArrayList<>();
        TextLines.read("file", file, longest, (number, text) -> out.add(number + "=" + text));
        return out;
    }

    @Test
    void lineEndsOfEveryKindAndAMarkAtTheStart() throws IOException {
        assertThat(lines(file(hex("efbbbf"), utf8("a\nb\r\nc\rd\n\nπ\u2028x")), 100))
                .containsExactly("1=a", "2=b", "3=c", "4=d", "5=", "6=π\u2028x");
        assertThat(lines(file(hex("efbbbf")), 100)).isEmpty();
        assertThat(TextLines.text("file", file(hex("efbbbf"), utf8("a\r\nπ")), 100))
                .isEqualTo("a\r\nπ");
    }

    @ParameterizedTest
    @ValueSource(ints = {65_535, 65_536, 65_537, 131_072})
    void linesAcrossBlocks(int length) throws IOException {
        String text = "x".repeat(length - 1) + "é";
        assertThat(lines(file(utf8(text + "\r\n" + text)), 1 << 20)).containsExactly("1=" + text, "2=" + text);
    }

    @ParameterizedTest
    @CsvSource({"ff, 3", "c3, 3", "eda080, 3", "c0af, 3", "f4908080, 3"})
    void aWrongByteIsNamedWithItsLine(String bytes, int at) throws IOException {
        Path file = file(utf8("one\ntwo\nab"), hex(bytes), utf8("\nfour"));
        assertThatThrownBy(() -> lines(file, 100)).hasMessage(file + ":3: byte " + at + " of the line is not UTF-8");
        assertThatThrownBy(() -> TextLines.text("file", file, 100))
                .hasMessage(file + ":3: byte " + at + " of the line is not UTF-8");
    }

    @ParameterizedTest
    @ValueSource(strings = {"fffe7b00", "feff007b", "fffe"})
    void otherEncodingsAreNamed(String bytes) throws IOException {
        Path file = file(hex(bytes));
        assertThatThrownBy(() -> lines(file, 100)).hasMessageContaining(":1: the file is UTF-16");
    }

    @Test
    void boundsAndKindsOfFiles() throws Exception {
        Path file = file(utf8("12345\n123456\n"));
        assertThatThrownBy(() -> lines(file, 5)).hasMessageContaining(":2: the line has more than the 5 bytes");
        assertThatThrownBy(() -> TextLines.text("file", file, 5)).hasMessageContaining("larger than the 5 bytes");
        assertThat(new ProcessBuilder("mkfifo", directory + "/pipe").start().waitFor())
                .isZero();
        for (Path other : List.of(directory.resolve("pipe"), directory, Path.of("/dev/zero"))) {
            assertThatThrownBy(() -> lines(other, 5)).hasMessageContaining("no regular file");
        }
        assertThatThrownBy(() -> lines(directory.resolve("none"), 5))
                .hasMessageContaining("does not exist")
                .extracting(t -> ((FootholdException) t).code())
                .isEqualTo(ErrorCode.NOT_FOUND);
    }

    @Test
    void anInterruptedReaderEnds() throws IOException {
        Path file = file(utf8("a\n".repeat(100_000)));
        Thread.currentThread().interrupt();
        try {
            assertThatThrownBy(() -> lines(file, 5))
                    .extracting(t -> ((FootholdException) t).code())
                    .isEqualTo(ErrorCode.CANCELLED);
        } finally {
            assertThat(Thread.interrupted()).isTrue();
        }
    }
}
