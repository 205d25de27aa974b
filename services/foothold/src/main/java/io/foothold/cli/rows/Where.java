package io.foothold.cli.rows;

import com.fasterxml.jackson.databind.JsonNode;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import java.util.List;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Which rows of a data set are wanted: {@code column=value}, or {@code column=5..8} for numbers. */
public final class Where {
    private static final Pattern CONDITION = Pattern.compile("([^=]+)=(.*)");
    private static final Pattern RANGE = Pattern.compile("(-?\\d+(?:\\.\\d+)?)\\.\\.(-?\\d+(?:\\.\\d+)?)");

    private Where() {}

    /** Rows that meet every condition. A condition on a column that a row does not have is refused when the row is met. */
    public static Predicate<JsonNode> all(List<String> conditions) {
        Predicate<JsonNode> out = row -> true;
        for (String condition : conditions) {
            Matcher m = CONDITION.matcher(condition);
            if (!m.matches()) {
                throw new FootholdException(
                        ErrorCode.INVALID_INPUT,
                        "--where " + condition + ": expected COLUMN=VALUE or COLUMN=LOW..HIGH");
            }
            out = out.and(row -> meets(row, m.group(1), m.group(2)));
        }
        return out;
    }

    private static boolean meets(JsonNode row, String column, String value) {
        JsonNode cell = row.path(column);
        if (cell.isMissingNode()) {
            throw new FootholdException(ErrorCode.INVALID_DATA, "--where: a row has no column '" + column + "'");
        }
        Matcher range = RANGE.matcher(value);
        if (range.matches() && (cell.isNumber() || cell.asText().matches("-?\\d+(\\.\\d+)?"))) {
            double x = cell.asDouble(Double.parseDouble(cell.asText("0")));
            return x >= Double.parseDouble(range.group(1)) && x <= Double.parseDouble(range.group(2));
        }
        return cell.asText().equals(value);
    }
}
