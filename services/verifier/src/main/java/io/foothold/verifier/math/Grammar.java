package io.foothold.verifier.math;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.commons.numbers.fraction.BigFraction;
import org.jspecify.annotations.Nullable;

/**
 * Reads one expression, in LaTeX or as typed on one line. Whatever it does not know is refused: a stray number inside a text is
 * no answer.
 */
final class Grammar {
    /** No expression. */
    static final class Refused extends RuntimeException {
        private static final long serialVersionUID = 1L;

        Refused(String why) {
            super(why, null, false, false);
        }
    }

    private static final int DEEPEST = 48;
    private static final int MOST_DIGITS = 1_000;
    private static final int MOST_LINKS = 600;
    private static final Map<String, String> FUNCTIONS = Map.ofEntries(
            Map.entry("sin", "sin"),
            Map.entry("cos", "cos"),
            Map.entry("tan", "tan"),
            Map.entry("cot", "cot"),
            Map.entry("sec", "sec"),
            Map.entry("csc", "csc"),
            Map.entry("arcsin", "arcsin"),
            Map.entry("arccos", "arccos"),
            Map.entry("arctan", "arctan"),
            Map.entry("asin", "arcsin"),
            Map.entry("acos", "arccos"),
            Map.entry("atan", "arctan"),
            Map.entry("sinh", "sinh"),
            Map.entry("cosh", "cosh"),
            Map.entry("tanh", "tanh"),
            Map.entry("exp", "exp"),
            Map.entry("cis", "cis"),
            Map.entry("ln", "ln"),
            Map.entry("log", "ln"),
            Map.entry("lg", "lg"),
            Map.entry("abs", "abs"),
            Map.entry("floor", "floor"),
            Map.entry("ceil", "ceil"),
            Map.entry("min", "min"),
            Map.entry("max", "max"),
            Map.entry("gcd", "gcd"),
            Map.entry("lcm", "lcm"),
            Map.entry("sqrt", "sqrt"),
            Map.entry("binom", "binom"),
            Map.entry("factorial", "factorial"));
    private static final Set<String> GREEK = Set.of(
            "alpha",
            "beta",
            "gamma",
            "delta",
            "epsilon",
            "varepsilon",
            "zeta",
            "eta",
            "theta",
            "vartheta",
            "iota",
            "kappa",
            "lambda",
            "mu",
            "nu",
            "xi",
            "rho",
            "sigma",
            "tau",
            "phi",
            "varphi",
            "chi",
            "psi",
            "omega",
            "Gamma",
            "Delta",
            "Theta",
            "Lambda",
            "Xi",
            "Pi",
            "Sigma",
            "Phi",
            "Psi",
            "Omega",
            "ell");
    /** Short words of sentences, which are no products of letters. */
    private static final Set<String> WORDS = Set.of(
            "the", "The", "is", "are", "was", "not", "it", "It", "we", "We", "of", "and", "or", "in", "to", "so", "So",
            "an", "as", "at", "be", "by", "if", "If", "no", "No", "on", "that", "this", "for", "For", "has", "with",
            "from", "but", "its", "one", "two", "find", "get", "Thus", "thus", "then", "Then", "have", "when", "yes",
            "Yes", "true", "True", "None", "none", "odd", "even", "Even", "Odd", "only", "all", "any", "some", "just",
            "how", "many", "than");

    /** What makes a function's name that of its inverse. */
    private static final Pattern INVERSE = Pattern.compile(" ?\\^ ?\\{ ?- ?1 ?\\} ?(?=\\()");

    private static final Set<String> FUNCTION_LETTERS = Set.of("f", "g", "h", "F", "G");

    private final String text;
    private final Budget budget;
    private int at;
    private int depth;
    private int links;
    /** Bars that are open: while none is, a bar opens. */
    private int bars;

    private Grammar(String text, Budget budget) {
        this.text = text;
        this.budget = budget;
    }

    static boolean isFunction(String name) {
        return FUNCTIONS.containsKey(name);
    }

    /**
     * Reads a whole text as one expression.
     *
     * @throws Refused when it is none
     */
    static Expr read(String cleaned, Budget budget) {
        Grammar g = new Grammar(cleaned, budget);
        Expr x = g.sum();
        g.spaces();
        if (g.at < cleaned.length()) {
            throw new Refused("'" + cleaned.substring(g.at) + "' is left over");
        }
        return x;
    }

    private void spaces() {
        while (at < text.length() && text.charAt(at) == ' ') {
            at++;
        }
    }

    private boolean take(String token) {
        spaces();
        if (!text.startsWith(token, at)) {
            return false;
        }
        int end = at + token.length();
        if (token.length() > 1
                && token.charAt(0) == '\\'
                && Character.isLetter(token.charAt(token.length() - 1))
                && end < text.length()
                && isLetter(text.charAt(end))) {
            return false;
        }
        at = end;
        return true;
    }

    private void need(String token) {
        if (!take(token)) {
            throw new Refused("expected '" + token + "' at " + at);
        }
    }

    private char peek() {
        spaces();
        return at < text.length() ? text.charAt(at) : '\0';
    }

    private static boolean isLetter(char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    }

    private static boolean isDigit(char c) {
        return c >= '0' && c <= '9';
    }

    private void deeper() {
        budget.spend(10);
        if (++depth > DEEPEST) {
            throw new Refused("nested deeper than " + DEEPEST);
        }
    }

    /** Signs in a chain nest as brackets do. */
    private void linked() {
        budget.spend(5);
        if (++links > MOST_LINKS) {
            throw new Refused("more than " + MOST_LINKS + " factors, powers and marks");
        }
    }

    private Expr sum() {
        deeper();
        List<Expr> terms = new ArrayList<>();
        boolean negative = take("-");
        if (!negative) {
            take("+");
        }
        while (true) {
            Expr term = product();
            terms.add(negative ? Expr.negative(term) : term);
            if (take("+")) {
                negative = take("-");
            } else if (take("-")) {
                negative = !take("-");
            } else {
                break;
            }
        }
        depth--;
        return terms.size() == 1 ? terms.get(0) : new Expr.Sum(List.copyOf(terms));
    }

    private Expr product() {
        Expr product = factor();
        boolean number = plainNumber(product);
        while (true) {
            linked();
            if (take("*") || take("\\cdot") || take("\\times")) {
                product = times(product, factor());
                number = false;
            } else if (take("/") || take("\\div")) {
                product = new Expr.Quotient(product, factor());
                number = false;
            } else if (take("\\bmod") || take("\\mod") || word("mod")) {
                product = new Expr.Call("mod", List.of(product, factor()));
            } else if (startsAtom()) {
                if (number && isDigit(peek())) {
                    throw new Refused("two numbers side by side");
                }
                Expr next = power();
                number = plainNumber(next);
                product = times(product, next);
            } else {
                return product;
            }
        }
    }

    private static boolean plainNumber(Expr x) {
        return x instanceof Expr.Num;
    }

    private static Expr times(Expr a, Expr b) {
        if (a instanceof Expr.Product p && p.factors().size() < 64) {
            List<Expr> all = new ArrayList<>(p.factors());
            all.add(b);
            return new Expr.Product(List.copyOf(all));
        }
        return new Expr.Product(List.of(a, b));
    }

    private boolean word(String w) {
        spaces();
        int end = at + w.length();
        if (text.startsWith(w, at) && (end == text.length() || !isLetter(text.charAt(end)))) {
            at = end;
            return true;
        }
        return false;
    }

    private boolean startsAtom() {
        char c = peek();
        if (isDigit(c) || isLetter(c) || c == '(' || c == '{' || c == '.' || (c == '|' && bars == 0)) {
            return true;
        }
        if (c != '\\') {
            return false;
        }
        String name = command();
        return FUNCTIONS.containsKey(name)
                || GREEK.contains(name)
                || Set.of("frac", "pi", "infty", "lfloor", "lceil", "sum", "prod", "overline", "binom", "lvert")
                        .contains(name);
    }

    /** The command that begins here, not taken. */
    private String command() {
        int end = at + 1;
        while (end < text.length() && isLetter(text.charAt(end))) {
            end++;
        }
        return text.substring(at + 1, Math.max(end, at + 1));
    }

    private Expr factor() {
        deeper();
        try {
            if (take("-")) {
                return Expr.negative(factor());
            }
            if (take("+")) {
                return factor();
            }
            return power();
        } finally {
            depth--;
        }
    }

    private Expr power() {
        deeper();
        Expr base = atom();
        while (true) {
            linked();
            if (take("!")) {
                base = new Expr.Call("factorial", List.of(base));
            } else if (degrees()) {
                base = new Expr.Product(List.of(base, new Expr.Quotient(Expr.Constant.PI, Expr.Num.of(180))));
            } else if (take("\\%") || take("%")) {
                base = new Expr.Quotient(base, Expr.Num.of(100));
            } else if (take("^") || take("**")) {
                base = new Expr.Power(base, exponent());
            } else {
                depth--;
                return base;
            }
        }
    }

    private boolean degrees() {
        return take("^\\circ") || take("^{\\circ}") || take("^ \\circ") || take("^{ \\circ }") || take("^{\\circ }");
    }

    private Expr exponent() {
        if (peek() == '-') {
            at++;
            return Expr.negative(exponent());
        }
        if (peek() == '{') {
            return group();
        }
        Expr x = peek() == '(' || isLetter(peek()) || peek() == '\\' ? atom() : number();
        return x;
    }

    private Expr group() {
        need("{");
        Expr x = sum();
        need("}");
        return x;
    }

    /** An argument of a command: a group, or a single digit or letter. */
    private Expr argument() {
        char c = peek();
        if (c == '{') {
            return group();
        }
        if (isDigit(c)) {
            at++;
            return Expr.Num.of(c - '0');
        }
        if (isLetter(c)) {
            at++;
            return letter(String.valueOf(c));
        }
        return atom();
    }

    private Expr atom() {
        deeper();
        try {
            char c = peek();
            if (isDigit(c) || c == '.') {
                return mixed(number());
            }
            if (isLetter(c)) {
                return letters();
            }
            if (take("(")) {
                Expr x = sum();
                need(")");
                return x;
            }
            if (take("[")) {
                Expr x = sum();
                need("]");
                return x;
            }
            if (c == '{') {
                return group();
            }
            if (take("|") || take("\\lvert") || take("\\vert")) {
                bars++;
                Expr x = sum();
                bars--;
                if (!take("|") && !take("\\rvert") && !take("\\vert")) {
                    throw new Refused("expected '|' at " + at);
                }
                return new Expr.Call("abs", List.of(x));
            }
            if (c == '\\') {
                return commanded();
            }
            throw new Refused("nothing to read at " + at);
        } finally {
            depth--;
        }
    }

    private Expr number() {
        spaces();
        int start = at;
        while (at < text.length() && isDigit(text.charAt(at))) {
            at++;
        }
        if (at < text.length() - 1 && text.charAt(at) == '.' && isDigit(text.charAt(at + 1))) {
            at++;
            while (at < text.length() && isDigit(text.charAt(at))) {
                at++;
            }
        } else if (at > start && at < text.length() && text.charAt(at) == '.') {
            at++;
        }
        if (at == start || at - start > MOST_DIGITS) {
            throw new Refused(
                    at == start ? "expected a number at " + at : "a number of more than " + MOST_DIGITS + " digits");
        }
        String digits = text.substring(start, at);
        budget.spend(digits.length());
        int exponent = 0;
        if (at < text.length() - 1 && (text.charAt(at) == 'e' || text.charAt(at) == 'E')) {
            int from = at + 1;
            int sign = text.charAt(from) == '-' || text.charAt(from) == '+' ? 1 : 0;
            int end = from + sign;
            while (end < text.length() && isDigit(text.charAt(end))) {
                end++;
            }
            if (end > from + sign && end - from <= 5 && (end == text.length() || !isLetter(text.charAt(end)))) {
                exponent = Integer.parseInt(text.substring(from, end));
                at = end;
            }
        }
        BigFraction value =
                fraction(new BigDecimal(digits.endsWith(".") ? digits + "0" : digits).scaleByPowerOfTen(exponent));
        if (repeats(at)) {
            value = value.add(repeating(digits));
        }
        return new Expr.Num(value);
    }

    private boolean repeats(int from) {
        return text.startsWith("\\overline", from) || text.startsWith("\\bar", from) || text.startsWith("\\dot{", from);
    }

    /** The repeating digits behind those that were read. */
    private BigFraction repeating(String before) {
        at = text.indexOf('{', at);
        int end = text.indexOf('}', at);
        if (at < 0 || end < 0 || end == at + 1 || end - at > 50) {
            throw new Refused("a repeating decimal without digits");
        }
        String digits = text.substring(at + 1, end);
        at = end + 1;
        if (!digits.chars().allMatch(d -> isDigit((char) d))) {
            throw new Refused("a repeating decimal without digits");
        }
        if (at < text.length() && take(".")) {
            throw new Refused("a second point");
        }
        int places = before.contains(".") ? before.length() - before.indexOf('.') - 1 : 0;
        BigInteger nines = BigInteger.TEN.pow(digits.length()).subtract(BigInteger.ONE);
        return BigFraction.of(new BigInteger(digits), nines.multiply(BigInteger.TEN.pow(places)));
    }

    static BigFraction fraction(BigDecimal x) {
        if (Math.abs((long) x.scale()) > 20_000) {
            throw new Refused("an exponent beyond 20,000");
        }
        return x.scale() <= 0
                ? BigFraction.of(x.toBigIntegerExact())
                : BigFraction.of(x.unscaledValue(), BigInteger.TEN.pow(x.scale()));
    }

    /** A whole number with a fraction of whole numbers right behind it is a mixed number. */
    private Expr mixed(Expr number) {
        if (!(number instanceof Expr.Num n) || !n.value().getDenominator().equals(BigInteger.ONE)) {
            return number;
        }
        int before = at;
        if (take("\\frac")) {
            try {
                if (argument() instanceof Expr.Num top
                        && argument() instanceof Expr.Num bottom
                        && top.value().signum() >= 0
                        && bottom.value().compareTo(top.value()) > 0) {
                    return new Expr.Num(n.value().add(top.value().divide(bottom.value())));
                }
            } catch (Refused e) {
                // Not a fraction of numbers: a product.
            }
        }
        at = before;
        return number;
    }

    private Expr letters() {
        int end = at;
        while (end < text.length() && isLetter(text.charAt(end))) {
            end++;
        }
        String run = text.substring(at, end);
        String function = FUNCTIONS.get(run);
        if (function != null) {
            at = end;
            return call(function);
        }
        if (run.equals("pi")) {
            at = end;
            return Expr.Constant.PI;
        }
        if (run.equals("inf") || run.equals("infinity") || run.equals("oo")) {
            at = end;
            return Expr.Constant.INFINITY;
        }
        if (run.length() > 4 || WORDS.contains(run)) {
            throw new Refused("the word '" + run + "'");
        }
        at++;
        return letter(run.substring(0, 1));
    }

    /** A letter with its index, its primes and, for the letters of functions, its argument. */
    private Expr letter(String name) {
        String full = name;
        Expr index = null;
        if (take("_")) {
            int start = at;
            if (peek() == '{') {
                int close = text.indexOf('}', at);
                String inside = close < 0 ? "" : text.substring(at + 1, close).strip();
                if (inside.matches("[A-Za-z0-9]+")) {
                    at = close + 1;
                    full += "_" + inside;
                } else {
                    at = start;
                    index = group();
                }
            } else {
                char c = peek();
                if (!isLetter(c) && !isDigit(c)) {
                    throw new Refused("an index is missing at " + at);
                }
                full += "_" + c;
                at++;
            }
        }
        if (name.equals("C") && (index != null || full.startsWith("C_")) && peek() == '^') {
            need("^");
            Expr n = index != null ? index : new Grammar(full.substring(2), budget).sum();
            return new Expr.Call("binom", List.of(n, argument()));
        }
        while (at < text.length() && text.charAt(at) == '\'') {
            at++;
            full += "'";
        }
        if (index != null) {
            return new Expr.Call("index:" + full, List.of(index));
        }
        Matcher inverse =
                FUNCTION_LETTERS.contains(name) ? INVERSE.matcher(text).region(at, text.length()) : null;
        if (inverse != null && inverse.lookingAt()) {
            at = inverse.end();
            return new Expr.Call("function:" + full + "^-1", list("(", ")"));
        }
        boolean primed = full.endsWith("'");
        if ((FUNCTION_LETTERS.contains(name) || primed) && peek() == '(') {
            return new Expr.Call("function:" + full, list("(", ")"));
        }
        return switch (full) {
            case "e" -> Expr.Constant.E;
            case "i" -> Expr.Constant.I;
            default -> new Expr.Var(full);
        };
    }

    private List<Expr> list(String open, String close) {
        need(open);
        List<Expr> out = new ArrayList<>();
        do {
            out.add(sum());
        } while (take(","));
        need(close);
        return List.copyOf(out);
    }

    private Expr call(String function) {
        if (function.equals("sqrt")) {
            return root();
        }
        if (function.equals("binom")) {
            if (peek() == '(') {
                return checked("binom", list("(", ")"), 2);
            }
            return new Expr.Call("binom", List.of(argument(), argument()));
        }
        if (Set.of("min", "max", "gcd", "lcm").contains(function)) {
            List<Expr> all = peek() == '{' ? list("{", "}") : list("(", ")");
            return checked(function, all, function.length() == 3 && function.startsWith("m") ? 0 : 2);
        }
        Expr base = null;
        if (take("_")) {
            base = argument();
        }
        Expr exponent = null;
        if (take("^")) {
            exponent = exponent();
        }
        Expr argument = functionArgument();
        Expr value;
        if (function.equals("cis")) {
            value = new Expr.Power(Expr.Constant.E, new Expr.Product(List.of(Expr.Constant.I, argument)));
        } else if (function.equals("lg")) {
            value = new Expr.Quotient(ln(argument), ln(Expr.Num.of(10)));
        } else if (base != null) {
            value = new Expr.Quotient(ln(argument), ln(base));
        } else if (exponent instanceof Expr.Num n
                && n.value().equals(BigFraction.of(-1))
                && Set.of("sin", "cos", "tan").contains(function)) {
            return new Expr.Call("arc" + function, List.of(argument));
        } else {
            value = new Expr.Call(function, List.of(argument));
        }
        return exponent == null ? value : new Expr.Power(value, exponent);
    }

    private static Expr checked(String function, List<Expr> arguments, int count) {
        if (count > 0 && arguments.size() != count) {
            throw new Refused(function + " of " + arguments.size() + " values");
        }
        return new Expr.Call(function, arguments);
    }

    private static Expr ln(Expr x) {
        return new Expr.Call("ln", List.of(x));
    }

    /** What a function without brackets takes: factors up to the next sign or function. */
    private Expr functionArgument() {
        if (peek() == '(' || peek() == '{' || peek() == '|') {
            return power();
        }
        deeper();
        Expr x = power();
        while (startsAtom() && !nextIsFunction() && peek() != '(') {
            x = times(x, power());
        }
        depth--;
        return x;
    }

    private boolean nextIsFunction() {
        if (peek() == '\\') {
            return FUNCTIONS.containsKey(command());
        }
        int end = at;
        while (end < text.length() && isLetter(text.charAt(end))) {
            end++;
        }
        return FUNCTIONS.containsKey(text.substring(at, end));
    }

    private Expr root() {
        Expr degree = Expr.Num.of(2);
        if (take("[")) {
            degree = sum();
            need("]");
        }
        Expr under = peek() == '(' ? atom() : argument();
        return new Expr.Power(under, new Expr.Quotient(Expr.Num.of(1), degree));
    }

    private Expr commanded() {
        String name = command();
        int before = at;
        at += 1 + name.length();
        String function = FUNCTIONS.get(name);
        if (function != null) {
            return call(function);
        }
        if (GREEK.contains(name)) {
            return letter("\\" + name);
        }
        return switch (name) {
            case "frac" -> new Expr.Quotient(argument(), argument());
            case "pi" -> Expr.Constant.PI;
            case "infty" -> Expr.Constant.INFINITY;
            case "lfloor" -> rounded("floor", "\\rfloor");
            case "lceil" -> rounded("ceil", "\\rceil");
            case "sum" -> range(false);
            case "prod" -> range(true);
            default -> {
                at = before;
                throw new Refused("the command '\\" + name + "'");
            }
        };
    }

    private Expr rounded(String function, String close) {
        Expr x = sum();
        need(close);
        return new Expr.Call(function, List.of(x));
    }

    private Expr range(boolean product) {
        need("_");
        need("{");
        @Nullable String variable = null;
        if (isLetter(peek())) {
            variable = String.valueOf(peek());
            at++;
        }
        if (variable == null) {
            throw new Refused("a range without a variable");
        }
        need("=");
        Expr from = sum();
        need("}");
        need("^");
        Expr to = argument();
        return new Expr.Range(product, variable, from, to, product());
    }
}
