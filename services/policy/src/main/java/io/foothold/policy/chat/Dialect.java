package io.foothold.policy.chat;

import io.foothold.policy.PolicyException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Jinja as Python has it, in the words of Jinjava, where the two mean different things by the same text. What can be said in
 * neither way is refused by name: Jinjava would pass over it without a word.
 */
final class Dialect {
    /** What Jinjava does not know or silently reads in another way. */
    private static final Map<String, Pattern> NOT_SUPPORTED = notSupported();

    private static final Pattern TAG = Pattern.compile("\\{\\{.*?}}|\\{%.*?%}", Pattern.DOTALL);
    private static final Pattern STRING = Pattern.compile("'(?:[^'\\\\]|\\\\.)*'|\"(?:[^\"\\\\]|\\\\.)*\"");
    private static final Pattern FILTER = Pattern.compile("\\|\\s*(\\w+)");
    private static final Pattern NEWLINE = Pattern.compile("\r\n?");
    private static final Pattern INDENTED_BLOCK = Pattern.compile("(?m)^[ \\t]+(?=\\{[%#](?!\\+))");
    private static final Pattern BLOCK_AT_END_OF_LINE = Pattern.compile("((?<!\\+)[%#]})\n");
    private static final Pattern GENERATION = Pattern.compile("\\{%(-?)\\s*(end)?generation\\s*(-?)%}");
    private static final Pattern NOT_BEFORE_TEST =
            Pattern.compile("\\bnot\\s+([\\w.]+(?:\\[['\"\\w]+])*)\\s+is\\s+((?:not\\s+)?\\w+)");
    private static final Pattern FILTERED_LOOP = Pattern.compile(
            "\\{%(-?)\\s*for\\s+(\\w+)\\s+in\\s+((?:(?!%}|\\sif\\s).)+?)\\s+if\\s+((?:(?!%}|\\selse\\s).)+?)\\s*(-?)%}");
    private static final Pattern LOOP =
            Pattern.compile("\\{%(-?)\\s*for\\s+(.+?)\\s+in\\s+(.+?)\\s*(-?)%}", Pattern.DOTALL);
    private static final Pattern END_OF_LOOP = Pattern.compile("\\{%-?\\s*endfor\\s*-?%}");
    private static final Pattern NEIGHBOUR = Pattern.compile("\\bloop\\.(prev|next)item\\b");
    private static final Pattern NAMESPACE = Pattern.compile("\\bnamespace\\(");

    private Dialect() {}

    private static Map<String, Pattern> notSupported() {
        Map<String, Pattern> out = new LinkedHashMap<>();
        out.put("a filter block", Pattern.compile("\\{%-?\\s*filter\\b"));
        out.put("a call block", Pattern.compile("\\{%-?\\s*call\\b"));
        out.put("a recursive loop", Pattern.compile("\\{%-?\\s*for\\b[^%]*\\brecursive\\b"));
        out.put("the filter slice", Pattern.compile("\\|\\s*slice\\b"));
        out.put("loop.changed", Pattern.compile("\\bloop\\.changed\\b"));
        out.put("an import or include", Pattern.compile("\\{%-?\\s*(?:import|include|from|extends)\\b"));
        return out;
    }

    /** The template for Jinjava. */
    static String adapted(String template, String where) {
        String t = NEWLINE.matcher(template).replaceAll("\n");
        t = t.endsWith("\n") ? t.substring(0, t.length() - 1) : t;
        // transformers sets lstrip_blocks and trim_blocks; Jinjava's lstrip_blocks strips in the middle of a line too.
        t = INDENTED_BLOCK.matcher(t).replaceAll("");
        t = BLOCK_AT_END_OF_LINE.matcher(t).replaceAll("$1");
        // A mark of what is trained, which only prints what is inside; as a condition it keeps its hyphens.
        t = GENERATION
                .matcher(t)
                .replaceAll(
                        m -> "{%" + m.group(1) + (m.group(2) == null ? " if true " : " endif ") + m.group(3) + "%}");
        t = t.replace("[::-1]", "|reverse|list");
        // In Python the test binds closer than not.
        t = NOT_BEFORE_TEST.matcher(t).replaceAll("not ($1 is $2)");
        t = neighbours(filteredLoops(t));
        for (Map.Entry<String, Pattern> e : NOT_SUPPORTED.entrySet()) {
            if (e.getValue().matcher(t).find()) {
                throw new PolicyException(where + ": the chat template has " + e.getKey() + ", which is not supported");
            }
        }
        return namespaces(t);
    }

    /** Refuses filters that nobody knows: Jinjava lets their input through as it is. */
    static void checkFilters(String template, Set<String> known, String where) {
        for (Matcher tag = TAG.matcher(template); tag.find(); ) {
            for (Matcher m = FILTER.matcher(STRING.matcher(tag.group()).replaceAll("''")); m.find(); ) {
                if (!known.contains(m.group(1))) {
                    throw new PolicyException(
                            where + ": the chat template has filter '" + m.group(1) + "', which is not known");
                }
            }
        }
    }

    /** A loop with a condition as a loop over what meets it. */
    private static String filteredLoops(String template) {
        Matcher m = FILTERED_LOOP.matcher(template);
        StringBuilder out = new StringBuilder();
        for (int n = 0; m.find(); n++) {
            // An "x if c else y" is an expression, no condition.
            String kept = "kept_" + n;
            m.appendReplacement(
                    out,
                    Matcher.quoteReplacement("{%" + m.group(1) + " set " + kept + " = namespace(items=[]) %}{% for "
                            + m.group(2)
                            + " in " + m.group(3) + " %}{% if " + m.group(4) + " %}{% set " + kept + ".items = " + kept
                            + ".items + [" + m.group(2) + "] %}{% endif %}{% endfor %}{% for " + m.group(2) + " in "
                            + kept
                            + ".items " + m.group(5) + "%}"));
        }
        return m.appendTail(out).toString();
    }

    /** Items before and behind the loop's own, as items of the list that the innermost loop goes over. */
    private static String neighbours(String template) {
        if (!NEIGHBOUR.matcher(template).find()) {
            return template;
        }
        StringBuilder out = new StringBuilder();
        Deque<String> open = new ArrayDeque<>();
        int loops = 0;
        int at = 0;
        for (Matcher tag = TAG.matcher(template); tag.find(); at = tag.end()) {
            out.append(template, at, tag.start());
            Matcher loop = LOOP.matcher(tag.group());
            if (loop.matches()) {
                String list = "items_" + loops++;
                open.push(list);
                out.append("{%" + loop.group(1) + " set " + list + " = " + loop.group(3) + " %}{% for " + loop.group(2)
                        + " in " + list + " " + loop.group(4) + "%}");
                continue;
            }
            if (END_OF_LOOP.matcher(tag.group()).matches()) {
                open.poll();
            }
            String list = open.isEmpty() ? "" : open.peek();
            out.append(NEIGHBOUR
                    .matcher(tag.group())
                    .replaceAll(m -> m.group(1).equals("prev")
                            ? "(" + list + "[loop.index0 - 1] if loop.index0 > 0 else none)"
                            : "(" + list + "[loop.index0 + 1] if not loop.last else none)"));
        }
        return out.append(template, at, template.length()).toString();
    }

    /** Brackets around the values of a namespace: Jinjava's keyword binds closer than an operator behind its value. */
    private static String namespaces(String t) {
        StringBuilder out = new StringBuilder();
        Matcher m = NAMESPACE.matcher(t);
        int at = 0;
        while (m.find(at)) {
            out.append(t, at, m.end());
            int depth = 0;
            int from = m.end();
            int i = from;
            for (; i < t.length(); i++) {
                char c = t.charAt(i);
                if (depth == 0 && (c == ',' || c == ')')) {
                    String argument = t.substring(from, i);
                    int equals = argument.indexOf('=');
                    out.append(
                            equals < 0 || argument.substring(equals + 1).isBlank()
                                    ? argument
                                    : argument.substring(0, equals + 1) + "(" + argument.substring(equals + 1) + ")");
                    from = i;
                    if (c == ')') {
                        break;
                    }
                    out.append(c);
                    from = i + 1;
                }
                depth += c == '(' || c == '[' || c == '{' ? 1 : c == ')' || c == ']' || c == '}' ? -1 : 0;
            }
            at = from;
        }
        return out.append(t, at, t.length()).toString();
    }
}
