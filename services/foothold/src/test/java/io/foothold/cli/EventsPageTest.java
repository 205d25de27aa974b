package io.foothold.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import io.foothold.orchestrator.event.Happening;
import java.lang.reflect.RecordComponent;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The page of events against what they are made of. */
class EventsPageTest {
    /** Components that are the details themselves. */
    private static final Set<String> WHOLE = Set.of("details");

    private static Happening any(Class<?> type) throws ReflectiveOperationException {
        Class<?>[] types = Arrays.stream(type.getRecordComponents())
                .map(RecordComponent::getType)
                .toArray(Class<?>[]::new);
        Object[] values = Arrays.stream(types)
                .map(t -> t == long.class
                        ? (Object) 0L
                        : t == int.class ? 0 : t == double.class ? 0.0 : t == boolean.class ? false : null)
                .toArray();
        return (Happening) type.getDeclaredConstructor(types).newInstance(values);
    }

    @Test
    void everyKindIsThereWithItsDetailsAndNoOther() throws Exception {
        List<String> rows = Files.readAllLines(Path.of(System.getProperty("foothold.root"), "docs/events.md")).stream()
                .dropWhile(line -> !line.equals("## Kinds"))
                .filter(line -> line.startsWith("| `"))
                .toList();
        Set<String> kinds = new TreeSet<>();
        for (Class<?> type : Happening.class.getPermittedSubclasses()) {
            String kind = any(type).kind();
            kinds.add(kind);
            List<String> own = rows.stream()
                    .filter(row -> row.split("\\|")[1].contains("`" + kind + "`"))
                    .toList();
            assertThat(own).as(kind).hasSize(1);
            for (RecordComponent component : type.getRecordComponents()) {
                if (!WHOLE.contains(component.getName())) {
                    assertThat(own.get(0).split("\\|")[2])
                            .as(kind)
                            .contains("`" + new SnakeCaseStrategy().translate(component.getName()) + "`");
                }
            }
        }
        Set<String> told = new TreeSet<>();
        rows.forEach(row -> Pattern.compile("`([a-z_]+)`")
                .matcher(row.split("\\|")[1])
                .results()
                .forEach(m -> told.add(m.group(1))));
        assertThat(told).isEqualTo(kinds);
    }
}
