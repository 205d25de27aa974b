package io.foothold.cli.reference;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/** Every command with its arguments and options, as picocli knows them. */
final class CliReference {
    /** Descriptions tell defaults in words where the value would say nothing, such as 0 for "as many as fit". */
    private static final Pattern DEFAULT = Pattern.compile("\\s*\\(default: ([^)]*)\\)");

    private CliReference() {}

    static String markdown(CommandLine line) {
        StringBuilder out = new StringBuilder("""
                `--help` behind a command prints the same. Exit codes: 0 for success, 1 for a failure, 2 for a wrong command line or a wrong
                value. The launcher itself has `./foothold build`, `./foothold test`, `./foothold native` and `./foothold jdk` (prints the JDK
                that it found).
                """);
        append(out, line, 2);
        return out.toString();
    }

    private static void append(StringBuilder out, CommandLine line, int depth) {
        for (CommandLine command : line.getSubcommands().values()) {
            CommandSpec spec = command.getCommandSpec();
            if (!spec.usageMessage().hidden()) {
                out.append('\n')
                        .append("#".repeat(depth))
                        .append(' ')
                        .append(spec.qualifiedName(" ").replaceFirst("^foothold ", ""));
                out.append("\n\n")
                        .append(String.join(" ", spec.usageMessage().description())
                                .replace("<", "&lt;"))
                        .append("\n\n");
                out.append("```text\n./").append(synopsis(command)).append("\n```\n");
                arguments(out, spec);
                append(out, command, depth + 1);
            }
        }
    }

    /** The command with what must be given; everything else is in the table. */
    private static String synopsis(CommandLine command) {
        CommandSpec spec = command.getCommandSpec();
        List<String> words = new ArrayList<>();
        words.add(spec.qualifiedName(" "));
        boolean optional = false;
        for (OptionSpec option : spec.options()) {
            if (option.required()) {
                words.add(written(option));
            } else {
                optional |= shown(option);
            }
        }
        for (PositionalParamSpec parameter : spec.positionalParameters()) {
            words.add(parameter.required() ? label(parameter) : "[" + label(parameter) + "]");
        }
        if (optional) {
            words.add("[OPTIONS]");
        }
        if (!command.getSubcommands().isEmpty()) {
            words.add("COMMAND");
        }
        return String.join(" ", words);
    }

    private static boolean shown(OptionSpec option) {
        return !option.hidden() && !option.usageHelp() && !option.versionHelp();
    }

    private static void arguments(StringBuilder out, CommandSpec spec) {
        StringBuilder rows = new StringBuilder();
        for (PositionalParamSpec parameter : spec.positionalParameters()) {
            row(rows, label(parameter), parameter);
        }
        for (OptionSpec option : spec.options()) {
            if (shown(option)) {
                row(rows, written(option), option);
            }
        }
        if (!rows.isEmpty()) {
            out.append("\n| argument | default | what it is |\n|---|---|---|\n").append(rows);
        }
    }

    private static void row(StringBuilder rows, String name, ArgSpec of) {
        String meaning = String.join(" ", of.description()).replace("%%", "%");
        Matcher told = DEFAULT.matcher(meaning);
        String fallback = of.required() ? "required" : told.find() ? told.group(1) : "";
        rows.append("| `%s` | %s | %s |\n"
                .formatted(name, References.cell(fallback), References.cell(told.replaceFirst(""))));
    }

    private static String written(OptionSpec option) {
        String names = String.join(", ", option.names());
        return option.arity().max() == 0
                ? names
                : names + " " + option.paramLabel().replaceAll("[<>]", "");
    }

    private static String label(PositionalParamSpec parameter) {
        return parameter.paramLabel().replaceAll("[<>]", "")
                + (parameter.arity().max() > 1 ? "..." : "");
    }
}
