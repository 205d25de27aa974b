package io.foothold.cli.process;

import io.foothold.cli.machine.Workspace;
import io.foothold.contracts.files.Roots;
import io.foothold.orchestrator.runfile.RunFile;
import io.foothold.policy.PolicyDirectory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** What services that a command starts may read for their callers: what its user named, beside the usual places. */
public final class FileRoots {
    private FileRoots() {}

    /** The paths that a run file names. */
    public static List<Path> of(RunFile plan) {
        return List.copyOf(NamedPaths.of(plan).values());
    }

    /**
     * These settings of services, with the roots among them: working directory, the user's home, the shipped policies, and what is
     * named.
     */
    public static Map<String, String> with(Map<String, String> settings, Path home, Collection<Path> named) {
        Set<String> roots = new LinkedHashSet<>();
        for (Path path : List.of(Path.of(""), Path.of(System.getProperty("user.home")), Workspace.policies(), home)) {
            roots.add(absolute(path));
        }
        for (Path path : named) {
            read(path).forEach(own -> roots.add(absolute(own)));
        }
        Map<String, String> out = new LinkedHashMap<>(settings);
        out.put(Roots.KEY, String.join(",", roots));
        return out;
    }

    /**
     * What is read for a path that a user named: itself, of adapters their base model too, and what links in the directories lead to, as
     * the files of a model in a Hugging Face cache do.
     */
    private static List<Path> read(Path named) {
        List<Path> out = new ArrayList<>(List.of(named));
        if (Files.isDirectory(named)) {
            PolicyDirectory.adaptedBase(named).filter(Files::isDirectory).ifPresent(out::add);
            for (Path directory : List.copyOf(out)) {
                Roots.links(directory).forEach(link -> out.add(Roots.target(link)));
            }
        }
        return out;
    }

    /** As one member of a configured list, in which commas part members. */
    private static String absolute(Path path) {
        return path.toAbsolutePath()
                .normalize()
                .toString()
                .replace("\\", "\\\\")
                .replace(",", "\\,");
    }
}
