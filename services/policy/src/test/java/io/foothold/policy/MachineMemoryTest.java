package io.foothold.policy;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What Linux says of memory, in files made up here. */
class MachineMemoryTest {
    @TempDir
    Path root;

    private void file(String name, String text) throws IOException {
        Path file = root.resolve(name);
        Files.createDirectories(file.getParent());
        Files.writeString(file, text);
    }

    private void machine() throws IOException {
        file("proc/meminfo", "MemTotal:       16000000 kB\nMemFree:         1000000 kB\nMemAvailable:    8000000 kB\n");
    }

    @Test
    void withoutGroupsItIsWhatIsAvailable() throws IOException {
        machine();
        assertThat(MachineMemory.available(root)).isEqualTo(8_000_000L * 1024);
        file("proc/self/cgroup", "0::/\n");
        assertThat(MachineMemory.available(root)).as("a group without a limit").isEqualTo(8_000_000L * 1024);
        file("sys/fs/cgroup/memory.max", "max\n");
        file("sys/fs/cgroup/memory.current", "5\n");
        assertThat(MachineMemory.available(root)).isEqualTo(8_000_000L * 1024);
    }

    @Test
    void nothingIsKnownElsewhere() {
        assertThat(MachineMemory.available(root)).isEqualTo(Long.MAX_VALUE);
    }

    @Test
    void theTightestGroupAboveCountsWithoutFilesThatCanGo() throws IOException {
        machine();
        file("proc/self/cgroup", "0::/outer/inner\n");
        file("sys/fs/cgroup/outer/inner/memory.max", "max\n");
        file("sys/fs/cgroup/outer/memory.max", "4000\n");
        file("sys/fs/cgroup/outer/memory.current", "3000\n");
        file("sys/fs/cgroup/outer/memory.stat", "anon 1\ninactive_file 500\nactive_file 250\n");
        assertThat(MachineMemory.available(root)).isEqualTo(4000 - (3000 - 750));
        file("sys/fs/cgroup/outer/memory.current", "9000\n");
        assertThat(MachineMemory.available(root)).as("over its limit").isZero();
    }

    @Test
    void aContainerSeesItsOwnGroupAtTheTop() throws IOException {
        machine();
        file("proc/self/cgroup", "0::/kubepods/pod7\n");
        file("sys/fs/cgroup/memory.max", "1000\n");
        file("sys/fs/cgroup/memory.current", "100\n");
        assertThat(MachineMemory.available(root)).isEqualTo(900);
    }

    @Test
    void theFirstKindOfGroupsCountsToo() throws IOException {
        machine();
        file("proc/self/cgroup", "5:cpu,cpuacct:/\n4:memory:/jobs/a\n0::/\n");
        file("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
        file("sys/fs/cgroup/memory/memory.usage_in_bytes", "77\n");
        file("sys/fs/cgroup/memory/jobs/a/memory.limit_in_bytes", "5000\n");
        file("sys/fs/cgroup/memory/jobs/a/memory.usage_in_bytes", "2000\n");
        file("sys/fs/cgroup/memory/jobs/a/memory.stat", "total_inactive_file 1000\ninactive_file 3\n");
        assertThat(MachineMemory.available(root)).isEqualTo(4000);
    }
}
