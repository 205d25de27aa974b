package io.foothold.cli.process;

import io.foothold.cli.machine.Workspace;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** This program once more, in a process that ends with this one. */
public final class ThisProgram {
    private ThisProgram() {}

    /**
     * The command line: what this JVM was started with, and other arguments.
     *
     * @param arguments of the program, its command first
     */
    public static List<String> command(List<String> arguments) {
        List<String> out = new ArrayList<>();
        out.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        out.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
        out.add("-Dfoothold.parent-pid=" + ProcessHandle.current().pid());
        out.add("-jar");
        out.add(Workspace.application("foothold").toString());
        out.addAll(arguments);
        return out;
    }
}
