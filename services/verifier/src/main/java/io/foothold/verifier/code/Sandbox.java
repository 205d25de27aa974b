package io.foothold.verifier.code;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * Runs Python programs that nobody vouches for, with bubblewrap: own user, process, network and IPC namespaces, no capability, no
 * network, the system's {@code /usr} read-only and a small scratch directory as the only place to write, bounded in bytes and in
 * files. It sees neither the service's environment nor its own command line's paths. Limits: address space, processes, open files and file size per process by the kernel; time, resident memory and number of the whole process tree by a
 * watch that kills it. A service that runs as root gives that up first. Without all of this nothing is run at all. Thread-safe.
 */
public final class Sandbox {
    static final String NOBODY = "65534";
    private static final long SCRATCH_BYTES = 64L << 20;
    /** Files and directories of the scratch: the kernel keeps them in memory that counts as no process's. */
    private static final int SCRATCH_FILES = 4096;

    private static final int MOST_PROCESSES = 64;
    private static final int OPEN_FILES = 64;
    static final String INSIDE = "/program";

    /**
     * What the sandbox is made of.
     *
     * @param bubblewrap the program {@code bwrap}, by name or path
     * @param python the interpreter, below /usr or one of the directories
     * @param directories that are seen inside beside /usr, read-only: where an interpreter lies with its packages
     */
    public record Tools(String bubblewrap, String python, List<Path> directories) {
        /** Copies. */
        public Tools {
            directories = List.copyOf(directories);
        }

        /** Tools below /usr. */
        public Tools(String bubblewrap, String python) {
            this(bubblewrap, python, List.of());
        }

        /** Debian's. */
        public static Tools standard() {
            return new Tools("bwrap", "/usr/bin/python3");
        }
    }

    /**
     * Limits of one program.
     *
     * @param seconds wall time
     * @param memoryBytes resident memory of all its processes
     * @param outputBytes of each output
     */
    public record Limits(double seconds, long memoryBytes, long outputBytes) {
        /** Limits must be positive. */
        public Limits {
            if (!(seconds > 0 && seconds <= 600) || memoryBytes < 1 << 24 || outputBytes < 1) {
                throw new IllegalArgumentException(
                        "limits must be 0 < seconds <= 600, 16 MiB of memory or more, 1 byte of output or more: "
                                + seconds + ", " + memoryBytes + ", " + outputBytes);
            }
        }
    }

    /**
     * How long a program lives.
     *
     * @param serves whether it answers calls, each under the limit of time ({@link Running#allow}), and not all of it is
     * @param network whether it sees the machine's network
     */
    public record Life(boolean serves, boolean network) {
        static final Life ONE_PROGRAM = new Life(false, false);
    }

    /** How a program ended. */
    public enum End {
        /** With exit code 0. */
        FINISHED,
        /** With another exit code. */
        FAILED,
        /** Killed: too long. */
        TIME_LIMIT,
        /** Killed: too much memory. */
        MEMORY_LIMIT,
        /** Killed: too many processes. */
        PROCESS_LIMIT,
        /** It wrote more than it may. */
        OUTPUT_LIMIT
    }

    /**
     * What came of a program.
     *
     * @param end how it ended
     * @param stdout what it printed, as far as it may
     * @param stderr what it complained of, as far as it may
     * @param millis wall time
     */
    public record Outcome(End end, String stdout, String stderr, long millis) {}

    private final Tools tools;
    private final boolean root;
    private final Path filter;
    private final String refusal;

    /** A sandbox of these tools, tried once with a trivial program. */
    public Sandbox(Tools tools) {
        this.tools = tools;
        this.root = "root".equals(System.getProperty("user.name"));
        this.filter = filterFile();
        this.refusal = probe();
    }

    /** Why no program can be run here; empty when one can. */
    public Optional<String> refusal() {
        return refusal.isEmpty() ? Optional.empty() : Optional.of(refusal);
    }

    private static Path filterFile() {
        try {
            Path file = Files.createTempFile("foothold-seccomp", ".bpf");
            file.toFile().deleteOnExit();
            Files.write(file, SystemCalls.filter());
            return file;
        } catch (IOException e) {
            throw new FootholdException(
                    ErrorCode.STORAGE, "the temporary directory cannot be written: " + e.getMessage(), e);
        }
    }

    private String probe() {
        if (!SystemCalls.known()) {
            return "programs are run on Linux x86-64 only, this is " + System.getProperty("os.name") + " "
                    + System.getProperty("os.arch");
        }
        for (String tool : List.of(tools.bubblewrap(), "unshare", "mount", "prlimit", root ? "setpriv" : "unshare")) {
            if (found(tool).isEmpty()) {
                return tool + " is not installed (Debian: apt-get install bubblewrap util-linux mount python3)";
            }
        }
        Path python = Path.of(tools.python());
        if (!Files.isExecutable(python)
                || !(python.startsWith("/usr") || tools.directories().stream().anyMatch(python::startsWith))) {
            return tools.python() + " is not an interpreter below /usr (Debian: apt-get install python3)";
        }
        try (Scratch scratch = new Scratch(Map.of("probe.py", "print(6 * 7)\n"))) {
            Outcome outcome = run(scratch, List.of("probe.py"), "", new Limits(20, 256L << 20, 1 << 12));
            return outcome.end() == End.FINISHED && outcome.stdout().equals("42\n")
                    ? ""
                    : "a trivial program did not run in the sandbox: " + outcome.end() + " " + outcome.stderr();
        } catch (FootholdException e) {
            return "a trivial program did not run in the sandbox: " + e.text()
                    + " (bubblewrap needs unprivileged user namespaces)";
        }
    }

    /** Where a program is: it is started without the service's own environment. */
    private static Optional<Path> found(String tool) {
        return Stream.concat(
                        Stream.of(Path.of(tool)).filter(Path::isAbsolute),
                        Arrays.stream(System.getenv().getOrDefault("PATH", "").split(":"))
                                .filter(d -> !d.isEmpty())
                                .map(d -> Path.of(d, tool)))
                .filter(Files::isExecutable)
                .findFirst();
    }

    private static String path(String tool) {
        return found(tool)
                .map(p -> p.toAbsolutePath().toString())
                .orElseThrow(() -> new FootholdException(ErrorCode.NOT_FOUND, tool + " is not installed"));
    }

    /** Files that programs may read but not write, as {@code /program}, and ours about them. Deleted on close. */
    public static final class Scratch implements AutoCloseable {
        private final Path root;
        /** Empty: what a program's /tmp is mounted over, in its own view of the file system. */
        private final Path tmp;

        private int programs;

        /** Files by their names. */
        public Scratch(Map<String, String> files) {
            try {
                root = Files.createTempDirectory("foothold-code");
                Path work = Files.createDirectory(root.resolve("work"));
                tmp = Files.createDirectory(root.resolve("tmp"));
                for (Map.Entry<String, String> f : files.entrySet()) {
                    Path file = Files.writeString(work.resolve(f.getKey()), f.getValue());
                    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r--r--"));
                }
                Files.setPosixFilePermissions(root, PosixFilePermissions.fromString("rwxr-xr-x"));
                Files.setPosixFilePermissions(work, PosixFilePermissions.fromString("rwxr-xr-x"));
                Files.setPosixFilePermissions(tmp, PosixFilePermissions.fromString("rwxr-xr-x"));
            } catch (IOException e) {
                throw fault(e);
            }
        }

        Path tmp() {
            return tmp;
        }

        Path work() {
            return root.resolve("work");
        }

        synchronized Path next() {
            try {
                return Files.createDirectory(root.resolve("run-" + programs++));
            } catch (IOException e) {
                throw fault(e);
            }
        }

        @Override
        public void close() {
            try (Stream<Path> all = Files.walk(root)) {
                all.sorted(Comparator.reverseOrder()).forEach(p -> p.toFile().delete());
            } catch (IOException e) {
                throw fault(e);
            }
        }
    }

    /**
     * Runs a program to its end.
     *
     * @param program file of the scratch directory and its arguments
     * @param stdin what it can read
     * @throws FootholdException when the sandbox failed, not the program
     */
    Outcome run(Scratch scratch, List<String> program, String stdin, Limits limits) {
        try {
            Path input = scratch.next().resolve("stdin");
            Files.writeString(input, stdin, StandardCharsets.UTF_8);
            try (Running running =
                    start(scratch, program, limits, ProcessBuilder.Redirect.from(input.toFile()), Life.ONE_PROGRAM)) {
                return running.await();
            }
        } catch (IOException e) {
            throw fault(e);
        }
    }

    /** Starts a program that is talked to over its standard input and output. */
    public Running converse(Scratch scratch, List<String> program, Limits limits) {
        return converse(scratch, program, limits, Life.ONE_PROGRAM);
    }

    /** The same for one that may live longer, and see the network. */
    public Running converse(Scratch scratch, List<String> program, Limits limits, Life life) {
        try {
            return start(scratch, program, limits, ProcessBuilder.Redirect.PIPE, life);
        } catch (IOException e) {
            throw fault(e);
        }
    }

    private Running start(
            Scratch scratch, List<String> program, Limits limits, ProcessBuilder.Redirect stdin, Life life)
            throws IOException {
        Path own = scratch.next();
        Path out = own.resolve("stdout");
        Path err = own.resolve("stderr");
        Path status = own.resolve("status");
        Path arguments = own.resolve("arguments");
        Files.writeString(arguments, String.join("\0", SandboxView.arguments(scratch, tools, life.network())) + "\0");
        // bwrap takes its arguments and the filter and reports through descriptors that only a shell can open for it.
        // Arguments on
        // its command line could be read inside.
        List<String> command = new ArrayList<>(List.of(
                "/bin/sh",
                "-c",
                "exec 9<\"$0\" 8>\"$1\" 7<\"$2\"; shift 2; exec \"$@\"",
                filter.toString(),
                status.toString(),
                arguments.toString()));
        if (root) {
            command.addAll(List.of(path("setpriv"), "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", "--"));
        }
        // bwrap cannot bound the files of its own tmpfs, so /tmp is mounted before it, in namespaces around its own.
        command.addAll(List.of(
                path("unshare"),
                "--user",
                "--map-root-user",
                "--mount",
                "--",
                "/bin/sh",
                "-c",
                "\"$0\" -t tmpfs -o \"$1\" tmpfs \"$2\" && shift 2 && unset PWD OLDPWD && exec \"$@\"",
                path("mount"),
                "size=" + SCRATCH_BYTES + ",nr_inodes=" + SCRATCH_FILES + ",mode=1777,nosuid,nodev",
                scratch.tmp().toString()));
        command.addAll(List.of(path(tools.bubblewrap()), "--args", "7", "--"));
        // Limits of processes count inside the new user namespace, so that other work of the same user does not.
        command.addAll(List.of(
                path("prlimit"),
                "--nproc=" + MOST_PROCESSES,
                "--as=" + (limits.memoryBytes() + (256L << 20)),
                "--fsize=" + limits.outputBytes(),
                "--nofile=" + OPEN_FILES,
                "--core=0"));
        if (!life.serves()) {
            command.add("--cpu=" + (long) Math.ceil(limits.seconds() + 1));
        }
        command.add("--");
        command.addAll(List.of(tools.python(), "-I", "-B", INSIDE + "/" + program.get(0)));
        command.addAll(program.subList(1, program.size()));
        ProcessBuilder builder =
                new ProcessBuilder(command).redirectInput(stdin).redirectError(err.toFile());
        builder.environment().clear();
        if (stdin != ProcessBuilder.Redirect.PIPE) {
            builder.redirectOutput(out.toFile());
        }
        return new Running(builder.start(), limits, life, new Running.Outputs(out, err, status), MOST_PROCESSES);
    }

    static FootholdException fault(IOException e) {
        return new FootholdException(ErrorCode.INTERNAL, "the sandbox failed: " + e.getMessage(), e);
    }

    /** Kills what is left and waits until it is gone. */
    static void destroy(Process process) {
        process.destroyForcibly();
        try {
            process.waitFor(5, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
