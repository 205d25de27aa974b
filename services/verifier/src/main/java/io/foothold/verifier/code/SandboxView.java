package io.foothold.verifier.code;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** What a program in the sandbox sees of the machine, in bubblewrap's arguments. */
final class SandboxView {
    /** What the kernel says of the whole machine and no program of a problem needs. */
    private static final List<String> HIDDEN = List.of(
            "cmdline",
            "config.gz",
            "kallsyms",
            "kcore",
            "key-users",
            "keys",
            "latency_stats",
            "modules",
            "sched_debug",
            "timer_list",
            "vmallocinfo");

    /** What names are resolved and certificates checked by. */
    private static final List<String> OF_NETWORK = List.of(
            "/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/ssl", "/etc/pki", "/etc/ca-certificates");

    private SandboxView() {}

    static List<String> arguments(Sandbox.Scratch scratch, Sandbox.Tools tools, boolean network) {
        List<String> out = new ArrayList<>();
        out.addAll(List.of("--unshare-all", "--die-with-parent", "--new-session", "--clearenv"));
        if (network) {
            out.add("--share-net");
        }
        out.addAll(List.of("--uid", Sandbox.NOBODY, "--gid", Sandbox.NOBODY, "--hostname", "sandbox"));
        out.addAll(List.of("--cap-drop", "ALL", "--seccomp", "9", "--json-status-fd", "8"));
        out.addAll(List.of("--setenv", "PATH", "/usr/bin:/bin", "--setenv", "HOME", "/tmp"));
        out.addAll(List.of("--setenv", "LANG", "C.UTF-8", "--setenv", "PYTHONHASHSEED", "0"));
        out.addAll(List.of("--ro-bind", "/usr", "/usr"));
        for (String name : List.of("bin", "lib", "lib64")) {
            if (Files.isDirectory(Path.of("/" + name))) {
                out.addAll(
                        Files.isSymbolicLink(Path.of("/" + name))
                                ? List.of("--symlink", "usr/" + name, "/" + name)
                                : List.of("--ro-bind", "/" + name, "/" + name));
            }
        }
        for (Path directory : tools.directories()) {
            out.addAll(List.of("--ro-bind", directory.toString(), directory.toString()));
        }
        if (network) {
            OF_NETWORK.stream()
                    .filter(name -> Files.exists(Path.of(name)))
                    .forEach(name -> out.addAll(List.of("--ro-bind", name, name)));
        }
        out.addAll(List.of("--proc", "/proc"));
        for (String name : HIDDEN) {
            if (Files.exists(Path.of("/proc", name))) {
                out.addAll(List.of("--ro-bind", "/dev/null", "/proc/" + name));
            }
        }
        out.addAll(List.of("--dev", "/dev", "--remount-ro", "/dev"));
        out.addAll(List.of("--bind", scratch.tmp().toString(), "/tmp"));
        out.addAll(List.of("--ro-bind", scratch.work().toString(), Sandbox.INSIDE, "--chdir", "/tmp"));
        out.addAll(List.of("--remount-ro", "/"));
        return out;
    }
}
