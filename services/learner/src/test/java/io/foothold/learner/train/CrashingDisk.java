package io.foothold.learner.train;

import io.foothold.policy.FileContent;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;

/**
 * A disk whose machine ends at the n-th step: a file that is being written is cut in the middle. When power is lost, names that no
 * {@link #force} of their directory made durable are as before, too.
 */
final class CrashingDisk extends QuickDisk {
    /** The end of the process; nothing of ours may catch it. */
    static final class Crash extends Error {
        private static final long serialVersionUID = 1L;
    }

    private interface Undo {
        void run() throws IOException;
    }

    private record Name(Path directory, Undo undo) {}

    private final Deque<Name> volatileNames = new ArrayDeque<>();
    private final boolean power;
    private int left;

    CrashingDisk(int steps, boolean power) {
        this.left = steps;
        this.power = power;
    }

    private void step() {
        if (left-- == 0) {
            crash();
        }
    }

    private void crash() {
        try {
            while (power && !volatileNames.isEmpty()) {
                volatileNames.pop().undo().run();
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        throw new Crash();
    }

    @Override
    public String write(Path file, FileContent content) throws IOException {
        if (left == 0) {
            super.write(file, content);
            byte[] bytes = Files.readAllBytes(file);
            Files.write(file, Arrays.copyOf(bytes, bytes.length / 2));
        }
        step();
        volatileNames.push(new Name(file.getParent(), () -> Files.deleteIfExists(file)));
        return super.write(file, content);
    }

    @Override
    public void createDirectories(Path directory) throws IOException {
        step();
        super.createDirectories(directory);
    }

    @Override
    public void move(Path from, Path to) throws IOException {
        step();
        byte[] replaced = Files.isRegularFile(to) ? Files.readAllBytes(to) : null;
        super.move(from, to);
        volatileNames.push(new Name(to.getParent(), () -> {
            Files.move(to, from);
            if (replaced != null) {
                Files.write(to, replaced);
            }
        }));
    }

    @Override
    public void force(Path directory) throws IOException {
        step();
        super.force(directory);
        volatileNames.removeIf(n -> n.directory().equals(directory));
    }

    @Override
    public void delete(Path path) throws IOException {
        step();
        super.delete(path);
    }
}
