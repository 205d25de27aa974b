package io.foothold.cli.reference;

import io.foothold.orchestrator.runfile.RunFileJsonSchema;
import io.foothold.orchestrator.runfile.RunFileReference;
import java.util.LinkedHashMap;
import java.util.Map;
import picocli.CommandLine;

/** Every page that is made and not written. */
public final class References {
    /** What makes the pages of a checkout anew. */
    public static final String COMMAND = "./foothold reference --write docs";

    private static final String MADE = "<!-- Made by `" + COMMAND + "`; a test compares. -->\n";

    private References() {}

    /**
     * The pages by the names of their files.
     *
     * @param line the program's command line, never run before
     */
    public static Map<String, String> pages(CommandLine line) {
        Map<String, String> out = new LinkedHashMap<>();
        out.put("run-file.md", page("Run file", RunFileReference.markdown()));
        out.put("cli.md", page("Commands", CliReference.markdown(line)));
        out.put("errors.md", page("Errors", ErrorReference.markdown()));
        out.put("metrics.md", page("Metrics", MetricReference.markdown()));
        out.put("run-file.schema.json", RunFileJsonSchema.text());
        return out;
    }

    private static String page(String heading, String body) {
        return "# " + heading + "\n\n" + MADE + "\n" + body;
    }

    /** A text as a cell of a table holds it. */
    static String cell(String text) {
        return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ").strip();
    }
}
