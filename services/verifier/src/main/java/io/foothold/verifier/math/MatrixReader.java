package io.foothold.verifier.math;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.apache.commons.numbers.fraction.BigFraction;
import org.jspecify.annotations.Nullable;

/**
 * Works out expressions that matrices stand in: sums, differences, products with matrices and numbers, powers, transposes, inverses
 * and determinants. One reader reads one text.
 */
final class MatrixReader {
    private static final int MOST_ROWS = 12;
    /** Of matrices with unknowns. */
    private static final int MOST_SYMBOLIC_ROWS = 3;

    private static final int HIGHEST_POWER = 100;
    private static final int HIGHEST_SYMBOLIC_POWER = 8;
    private static final int DEEPEST = 12;

    private static final Pattern MATRIX = Pattern.compile(
            "\\\\begin\\s*\\{([pbvBV]?matrix|smallmatrix|array)}(?:\\s*\\{[lcr|@ ]*})?(.*?)\\\\end\\s*\\{\\1}",
            Pattern.DOTALL);
    private static final Pattern ROW_END = Pattern.compile("\\\\\\\\(?:\\s*\\[[^\\]]*])?");
    private static final Pattern CELL_END = Pattern.compile("&");
    private static final Pattern RULE = Pattern.compile("\\\\[hc]line(?:\\{[^{}]*})?");
    private static final Pattern TIMES = Pattern.compile("\\s*(?:\\*|\\\\cdot(?![A-Za-z])|\\\\times(?![A-Za-z]))\\s*");
    private static final Pattern TRANSPOSED =
            Pattern.compile("T|t|\\\\top|\\\\intercal|\\\\mathsf\\s*T|\\\\text\\s*T|\\\\prime");
    private static final Pattern DETERMINANT =
            Pattern.compile("\\\\det(?![A-Za-z])|\\{det}|det(?![A-Za-z])|\\\\text\\{ ?det ?}");

    private static final Pattern DIAGONAL =
            Pattern.compile("(?:\\{diag}|\\\\diag(?![A-Za-z])|diag|\\\\text\\{ ?diag ?}) ?(?=[(\\[{]|\\\\\\{)");

    private static final Pattern TRACE =
            Pattern.compile("\\{[tT]r}|\\\\tr(?![A-Za-z])|tr(?![A-Za-z])|\\\\text\\{ ?[tT]r ?}");

    /** What a part of the text is: exactly one of the two. */
    private record Part(@Nullable Expr number, List<List<Expr>> rows) {
        static Part of(Expr number) {
            return new Part(number, List.of());
        }

        static Part of(List<List<Expr>> rows) {
            return new Part(null, rows);
        }
    }

    private final String text;
    private final Budget budget;
    private final Sameness sameness;
    private final int depth;
    private int at;

    private MatrixReader(String text, Budget budget, Sameness sameness, int depth) {
        this.text = text;
        this.budget = budget;
        this.sameness = sameness;
        this.depth = depth;
        if (depth > DEEPEST) {
            throw new Grammar.Refused("nested deeper than " + DEEPEST);
        }
    }

    /** The value of a text that matrices stand in: a matrix, or a number such as a determinant; empty when it has none. */
    static Optional<Answer> read(String text, Budget budget, Sameness sameness) {
        try {
            Part value = new MatrixReader(text, budget, sameness, 0).whole();
            // A number that had to be worked out is no plain one.
            return Optional.of(
                    value.number() != null
                            ? Answer.Scalar.of(times(Expr.Num.of(1), value.number()))
                            : new Answer.Matrix(value.rows()));
        } catch (Grammar.Refused | ArithmeticException e) {
            return Optional.empty();
        }
    }

    /** Whether a matrix may stand in a text. */
    static boolean mayRead(String text) {
        return text.contains("\\begin") || text.contains("diag");
    }

    private Part whole() {
        Part value = sum();
        spaces();
        if (at < text.length()) {
            throw new Grammar.Refused("'" + text.substring(at) + "' is left over");
        }
        return value;
    }

    private Part inner(String part) {
        return new MatrixReader(part, budget, sameness, depth + 1).whole();
    }

    private void spaces() {
        while (at < text.length() && text.charAt(at) == ' ') {
            at++;
        }
    }

    private boolean take(char c) {
        spaces();
        if (at < text.length() && text.charAt(at) == c) {
            at++;
            return true;
        }
        return false;
    }

    private Part sum() {
        boolean negative = take('-');
        if (!negative) {
            take('+');
        }
        Part sum = negative ? product(Part.of(Expr.Num.of(-1)), term()) : term();
        while (true) {
            if (take('+')) {
                sum = add(sum, term());
            } else if (take('-')) {
                sum = add(sum, product(Part.of(Expr.Num.of(-1)), term()));
            } else {
                return sum;
            }
        }
    }

    private Part term() {
        Part product = factor();
        while (true) {
            spaces();
            Matcher times = TIMES.matcher(text).region(at, text.length());
            if (times.lookingAt()) {
                at = times.end();
                product = vectors(times.group().strip(), product, factor());
            } else if (take('/')) {
                product = quotient(product, factor());
            } else if (at < text.length() && "+-)]}|".indexOf(text.charAt(at)) < 0) {
                product = product(product, factor());
            } else {
                return product;
            }
        }
    }

    private Part factor() {
        budget.spend(20);
        spaces();
        Matcher det = DETERMINANT.matcher(text).region(at, text.length());
        if (det.lookingAt()) {
            at = det.end();
            return Part.of(determinant(factor()));
        }
        Matcher trace = TRACE.matcher(text).region(at, text.length());
        if (trace.lookingAt()) {
            at = trace.end();
            return Part.of(trace(factor().rows()));
        }
        Part base = base();
        while (take('^')) {
            base = raised(base, exponent());
        }
        return base;
    }

    private Part base() {
        if (at >= text.length()) {
            throw new Grammar.Refused("nothing to read at " + at);
        }
        Matcher matrix = MATRIX.matcher(text).region(at, text.length());
        if (matrix.lookingAt()) {
            at = matrix.end();
            Part rows = Part.of(rows(matrix.group(2)));
            return matrix.group(1).equals("vmatrix") ? Part.of(determinant(rows)) : rows;
        }
        Matcher diagonal = DIAGONAL.matcher(text).region(at, text.length());
        if (diagonal.lookingAt()) {
            at = diagonal.end();
            return Part.of(diagonal());
        }
        char c = text.charAt(at);
        if (c == '|') {
            int close = text.indexOf("|", at + 1);
            String inside = close < 0 ? "" : text.substring(at + 1, close);
            if (mayRead(inside)) {
                at = close + 1;
                return Part.of(determinant(inner(inside)));
            }
        }
        if (c == '(' || c == '[' || c == '{') {
            int close = AnswerReader.closing(text, at);
            String inside = close < 0 ? "" : text.substring(at + 1, close);
            if (mayRead(inside)) {
                at = close + 1;
                return inner(inside);
            }
        }
        if (text.startsWith("\\frac", at) && !text.startsWith("{", at + 5)) {
            return scalar();
        }
        if (text.startsWith("\\frac{", at)) {
            int top = AnswerReader.closing(text, at + 5);
            int bottom = top < 0 || !text.startsWith("{", top + 1) ? -1 : AnswerReader.closing(text, top + 1);
            if (bottom > 0 && text.substring(at + 6, top).contains("\\begin")) {
                Part above = inner(text.substring(at + 6, top));
                Part below = inner(text.substring(top + 2, bottom));
                at = bottom + 1;
                return quotient(above, below);
            }
        }
        return scalar();
    }

    /** The numbers and letters up to the next matrix or sign. */
    private Part scalar() {
        int from = at;
        int level = 0;
        for (; at < text.length(); at++) {
            char c = text.charAt(at);
            if (level == 0
                    && (text.startsWith("\\begin", at)
                            || ("+-".indexOf(c) >= 0 && at > from)
                            || (text.startsWith("\\frac{", at) && holdsMatrix(at + 5))
                            || ("([{".indexOf(c) >= 0 && holdsMatrix(at))
                            || DIAGONAL.matcher(text).region(at, text.length()).lookingAt()
                            || DETERMINANT
                                    .matcher(text)
                                    .region(at, text.length())
                                    .lookingAt())) {
                break;
            }
            level += "([{".indexOf(c) >= 0 ? 1 : ")]}".indexOf(c) >= 0 ? -1 : 0;
        }
        String piece = text.substring(from, at).strip();
        for (String sign : List.of("\\cdot", "\\times", "*")) {
            piece = piece.endsWith(sign)
                    ? piece.substring(0, piece.length() - sign.length()).strip()
                    : piece;
        }
        return Part.of(Grammar.read(piece, budget));
    }

    private boolean holdsMatrix(int open) {
        int close = AnswerReader.closing(text, open);
        return close > 0 && mayRead(text.substring(open, close));
    }

    private String exponent() {
        spaces();
        if (take('{')) {
            int close = AnswerReader.closing(text, at - 1);
            if (close < 0) {
                throw new Grammar.Refused("an exponent does not end");
            }
            String exponent = text.substring(at, close).replaceAll("[\\s{}]", "");
            at = close + 1;
            return exponent;
        }
        Matcher m = Pattern.compile("\\\\[a-z]+|-?\\d|[Tt]").matcher(text).region(at, text.length());
        if (!m.lookingAt()) {
            throw new Grammar.Refused("an exponent is missing at " + at);
        }
        at = m.end();
        return m.group();
    }

    private List<List<Expr>> rows(String inside) {
        List<List<Expr>> rows = new ArrayList<>();
        for (String row : ROW_END.split(RULE.matcher(inside).replaceAll(" "), -1)) {
            if (!row.isBlank()) {
                List<Expr> cells = new ArrayList<>();
                for (String cell : CELL_END.split(row, -1)) {
                    cells.add(worked(Grammar.read(cell.strip(), budget)));
                }
                rows.add(List.copyOf(cells));
            }
        }
        if (rows.isEmpty()) {
            throw new Grammar.Refused("a matrix without rows");
        }
        return List.copyOf(rows);
    }

    private Part add(Part a, Part b) {
        if (a.number() != null && b.number() != null) {
            return Part.of(worked(new Expr.Sum(List.of(a.number(), b.number()))));
        }
        if (!Answer.sameShape(a.rows(), b.rows())) {
            throw new Grammar.Refused("a sum of matrices of two shapes");
        }
        List<List<Expr>> sum = new ArrayList<>();
        for (int r = 0; r < a.rows().size(); r++) {
            List<Expr> row = new ArrayList<>();
            for (int c = 0; c < a.rows().get(r).size(); c++) {
                row.add(worked(new Expr.Sum(
                        List.of(a.rows().get(r).get(c), b.rows().get(r).get(c)))));
            }
            sum.add(List.copyOf(row));
        }
        return Part.of(List.copyOf(sum));
    }

    /** A product with its sign: of two columns the dot gives their scalar product, and the cross of three rows their vector product. */
    private Part vectors(String sign, Part a, Part b) {
        if (!column(a.rows())
                || !column(b.rows())
                || a.rows().size() != b.rows().size()) {
            return product(a, b);
        }
        if (sign.equals("\\times") && a.rows().size() == 3) {
            return Part.of(IntStream.range(0, 3)
                    .mapToObj(i -> List.of(worked(new Expr.Sum(List.of(
                            times(entry(a, (i + 1) % 3), entry(b, (i + 2) % 3)),
                            Expr.negative(times(entry(a, (i + 2) % 3), entry(b, (i + 1) % 3))))))))
                    .toList());
        }
        return Part.of(worked(new Expr.Sum(IntStream.range(0, a.rows().size())
                .mapToObj(i -> times(entry(a, i), entry(b, i)))
                .toList())));
    }

    private static boolean column(List<List<Expr>> rows) {
        return rows.size() > 1 && rows.stream().allMatch(r -> r.size() == 1);
    }

    private static Expr entry(Part column, int row) {
        return column.rows().get(row).get(0);
    }

    /** The matrix whose diagonal the list in brackets that begins here is. */
    private List<List<Expr>> diagonal() {
        boolean printed = text.startsWith("\\{", at);
        int open = printed ? at + 1 : at;
        int close = AnswerReader.closing(text, open);
        if (close < 0) {
            throw new Grammar.Refused("a diagonal does not end");
        }
        List<String> entries = Separators.split(text.substring(open + 1, printed ? close - 1 : close), ",", ";");
        if (entries.size() > MOST_ROWS) {
            throw new Grammar.Refused("a diagonal of more than " + MOST_ROWS);
        }
        at = close + 1;
        List<Expr> values = entries.stream()
                .map(e -> worked(Grammar.read(e.strip(), budget)))
                .toList();
        return IntStream.range(0, values.size())
                .mapToObj(r -> IntStream.range(0, values.size())
                        .mapToObj(c -> r == c ? values.get(r) : (Expr) Expr.Num.of(0))
                        .toList())
                .toList();
    }

    private Part product(Part a, Part b) {
        Expr x = a.number();
        Expr y = b.number();
        if (x != null) {
            return y != null ? Part.of(worked(times(x, y))) : scaled(x, b);
        }
        if (y != null) {
            return scaled(y, a);
        }
        int inner = b.rows().size();
        if (inner > MOST_ROWS || a.rows().stream().anyMatch(row -> row.size() != inner) || !rectangular(b.rows())) {
            throw new Grammar.Refused("a product of matrices that do not fit");
        }
        List<List<Expr>> product = a.rows().stream()
                .map(row -> IntStream.range(0, b.rows().get(0).size())
                        .mapToObj(c -> worked(new Expr.Sum(IntStream.range(0, inner)
                                .mapToObj(i -> times(row.get(i), b.rows().get(i).get(c)))
                                .toList())))
                        .toList())
                .toList();
        return product.size() == 1 && product.get(0).size() == 1
                ? Part.of(product.get(0).get(0))
                : Part.of(product);
    }

    private Part scaled(Expr factor, Part matrix) {
        return Part.of(matrix.rows().stream()
                .map(row -> row.stream().map(x -> worked(times(factor, x))).toList())
                .toList());
    }

    private Part quotient(Part a, Part b) {
        Expr below = b.number();
        if (below == null) {
            throw new Grammar.Refused("a matrix below a fraction's line");
        }
        return a.number() != null
                ? Part.of(worked(new Expr.Quotient(a.number(), below)))
                : scaled(new Expr.Quotient(Expr.Num.of(1), below), a);
    }

    private Part raised(Part base, String exponent) {
        if (base.number() != null) {
            return Part.of(worked(new Expr.Power(base.number(), Grammar.read(exponent, budget))));
        }
        if (exponent.startsWith("-")
                && TRANSPOSED.matcher(exponent.substring(1)).matches()) {
            return raised(raised(base, "-1"), "T");
        }
        if (TRANSPOSED.matcher(exponent).matches()) {
            if (!rectangular(base.rows())) {
                throw new Grammar.Refused("rows of different lengths");
            }
            return Part.of(IntStream.range(0, base.rows().get(0).size())
                    .mapToObj(c -> base.rows().stream().map(row -> row.get(c)).toList())
                    .toList());
        }
        if (!exponent.matches("-?\\d{1,3}") || !square(base.rows())) {
            throw new Grammar.Refused("no power of a matrix: " + exponent);
        }
        int power = Integer.parseInt(exponent);
        if (Math.abs(power) > (rational(base.rows()) ? HIGHEST_POWER : HIGHEST_SYMBOLIC_POWER)) {
            throw new Grammar.Refused("a power beyond " + HIGHEST_POWER);
        }
        Part factor = power < 0 ? Part.of(inverse(base.rows())) : base;
        Part out = Part.of(identity(base.rows().size()));
        for (int i = 0; i < Math.abs(power); i++) {
            out = i == 0 ? factor : product(out, factor);
        }
        return out;
    }

    private static List<List<Expr>> identity(int n) {
        return IntStream.range(0, n)
                .mapToObj(r -> IntStream.range(0, n)
                        .mapToObj(c -> (Expr) Expr.Num.of(r == c ? 1 : 0))
                        .toList())
                .toList();
    }

    private Expr trace(List<List<Expr>> m) {
        if (!square(m)) {
            throw new Grammar.Refused("a trace of what is not square");
        }
        return worked(new Expr.Sum(
                IntStream.range(0, m.size()).mapToObj(i -> m.get(i).get(i)).toList()));
    }

    /** By cofactors, so that entries may have unknowns. */
    private List<List<Expr>> inverse(List<List<Expr>> m) {
        int n = m.size();
        Expr determinant = determinant(Part.of(m));
        if (determinant instanceof Expr.Num d && d.value().signum() == 0) {
            throw new Grammar.Refused("a matrix that has no inverse");
        }
        if (n == 1) {
            return List.of(List.of(worked(new Expr.Quotient(Expr.Num.of(1), determinant))));
        }
        return IntStream.range(0, n)
                .mapToObj(r -> IntStream.range(0, n)
                        .mapToObj(c -> {
                            Expr minor = determinant(Part.of(without(m, c, r)));
                            return worked(
                                    new Expr.Quotient((r + c) % 2 == 0 ? minor : Expr.negative(minor), determinant));
                        })
                        .toList())
                .toList();
    }

    private static List<List<Expr>> without(List<List<Expr>> m, int row, int column) {
        return IntStream.range(0, m.size())
                .filter(r -> r != row)
                .mapToObj(r -> IntStream.range(0, m.size())
                        .filter(c -> c != column)
                        .mapToObj(c -> m.get(r).get(c))
                        .toList())
                .toList();
    }

    private Expr determinant(Part part) {
        List<List<Expr>> m = part.rows();
        if (!square(m)) {
            throw new Grammar.Refused("a determinant of what is not square");
        }
        if (rational(m)) {
            return new Expr.Num(eliminated(m));
        }
        if (m.size() == 1) {
            return m.get(0).get(0);
        }
        if (m.size() > MOST_SYMBOLIC_ROWS) {
            throw new Grammar.Refused("a determinant with unknowns of more than " + MOST_SYMBOLIC_ROWS + " rows");
        }
        List<Expr> terms = new ArrayList<>();
        for (int c = 0; c < m.size(); c++) {
            Expr term = times(m.get(0).get(c), determinant(Part.of(without(m, 0, c))));
            terms.add(c % 2 == 0 ? term : Expr.negative(term));
        }
        return worked(new Expr.Sum(List.copyOf(terms)));
    }

    /** The determinant of a matrix of rational numbers, by elimination. */
    private BigFraction eliminated(List<List<Expr>> m) {
        int n = m.size();
        BigFraction[][] a = new BigFraction[n][n];
        for (int r = 0; r < n; r++) {
            for (int c = 0; c < n; c++) {
                a[r][c] = ((Expr.Num) m.get(r).get(c)).value();
            }
        }
        BigFraction determinant = BigFraction.ONE;
        for (int p = 0; p < n; p++) {
            int pivot = p;
            while (pivot < n && a[pivot][p].signum() == 0) {
                pivot++;
            }
            if (pivot == n) {
                return BigFraction.ZERO;
            }
            if (pivot != p) {
                BigFraction[] row = a[p];
                a[p] = a[pivot];
                a[pivot] = row;
                determinant = determinant.negate();
            }
            determinant = determinant.multiply(a[p][p]);
            for (int r = p + 1; r < n; r++) {
                BigFraction factor = a[r][p].divide(a[p][p]);
                for (int c = p; c < n; c++) {
                    budget.spend(4 + bits(a[p][c]) / 16);
                    a[r][c] = a[r][c].subtract(factor.multiply(a[p][c]));
                }
            }
        }
        return determinant;
    }

    private static long bits(BigFraction x) {
        return x.getNumerator().bitLength() + (long) x.getDenominator().bitLength();
    }

    private static boolean rectangular(List<List<Expr>> m) {
        return m.stream().allMatch(row -> row.size() == m.get(0).size());
    }

    private static boolean square(List<List<Expr>> m) {
        return !m.isEmpty() && m.size() <= MOST_ROWS && m.stream().allMatch(row -> row.size() == m.size());
    }

    private static boolean rational(List<List<Expr>> m) {
        return m.stream().allMatch(row -> row.stream().allMatch(x -> x instanceof Expr.Num));
    }

    private static Expr times(Expr a, Expr b) {
        return new Expr.Product(List.of(a, b));
    }

    /** A rational value in place of an expression that has one. */
    private Expr worked(Expr x) {
        budget.spend(10);
        return sameness.exact(x).<Expr>map(Expr.Num::new).orElse(x);
    }
}
