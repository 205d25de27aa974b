package io.foothold.core.settings;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.foothold.core.keys.Inline;
import io.foothold.core.keys.Key;
import io.foothold.core.keys.Keys;
import io.foothold.core.keys.RecordReader;
import io.foothold.core.keys.Section;
import io.foothold.core.keys.Setting;
import io.foothold.core.method.ChosenMethod;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

/** Records and keys say the same. */
class SettingsTest {
    enum Colour {
        DARK_RED,
        BLUE
    }

    @Section("own.part")
    record Own(
            @Setting(help = "A text.", fallback = "a") String someText,

            @Setting(help = "One of two.", fallback = "blue")
            Colour colour,

            @Setting(help = "A number.", fallback = "0.5", above = 0, below = 1, unit = "nats")
            double share,

            @Setting(help = "Open.", fallback = "auto", from = 1, to = 10)
            OptionalInt open,

            @Setting(help = "Names.", fallback = "") List<String> names,
            @Inline Beside beside,
            List<Item> items,
            @Setting(help = "Each") Map<String, Item> byName) {}

    record Beside(
            @Setting(help = "A flag.", fallback = "true", formerly = "own.flag")
            boolean flag) {}

    record Item(@Setting(help = "what it is.") String what) {}

    private static Map<String, String> values() {
        Map<String, String> out = new LinkedHashMap<>();
        out.put("own.part.some_text", "x, y");
        out.put("own.part.colour", "dark_red");
        out.put("own.part.share", "0.25");
        out.put("own.part.open", "auto");
        out.put("own.part.names", "p, q,");
        out.put("own.part.flag", "false");
        out.put("own.part.items.1.what", "first");
        out.put("own.part.items.2.what", "second");
        out.put("own.part.by_name.z.what", "third");
        return out;
    }

    @Test
    void aRecordIsReadFromTheValuesOfItsKeys() {
        Own own = new RecordReader(values()).read(Own.class);
        assertThat(own)
                .isEqualTo(new Own(
                        "x, y",
                        Colour.DARK_RED,
                        0.25,
                        OptionalInt.empty(),
                        List.of("p", "q"),
                        new Beside(false),
                        List.of(new Item("first"), new Item("second")),
                        Map.of("z", new Item("third"))));
    }

    @Test
    void itsKeysAreThoseOfItsComponents() {
        Map<String, Key> keys = Keys.of(List.of(Own.class));
        assertThat(keys.keySet())
                .containsExactly(
                        "own.part.some_text",
                        "own.part.colour",
                        "own.part.share",
                        "own.part.open",
                        "own.part.names",
                        "own.part.flag",
                        "own.part.items.#.what",
                        "own.part.by_name.*.what");
        assertThat(keys.get("own.part.colour").allowed()).containsExactly("dark_red", "blue");
        assertThat(keys.get("own.part.share").range()).isEqualTo(new Key.Range(0, true, 1, true, "nats"));
        assertThat(keys.get("own.part.open").allowed()).containsExactly("auto");
        assertThat(keys.get("own.part.flag").origin().formerly()).isEqualTo("own.flag");
        assertThat(keys.get("own.part.by_name.*.what").help()).isEqualTo("Each: what it is.");
        assertThat(keys.get("own.part.by_name.*.what").fallback()).isNull();
    }

    @Test
    void aKeyOfTwoRecordsAndANumberWithoutBoundsAreRefused() {
        assertThatThrownBy(() -> Keys.of(List.of(Own.class, Own.class)))
                .hasMessage("two records have the key own.part.some_text");

        @Section("other")
        record Endless(
                @Setting(help = "A number.", fallback = "1") int number) {}
        assertThatThrownBy(() -> Keys.of(List.of(Endless.class)))
                .hasMessageContaining("number is a number without bounds");
    }

    /** The defaults of the program are values that their own keys take, and every key says what it is for. */
    @Test
    void everyDefaultIsAllowedAndEveryKeyHasHelp() {
        List<Class<? extends Record>> all = new ArrayList<>(RunSettings.records());
        all.addAll(ChosenMethod.records());
        Map<String, Key> keys = Keys.of(all);
        assertThat(keys).hasSizeGreaterThan(120).containsKeys("tree.branches", "revision.bonus", "guidance.when");
        keys.forEach((path, key) -> {
            assertThat(key.help()).as(path).isNotBlank();
            String fallback = key.fallback();
            if (fallback == null || (key.allowed().isEmpty() && key.range() == null)) {
                return;
            }
            assertThat(key.allowed().contains(fallback)
                            || (key.range() != null && key.range().holds(Double.parseDouble(fallback))))
                    .as("%s: %s", path, fallback)
                    .isTrue();
        });
    }
}
