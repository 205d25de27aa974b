package io.foothold.cli;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** The pages of the repository, read as Markdown: headings, links, blocks of code. */
final class Documents {
    /** The root of the checkout. */
    static final Path ROOT = Path.of(System.getProperty("foothold.root"));

    private static final Pattern LINK = Pattern.compile("\\[[^\\]]*]\\(([^)\\s]+)\\)");
    private static final Pattern CODE_SPAN = Pattern.compile("`[^`]*`");
    private static final Pattern HEADING = Pattern.compile("#{1,6} +(.*)");
    private static final Pattern FENCE = Pattern.compile("```([a-z]*)\n(.*?)```", Pattern.DOTALL);
    private static final Set<String> NOT_OURS = Set.of("target", ".git", "node_modules", "foothold-home", ".mvn");
    private static final Pattern SOURCE = Pattern.compile(".*\\.(java|py|sh|proto|yaml|md)");

    private Documents() {}

    /** Every page that the repository holds. */
    static List<Path> pages() throws IOException {
        return files().stream().filter(file -> file.toString().endsWith(".md")).toList();
    }

    /** Everything that a person wrote and reads: sources, scripts, settings, pages; no tests, which show what is wrong too. */
    static List<Path> sources() throws IOException {
        return files().stream()
                .filter(file -> SOURCE.matcher(file.getFileName().toString()).matches()
                        && !ROOT.relativize(file).toString().contains("src/test/"))
                .toList();
    }

    private static List<Path> files() throws IOException {
        List<Path> out = new ArrayList<>();
        files(ROOT, out);
        return out;
    }

    private static void files(Path directory, List<Path> out) throws IOException {
        try (Stream<Path> children = Files.list(directory)) {
            for (Path child : children.sorted().toList()) {
                if (Files.isDirectory(child)
                        && !NOT_OURS.contains(child.getFileName().toString())) {
                    files(child, out);
                } else if (Files.isRegularFile(child)) {
                    out.add(child);
                }
            }
        }
    }

    /** Relative links of a page that lead nowhere, each with its line. */
    static List<String> deadLinks(Path page, String text) {
        List<String> dead = new ArrayList<>();
        int number = 0;
        for (String line : withoutCode(text)) {
            number++;
            Matcher links = LINK.matcher(CODE_SPAN.matcher(line).replaceAll("``"));
            while (links.find()) {
                String to = links.group(1);
                if (!to.matches("[a-z]+:.*") && !leadsSomewhere(page, text, to)) {
                    dead.add(ROOT.relativize(page) + ":" + number + ": " + to);
                }
            }
        }
        return dead;
    }

    private static boolean leadsSomewhere(Path page, String text, String to) {
        int hash = to.indexOf('#');
        String file = hash < 0 ? to : to.substring(0, hash);
        Path target = file.isEmpty() ? page : page.resolveSibling(file).normalize();
        if (!Files.exists(target)) {
            return false;
        }
        if (hash < 0) {
            return true;
        }
        try {
            return anchors(file.isEmpty() ? text : Files.readString(target)).contains(to.substring(hash + 1));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The anchors of a page's headings, as GitHub makes them. */
    static List<String> anchors(String text) {
        List<String> out = new ArrayList<>();
        Map<String, Integer> seen = new HashMap<>();
        for (String line : withoutCode(text)) {
            Matcher heading = HEADING.matcher(line);
            if (heading.matches()) {
                String anchor = heading.group(1)
                        .strip()
                        .toLowerCase(Locale.ROOT)
                        .replaceAll("[^\\p{L}\\p{N}\\- _]", "")
                        .replace(' ', '-');
                int before = seen.merge(anchor, 1, Integer::sum) - 1;
                out.add(before == 0 ? anchor : anchor + "-" + before);
            }
        }
        return out;
    }

    /** The lines of a page, those of code emptied. */
    private static List<String> withoutCode(String text) {
        List<String> out = new ArrayList<>();
        boolean fenced = false;
        for (String line : text.split("\n", -1)) {
            boolean fence = line.startsWith("```");
            out.add(fenced || fence || line.startsWith("    ") ? "" : line);
            fenced ^= fence;
        }
        return out;
    }

    /** The blocks of code of a page that are set apart by four spaces, without these. */
    static List<String> blocks(String text) {
        List<String> out = new ArrayList<>();
        StringBuilder block = new StringBuilder();
        for (String line : (text + "\n").split("\n", -1)) {
            if (line.startsWith("    ")) {
                block.append(line.substring(4)).append('\n');
            } else if (!block.isEmpty()) {
                out.add(block.toString());
                block.setLength(0);
            }
        }
        return out;
    }

    /** The blocks of code between fences of one language. */
    static List<String> fenced(String text, String language) {
        return FENCE.matcher(text)
                .results()
                .filter(fence -> fence.group(1).equals(language))
                .map(fence -> fence.group(2))
                .toList();
    }

    /** The launcher's command lines that a page sets apart, as words, without comments. */
    static List<List<String>> commands(String text) {
        return blocks(text).stream()
                .flatMap(block -> block.replace("\\\n", " ").lines())
                .filter(line -> line.startsWith("./foothold "))
                .map(line -> words(line.replaceFirst("\\s#.*", "")))
                .toList();
    }

    /** Those in running text, which may leave out what must be given. */
    static List<List<String>> mentioned(String text) {
        Matcher spans = CODE_SPAN.matcher(String.join("\n", withoutCode(text)));
        return spans.results()
                .map(span -> span.group().replace("`", "").replace('\n', ' '))
                .filter(span -> span.startsWith("./foothold "))
                .map(Documents::words)
                .toList();
    }

    /** The words of a command line after the launcher's name; quotes hold words together. */
    private static List<String> words(String line) {
        List<String> out = new ArrayList<>();
        Matcher word = Pattern.compile("'([^']*)'|\"([^\"]*)\"|(\\S+)").matcher(line);
        while (word.find()) {
            out.add(word.group(1) != null ? word.group(1) : word.group(2) != null ? word.group(2) : word.group(3));
        }
        return out.subList(1, out.size());
    }
}
