package io.foothold.learner.train;

import io.foothold.policy.Disk;
import io.foothold.policy.FileContent;
import io.foothold.policy.Sha256;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;

/** The file system without waiting for the hardware, for tests that write thousands of files. */
class QuickDisk implements Disk {
    @Override
    public String write(Path file, FileContent content) throws IOException {
        try (OutputStream out = Files.newOutputStream(file)) {
            content.writeTo(out::write);
        }
        return Sha256.of(file);
    }

    @Override
    public void force(Path directory) throws IOException {
        if (!Files.isDirectory(directory)) {
            throw new IOException(directory + " is no directory");
        }
    }
}
