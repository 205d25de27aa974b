package io.foothold.learner.train;

import io.foothold.policy.Disk;
import io.foothold.policy.Sha256;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** The file system without waiting for the hardware, for tests that write thousands of files. */
class QuickDisk implements Disk {
    @Override
    public String write(Path file, byte[] bytes) throws IOException {
        Files.write(file, bytes);
        return Sha256.of(bytes);
    }

    @Override
    public void force(Path directory) throws IOException {
        if (!Files.isDirectory(directory)) {
            throw new IOException(directory + " is no directory");
        }
    }
}
