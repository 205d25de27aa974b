package io.foothold.cli.images;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What a checkout has checked out.
 *
 * @param revision hash, with {@code -modified} behind it where files differ from it
 * @param time when it was committed: an image of it says that it was made then, so that it has the same digest whenever it is made
 */
public record Commit(String revision, Instant time) {
    /** The commit of a checkout; empty where there is no git or no commit. */
    public static Optional<Commit> of(Path root) {
        Optional<String> head = git(root, "log", "-1", "--format=%H %ct");
        if (head.isEmpty()) {
            return Optional.empty();
        }
        String[] parts = head.get().split(" ", -1);
        boolean modified = git(root, "status", "--porcelain", "--untracked-files=no")
                .filter(text -> !text.isEmpty())
                .isPresent();
        return Optional.of(
                new Commit(parts[0] + (modified ? "-modified" : ""), Instant.ofEpochSecond(Long.parseLong(parts[1]))));
    }

    private static Optional<String> git(Path root, String... arguments) {
        try {
            List<String> command = new ArrayList<>(List.of("git", "-C", root.toString()));
            command.addAll(List.of(arguments));
            Process process = new ProcessBuilder(command)
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
            String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
            return process.waitFor() == 0 ? Optional.of(text) : Optional.empty();
        } catch (IOException e) {
            return Optional.empty();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return Optional.empty();
        }
    }
}
