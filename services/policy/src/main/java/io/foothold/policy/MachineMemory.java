package io.foothold.policy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.TreeMap;

/** How much memory the machine has left for processes of ours, in bytes. Thread-safe. */
public final class MachineMemory {
    private MachineMemory() {}

    /**
     * What could be taken now: what Linux says is available, and no more than the control groups of this process leave; {@link
     * Long#MAX_VALUE} where nobody says.
     */
    public static long available() {
        return available(Path.of("/"));
    }

    /** The same under another root directory, which has {@code proc} and {@code sys}. */
    public static long available(Path root) {
        long out = numbers(root.resolve("proc/meminfo")).getOrDefault("MemAvailable", Long.MAX_VALUE);
        for (String line : lines(root.resolve("proc/self/cgroup"))) {
            String[] parts = line.split(":", 3);
            boolean first = parts.length == 3 && List.of(parts[1].split(",")).contains("memory");
            boolean second = parts.length == 3 && parts[0].equals("0") && parts[1].isEmpty();
            if (!first && !second) {
                continue;
            }
            Path groups = root.resolve(first ? "sys/fs/cgroup/memory" : "sys/fs/cgroup");
            // A container sees its own group at the top, under whatever name it has outside.
            Path at = groups.resolve(parts[2].replaceFirst("^/+", "")).normalize();
            while (at != null && at.startsWith(groups)) {
                out = Math.min(out, left(at, first));
                at = at.getParent();
            }
        }
        return out;
    }

    /** What a control group leaves: its limit without what is used, of which files that are not in use do not count. */
    private static long left(Path group, boolean first) {
        OptionalLong limit = number(group.resolve(first ? "memory.limit_in_bytes" : "memory.max"));
        OptionalLong used = number(group.resolve(first ? "memory.usage_in_bytes" : "memory.current"));
        if (limit.isEmpty() || used.isEmpty()) {
            return Long.MAX_VALUE;
        }
        Map<String, Long> stat = numbers(group.resolve("memory.stat"));
        String total = first ? "total_" : "";
        long files = stat.getOrDefault(total + "inactive_file", 0L) + stat.getOrDefault(total + "active_file", 0L);
        return Math.max(0, limit.getAsLong() - Math.max(0, used.getAsLong() - files));
    }

    /** A file with one number; empty where it does not exist or says max. */
    private static OptionalLong number(Path file) {
        List<String> lines = lines(file);
        return lines.size() == 1 && lines.getFirst().strip().matches("\\d{1,18}|9\\d{18}")
                ? OptionalLong.of(Long.parseLong(lines.getFirst().strip()))
                : OptionalLong.empty();
    }

    /** Lines of names and numbers, as in {@code memory.stat} and {@code /proc/meminfo}, in bytes. */
    public static Map<String, Long> numbers(Path file) {
        Map<String, Long> out = new TreeMap<>();
        for (String line : lines(file)) {
            String[] words = line.strip().split(":?\\s+");
            if (words.length >= 2 && words[1].matches("\\d{1,18}")) {
                out.put(words[0], Long.parseLong(words[1]) * (words.length == 3 && words[2].equals("kB") ? 1024 : 1));
            }
        }
        return out;
    }

    /** None where the file cannot be read: other systems have none of these, and a process may be gone. */
    private static List<String> lines(Path file) {
        try {
            return new ArrayList<>(Files.readAllLines(file));
        } catch (IOException e) {
            return List.of();
        }
    }
}
