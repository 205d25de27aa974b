package io.foothold.orchestrator.ledger;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.sql.SQLException;
import org.junit.jupiter.api.Test;

/** What is said of a full disk. */
class FullDiskTest {
    private static final Path HOME = Path.of("/data/home");
    private static final SQLException CLOSED = new SQLException("The database has been closed [90098-240]");

    @Test
    void aDatabaseThatWasClosedOnAFullDiskSaysWhichFileSystemIsFull() {
        assertThat(FullDisk.told(HOME, CLOSED, d -> 4096))
                .contains("the file system of /data/home is full (4096 bytes left): make room there, then resume");
        assertThat(FullDisk.told(HOME, CLOSED, d -> 10L << 30)).isEmpty();
    }

    @Test
    void whatTheSystemSaidCountsAlsoWhenThereIsRoomAgain() {
        SQLException first = new SQLException("General error", new IOException("No space left on device"));
        assertThat(FullDisk.told(HOME, first, d -> 10L << 30)).isPresent();
        assertThat(FullDisk.told(HOME, first, d -> {
                    throw new IOException("gone");
                }))
                .contains("the file system of /data/home is full: make room there, then resume");
    }

    @Test
    void onlyADatabaseInAFileHasADirectoryOfOurs() {
        assertThat(FullDisk.directory("jdbc:h2:file:/data/home/ledger;WRITE_DELAY=0"))
                .contains(HOME);
        assertThat(FullDisk.directory("jdbc:h2:file:/data/home/ledger")).contains(HOME);
        assertThat(FullDisk.directory("jdbc:h2:mem:x")).isEmpty();
        assertThat(FullDisk.directory("jdbc:postgresql://db/foothold")).isEmpty();
        assertThat(FullDisk.directory(null)).isEmpty();
    }
}
