package io.foothold.cli;

import io.foothold.cli.machine.TextEncoding;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.policy.NativeSteps;
import io.foothold.policy.PolicyException;
import io.quarkus.bootstrap.logging.InitialConfigurator;
import io.quarkus.runtime.annotations.QuarkusMain;
import java.nio.file.InvalidPathException;
import java.util.logging.Handler;
import java.util.logging.Level;
import org.jboss.logmanager.formatters.PatternFormatter;
import org.jboss.logmanager.handlers.ConsoleHandler;
import picocli.CommandLine;
import picocli.CommandLine.Command;

/** The entry: picocli parses first, so that help, doctor and the like start nothing and bind no port. */
@QuarkusMain
@Command(
        name = "foothold",
        mixinStandardHelpOptions = true,
        version = "foothold " + Main.VERSION,
        description = "Reinforcement learning for reasoning problems a language model cannot solve yet.",
        subcommands = {
            DemoCommand.class,
            TrainCommand.class,
            EvalCommand.class,
            VerifyCommand.class,
            VerifyEstimatorCommand.class,
            TheoryCommand.class,
            StudyCommand.class,
            RegressCommand.class,
            BenchCommand.class,
            BootstrapCommand.class,
            ProblemsCommand.class,
            ServeCommand.class,
            ImagesCommand.class,
            LedgerCommand.class,
            ExplainCommand.class,
            DoctorCommand.class,
            ScoreCommand.class,
            EncodeCommand.class,
            TritonCommand.class,
            TorchCommand.class,
            CleanCommand.class,
            CompletionCommand.class,
            ReferenceCommand.class
        })
public final class Main implements Runnable {
    /** Of the program, and of its images unless they are given a tag. */
    static final String VERSION = "0.1.0";

    private static volatile String farewell = "interrupted";
    private static volatile boolean over;

    /** Parses, runs, exits: 0 for success, 1 for a failure, 2 for a wrong command line. */
    public static void main(String... args) {
        // Child processes and the container read the logging manager before anything else does.
        System.setProperty("java.util.logging.manager", "org.jboss.logmanager.LogManager");
        CommandLine line = new CommandLine(new Main());
        line.setExecutionExceptionHandler((failure, command, result) -> {
            if (NativeSteps.ending()) {
                // Told to end: what fails then is of no interest, and the signal decides on the exit code.
                return 1;
            }
            FootholdException own =
                    switch (failure) {
                        case PolicyException e -> new FootholdException(ErrorCode.INVALID_DATA, e.getMessage(), e);
                        case InvalidPathException e
                        when !TextEncoding.isUtf8(TextEncoding.ofNames()) ->
                            TextEncoding.unreadable("file name '" + e.getInput() + "'", TextEncoding.ofNames());
                        default -> FootholdException.of(failure);
                    };
            command.getErr().println("foothold: " + own.text());
            if (own.code() == ErrorCode.INTERNAL) {
                failure.printStackTrace(command.getErr());
            }
            command.getErr().flush();
            return switch (own.code()) {
                case INVALID_INPUT -> 2;
                default -> 1;
            };
        });
        try {
            TextEncoding.check(TextEncoding.ofNames(), args);
        } catch (FootholdException e) {
            System.err.println("foothold: " + e.text());
            System.exit(2);
        }
        Runtime.getRuntime().addShutdownHook(new Thread(Main::interrupted, "farewell"));
        int code;
        try {
            code = line.execute(args);
        } finally {
            over = !NativeSteps.ending();
        }
        tellWhatIsKept();
        System.exit(code);
    }

    /** What is said last when the process is told to end before the command is over. */
    static void farewell(String text) {
        farewell = text;
    }

    private static void interrupted() {
        if (!over) {
            // Another hook says what is waited for.
            NativeSteps.end(what -> {});
            System.err.println("foothold: " + farewell);
        }
    }

    /** Quarkus keeps what is logged until it starts; a command that starts nothing prints the warnings when it ends. */
    private static void tellWhatIsKept() {
        if (!InitialConfigurator.DELAYED_HANDLER.isActivated()) {
            Handler handler =
                    new ConsoleHandler(ConsoleHandler.Target.SYSTEM_ERR, new PatternFormatter("foothold: %p: %s%e%n"));
            handler.setLevel(Level.WARNING);
            InitialConfigurator.DELAYED_HANDLER.setHandlers(new Handler[] {handler});
        }
    }

    @Override
    public void run() {
        CommandLine.usage(this, System.out);
    }
}
