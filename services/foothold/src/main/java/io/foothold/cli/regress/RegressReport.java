package io.foothold.cli.regress;

import io.foothold.cli.machine.Workspace;
import io.foothold.cli.report.Page;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import javax.xml.stream.XMLOutputFactory;
import javax.xml.stream.XMLStreamException;
import javax.xml.stream.XMLStreamWriter;

/**
 * What became of a suite: {@code junit.xml} for the server that builds, {@code summary.markdown} for the request that asks for a change, and {@code
 * report.html}.
 *
 * @param counted the runs that decide
 * @param replaced runs whose gates broke and for which a spare seed stands in
 */
record RegressReport(Suite suite, List<Attempt> counted, List<Attempt> replaced) {
    private static final List<String> HEADER = List.of("run", "gate", "outcome", "found");

    void write(Path directory) {
        Workspace.write(directory.resolve("junit.xml"), junit());
        Workspace.write(directory.resolve("summary.markdown"), markdown());
        new Page(
                        "regress",
                        "Suite " + suite.name(),
                        Map.of("verdict", verdict(), "table", new Page.Table(HEADER, rows())))
                .write(directory.resolve("report.html"));
    }

    /** The last lines of the command. */
    String summary() {
        StringBuilder out = new StringBuilder();
        replaced.forEach(
                a -> out.append("regress: ").append(a.name()).append(" broke, a spare seed stood in for it\n"));
        return out.append("regress: ").append(verdict()).append('\n').toString();
    }

    private String verdict() {
        long broken = counted.stream().filter(a -> !a.held()).count();
        return suite.name() + ": " + (broken == 0 ? "held" : "BROKEN") + ", " + (counted.size() - broken) + " of "
                + counted.size() + " runs hold"
                + (replaced.isEmpty() ? "" : ", " + replaced.size() + " by a spare seed");
    }

    private List<List<String>> rows() {
        List<List<String>> rows = new ArrayList<>();
        counted.forEach(a -> add(rows, a, ""));
        replaced.forEach(a -> add(rows, a, " (a spare seed stood in)"));
        return rows;
    }

    private static void add(List<List<String>> rows, Attempt attempt, String after) {
        String name = attempt.name() + after;
        if (!attempt.failure().isEmpty()) {
            rows.add(List.of(name, "comes to its end", "broken", attempt.failure()));
        }
        attempt.findings().forEach(f -> rows.add(List.of(name, f.gate().text(), f.word(), f.told())));
    }

    private String markdown() {
        StringBuilder out = new StringBuilder("## " + verdict() + "\n\n");
        out.append("| ").append(String.join(" | ", HEADER)).append(" |\n|---|---|---|---|\n");
        for (List<String> row : rows()) {
            out.append("| ")
                    .append(String.join(
                            " | ", row.stream().map(RegressReport::cell).toList()))
                    .append(" |\n");
        }
        return out.toString();
    }

    private static String cell(String text) {
        return text.replace("\\", "\\\\")
                .replace("|", "\\|")
                .replace("<", "&lt;")
                .replace('\n', ' ');
    }

    /** A test case a gate, as build servers read them. */
    private String junit() {
        List<Case> cases = counted.stream().flatMap(a -> cases(a).stream()).toList();
        StringWriter text = new StringWriter();
        try {
            XMLStreamWriter xml = XMLOutputFactory.newDefaultFactory().createXMLStreamWriter(text);
            xml.writeStartDocument("UTF-8", "1.0");
            xml.writeStartElement("testsuite");
            xml.writeAttribute("name", suite.name());
            xml.writeAttribute("tests", Integer.toString(cases.size()));
            xml.writeAttribute(
                    "failures",
                    Long.toString(cases.stream().filter(Case::broken).count()));
            xml.writeAttribute("errors", "0");
            xml.writeAttribute(
                    "skipped",
                    Long.toString(cases.stream().filter(Case::skipped).count()));
            xml.writeAttribute(
                    "time",
                    seconds(counted.stream().mapToDouble(Attempt::seconds).sum()));
            for (Case test : cases) {
                write(xml, test);
            }
            xml.writeEndElement();
            xml.writeEndDocument();
            xml.close();
        } catch (XMLStreamException e) {
            throw new IllegalStateException(e);
        }
        return text.toString();
    }

    /**
     * A test case.
     *
     * @param seconds its share of the run's
     */
    private record Case(String run, String name, double seconds, boolean broken, boolean skipped, String told) {}

    private static List<Case> cases(Attempt attempt) {
        double share = attempt.seconds() / (1 + attempt.findings().size());
        List<Case> out = new ArrayList<>();
        out.add(new Case(
                attempt.name(), "comes to its end", share, !attempt.failure().isEmpty(), false, attempt.failure()));
        attempt.findings()
                .forEach(f -> out.add(new Case(
                        attempt.name(),
                        f.gate().text(),
                        share,
                        f.outcome() == Gate.Outcome.BROKEN,
                        f.outcome() == Gate.Outcome.NO_BASELINE,
                        f.told())));
        return out;
    }

    private void write(XMLStreamWriter xml, Case test) throws XMLStreamException {
        xml.writeStartElement("testcase");
        xml.writeAttribute("classname", suite.name() + "." + test.run());
        xml.writeAttribute("name", test.name());
        xml.writeAttribute("time", seconds(test.seconds()));
        if (test.broken() || test.skipped()) {
            xml.writeEmptyElement(test.broken() ? "failure" : "skipped");
            xml.writeAttribute("message", printable(test.told()));
        }
        xml.writeEndElement();
    }

    /** What XML 1.0 cannot hold is shown as a question mark: a log's last lines may hold anything. */
    private static String printable(String text) {
        return text.codePoints()
                .map(c ->
                        c == '\t' || c == '\n' || (c >= ' ' && c < 0xd800) || (c >= 0xe000 && c < 0xfffe) || c > 0xffff
                                ? c
                                : '?')
                .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
                .toString();
    }

    private static String seconds(double value) {
        return String.format(Locale.ROOT, "%.3f", value);
    }
}
