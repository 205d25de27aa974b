package io.foothold.policy.chat;

import com.hubspot.jinjava.el.JinjavaInterpreterResolver;
import com.hubspot.jinjava.el.ext.NamedParameter;
import java.beans.FeatureDescriptor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.StringJoiner;
import jinjava.javax.el.ELContext;
import jinjava.javax.el.ELResolver;
import org.jspecify.annotations.Nullable;

/** Methods that templates call on Python's strings and dictionaries, on top of Jinjava's own resolver. Stateless. */
final class PythonStrings extends ELResolver {
    private final ELResolver rest = JinjavaInterpreterResolver.DEFAULT_RESOLVER_READ_WRITE;

    @Override
    public @Nullable Object invoke(
            ELContext context,
            Object base,
            Object method,
            Class<?> @Nullable [] types,
            Object @Nullable [] parameters) {
        List<@Nullable Object> given = new ArrayList<>();
        for (Object p : parameters == null ? new Object[0] : parameters) {
            given.add(p instanceof NamedParameter named ? named.getValue() : p);
        }
        if (base instanceof String s) {
            Object out = ofString(s, method.toString(), given);
            if (out != null) {
                context.setPropertyResolved(true);
                return out;
            }
        }
        if (base instanceof Map<?, ?> map && method.equals("get") && !given.isEmpty()) {
            context.setPropertyResolved(true);
            Object value = map.get(given.get(0));
            return value == null && given.size() > 1 ? given.get(1) : value;
        }
        return rest.invoke(context, base, method, types, parameters);
    }

    private static @Nullable Object ofString(String s, String method, List<@Nullable Object> given) {
        String first =
                given.isEmpty() || given.get(0) == null ? null : given.get(0).toString();
        return switch (method) {
            case "startswith" -> first != null && s.startsWith(first);
            case "endswith" -> first != null && s.endsWith(first);
            case "strip" -> stripped(s, first, true, true);
            case "lstrip" -> stripped(s, first, true, false);
            case "rstrip" -> stripped(s, first, false, true);
            case "split" -> split(s, first, given.size() > 1 && given.get(1) instanceof Number n ? n.intValue() : -1);
            case "replace" -> first == null || given.size() < 2 ? null : s.replace(first, String.valueOf(given.get(1)));
            case "upper" -> s.toUpperCase(Locale.ROOT);
            case "lower" -> s.toLowerCase(Locale.ROOT);
            case "capitalize" ->
                s.isEmpty()
                        ? s
                        : s.substring(0, 1).toUpperCase(Locale.ROOT)
                                + s.substring(1).toLowerCase(Locale.ROOT);
            case "title" -> title(s);
            case "find" -> first == null ? null : (long) s.indexOf(first);
            case "count" ->
                first == null || first.isEmpty()
                        ? null
                        : (long) (split(s, first, -1).size() - 1);
            case "join" -> {
                StringJoiner out = new StringJoiner(s);
                if (!given.isEmpty() && given.get(0) instanceof Iterable<?> items) {
                    items.forEach(i -> out.add(String.valueOf(i)));
                }
                yield out.toString();
            }
            default -> null;
        };
    }

    private static String stripped(String s, @Nullable String of, boolean left, boolean right) {
        int from = 0;
        int to = s.length();
        while (left && from < to && strips(s.charAt(from), of)) {
            from++;
        }
        while (right && to > from && strips(s.charAt(to - 1), of)) {
            to--;
        }
        return s.substring(from, to);
    }

    private static boolean strips(char c, @Nullable String of) {
        return of == null ? Character.isWhitespace(c) || Character.isSpaceChar(c) : of.indexOf(c) >= 0;
    }

    private static List<String> split(String s, @Nullable String at, int most) {
        if (at == null) {
            return s.isBlank() ? List.of() : Arrays.asList(s.strip().split("\\s+"));
        }
        List<String> out = new ArrayList<>();
        int from = 0;
        for (int i = s.indexOf(at); i >= 0 && (most < 0 || out.size() < most); i = s.indexOf(at, from)) {
            out.add(s.substring(from, i));
            from = i + at.length();
        }
        out.add(s.substring(from));
        return out;
    }

    private static String title(String s) {
        StringBuilder out = new StringBuilder();
        boolean inWord = false;
        for (int i = 0; i < s.length(); i++) {
            char c = s.charAt(i);
            out.append(inWord ? Character.toLowerCase(c) : Character.toUpperCase(c));
            inWord = Character.isLetter(c);
        }
        return out.toString();
    }

    @Override
    public @Nullable Object getValue(ELContext context, @Nullable Object base, Object property) {
        if (base instanceof String s) {
            context.setPropertyResolved(true);
            if (property instanceof Number n) {
                int i = n.intValue() < 0 ? n.intValue() + s.length() : n.intValue();
                return i >= 0 && i < s.length() ? s.substring(i, i + 1) : null;
            }
            return null;
        }
        return rest.getValue(context, base, property);
    }

    @Override
    public Class<?> getType(ELContext context, Object base, Object property) {
        return rest.getType(context, base, property);
    }

    @Override
    public void setValue(ELContext context, Object base, Object property, Object value) {
        rest.setValue(context, base, property, value);
    }

    @Override
    public boolean isReadOnly(ELContext context, Object base, Object property) {
        return rest.isReadOnly(context, base, property);
    }

    @Override
    public Iterator<FeatureDescriptor> getFeatureDescriptors(ELContext context, Object base) {
        return rest.getFeatureDescriptors(context, base);
    }

    @Override
    public Class<?> getCommonPropertyType(ELContext context, Object base) {
        return rest.getCommonPropertyType(context, base);
    }
}
