package io.foothold.contracts.door;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.flow.StreamTimer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DoorTest {
    private static final String VIEWER = "viewer-0123456789abcdef";
    private static final String OPERATOR = "operator-0123456789abcdef";
    private static final String ADMIN = "admin-0123456789abcdef";
    private static final Instant NOON = Instant.parse("2026-06-01T12:00:00Z");

    @TempDir
    Path directory;

    private Instant now = NOON;
    private final List<Runnable> again = new ArrayList<>();

    /** What it does again and again, the test does. */
    private final StreamTimer timer = new StreamTimer() {
        @Override
        public long nanoTime() {
            return 0;
        }

        @Override
        public void after(Duration delay, Runnable task) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void every(Duration pause, Runnable task) {
            again.add(task);
        }

        @Override
        public void close() {
            again.clear();
        }
    };

    private Door door(DoorConfig settings) {
        return new Door(settings, () -> now, timer);
    }

    private Door locked() {
        return door(new DoorSettings()
                .token(Role.VIEWER, VIEWER)
                .token(Role.OPERATOR, OPERATOR)
                .token(Role.ADMIN, ADMIN));
    }

    private static ErrorCode code(Door door, Role needed, String authorization) {
        return door.refusal(needed, authorization).map(FootholdException::code).orElse(null);
    }

    private Path file(String text) throws IOException {
        return Files.writeString(directory.resolve("tokens"), text);
    }

    @Test
    void withoutTokensItIsOpenAndShowsNothing() {
        Door open = door(new DoorSettings());
        assertThat(open.locked()).isFalse();
        assertThat(open.refusal(Role.ADMIN, null)).isEmpty();
        assertThat(open.shown()).isEmpty();
        assertThat(again).as("no file is read again").isEmpty();
    }

    @Test
    void eachRoleOpensWhatItCoversAndNoMore() {
        Door door = locked();
        String[] tokens = {VIEWER, OPERATOR, ADMIN};
        for (Role has : Role.values()) {
            for (Role needed : Role.values()) {
                assertThat(code(door, needed, "Bearer " + tokens[has.ordinal()]))
                        .as("%s for %s", has, needed)
                        .isEqualTo(has.ordinal() >= needed.ordinal() ? null : ErrorCode.FORBIDDEN);
            }
        }
        assertThat(door.shown()).contains(ADMIN);
        assertThat(code(door, Role.VIEWER, "bearer  " + VIEWER + " ")).isNull();
    }

    @Test
    void nothingAndWhatIsWrongIsRefusedWithTheSettingAndNoSecret() {
        Door door = locked();
        for (String wrong : new String[] {
            null,
            "",
            "Bearer",
            "Bearer ",
            "Basic " + ADMIN,
            ADMIN,
            "Bearer " + ADMIN + "x",
            "Bearer " + ADMIN.substring(1),
            "Bearer \u00e9"
        }) {
            FootholdException why = door.refusal(Role.OPERATOR, wrong).orElseThrow();
            assertThat(why.code()).as("%s", wrong).isEqualTo(ErrorCode.UNAUTHENTICATED);
            assertThat(why.text()).contains("foothold.door.operator").doesNotContain(VIEWER, OPERATOR, ADMIN);
        }
        // One locked role locks all: nobody has the others.
        assertThat(code(door(new DoorSettings().token(Role.VIEWER, VIEWER)), Role.ADMIN, "Bearer " + VIEWER))
                .isEqualTo(ErrorCode.FORBIDDEN);
    }

    @Test
    void aTokenEndsAtItsInstantAndTheNextIsShown() throws IOException {
        Door door = door(new DoorSettings()
                .file(Role.ADMIN, file("# ours\n\n" + ADMIN + "  until 2026-06-01T13:00:00Z\r\n" + OPERATOR + "\n")));
        assertThat(code(door, Role.ADMIN, "Bearer " + ADMIN)).isNull();
        assertThat(door.shown()).contains(ADMIN);
        now = Instant.parse("2026-06-01T13:00:00Z");
        assertThat(door.refusal(Role.ADMIN, "Bearer " + ADMIN).orElseThrow())
                .hasMessageContaining("ended at 2026-06-01T13:00:00Z")
                .satisfies(e -> assertThat(((FootholdException) e).code()).isEqualTo(ErrorCode.UNAUTHENTICATED));
        assertThat(door.shown()).contains(OPERATOR);
    }

    @Test
    void aChangedFileCountsWithoutARestartAndABrokenOneDoesNot() throws IOException {
        Door door = door(new DoorSettings().file(Role.OPERATOR, file(OPERATOR)));
        file(VIEWER);
        assertThat(code(door, Role.OPERATOR, "Bearer " + VIEWER)).isEqualTo(ErrorCode.UNAUTHENTICATED);
        again.forEach(Runnable::run);
        assertThat(code(door, Role.OPERATOR, "Bearer " + VIEWER)).isNull();
        assertThat(code(door, Role.OPERATOR, "Bearer " + OPERATOR)).isEqualTo(ErrorCode.UNAUTHENTICATED);
        for (String broken : new String[] {"", "short", VIEWER + " until tomorrow"}) {
            file(broken);
            again.forEach(Runnable::run);
            assertThat(door.locked()).isTrue();
            assertThat(code(door, Role.OPERATOR, "Bearer " + VIEWER)).isNull();
        }
        Files.delete(directory.resolve("tokens"));
        again.forEach(Runnable::run);
        assertThat(code(door, Role.OPERATOR, "Bearer " + VIEWER)).isNull();
        assertThat(code(door, Role.VIEWER, null)).isEqualTo(ErrorCode.UNAUTHENTICATED);
    }

    @Test
    void settingsThatCannotBeUsedAreNamedAndTheirTextIsNot() throws IOException {
        String secret = "se cret-0123456789abcdef";
        Path file = file("# a comment\n" + ADMIN + "\n" + secret + "\n");
        assertThatThrownBy(() -> door(new DoorSettings().file(Role.ADMIN, file)))
                .hasMessageContaining("foothold.door.admin.file " + file + ":3")
                .hasMessageContaining("expected TOKEN")
                .hasMessageNotContaining("0123456789");
        assertThatThrownBy(() -> door(new DoorSettings().token(Role.VIEWER, "shorter")))
                .hasMessageContaining("foothold.door.viewer.token:1")
                .hasMessageNotContaining("shorter");
        assertThatThrownBy(() -> door(new DoorSettings().file(Role.OPERATOR, directory.resolve("absent"))))
                .hasMessageContaining("foothold.door.operator.file")
                .hasMessageContaining("NoSuchFileException");
        assertThatThrownBy(
                        () -> door(new DoorSettings().token(Role.ADMIN, ADMIN).file(Role.ADMIN, file(ADMIN))))
                .hasMessageContaining("foothold.door.admin.token and foothold.door.admin.file are both set");
        assertThat(Token.parse("x", ADMIN).toString()).doesNotContain(ADMIN);
    }
}
