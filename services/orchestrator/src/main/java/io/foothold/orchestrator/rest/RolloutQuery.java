package io.foothold.orchestrator.rest;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.error.Nearest;
import io.foothold.orchestrator.ledger.LedgerLookup;
import io.foothold.orchestrator.ledger.LedgerLookup.By;
import jakarta.ws.rs.core.MultivaluedMap;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;

/** What a page of rollouts is asked for by, as it stands in an address; a name that means nothing is refused. */
final class RolloutQuery {
    private static final int USUAL_PAGE = 50;
    private static final String MOST = "most";
    private static final String BEHIND = "behind";

    private final Map<By, Object> wanted = new EnumMap<>(By.class);
    private int most = USUAL_PAGE;
    private LedgerLookup.Place place = LedgerLookup.Place.FIRST;

    RolloutQuery(MultivaluedMap<String, String> asked) {
        asked.forEach((name, values) -> take(name, values.getLast()));
    }

    private void take(String name, String value) {
        switch (name) {
            case MOST -> {
                most = whole(name, value);
                if (most < 1 || most > LedgerLookup.LARGEST_PAGE) {
                    throw wrong(name, value, "a number from 1 to " + LedgerLookup.LARGEST_PAGE);
                }
            }
            case BEHIND -> {
                int colon = value.indexOf(':');
                if (colon < 1 || !value.substring(0, colon).matches("\\d{1,18}")) {
                    throw wrong(name, value, "what the page before gave");
                }
                place = new LedgerLookup.Place(Long.parseLong(value.substring(0, colon)), value.substring(colon + 1));
            }
            default -> {
                By by = Stream.of(By.values())
                        .filter(b -> name(b).equals(name))
                        .findFirst()
                        .orElseThrow(() -> unknown(name));
                if (!value.isEmpty()) {
                    wanted.put(by, value(by, name, value));
                }
            }
        }
    }

    private static Object value(By by, String name, String value) {
        return switch (by) {
            case PURPOSE, START, PROBLEM -> value;
            case STATE, VERDICT -> value.toUpperCase(Locale.ROOT);
            case UPDATE, LEAST_TOKENS, MOST_TOKENS -> whole(name, value);
            case LEAST_REWARD, MOST_REWARD -> {
                try {
                    double number = Double.parseDouble(value);
                    if (!Double.isFinite(number)) {
                        throw wrong(name, value, "a number");
                    }
                    yield number;
                } catch (NumberFormatException e) {
                    throw wrong(name, value, "a number");
                }
            }
        };
    }

    private static int whole(String name, String value) {
        if (!value.matches("\\d{1,9}")) {
            throw wrong(name, value, "a whole number");
        }
        return Integer.parseInt(value);
    }

    private static String name(By by) {
        return by.name().toLowerCase(Locale.ROOT);
    }

    private static FootholdException unknown(String name) {
        List<String> names = Stream.concat(Stream.of(By.values()).map(RolloutQuery::name), Stream.of(MOST, BEHIND))
                .toList();
        return new FootholdException(
                ErrorCode.INVALID_INPUT, "rollouts cannot be asked for by '" + name + "'" + Nearest.hint(name, names));
    }

    private static FootholdException wrong(String name, String value, String expected) {
        return new FootholdException(
                ErrorCode.INVALID_INPUT, "'" + name + "=" + value + "' is wrong (expected " + expected + ")");
    }

    Map<By, Object> wanted() {
        return wanted;
    }

    LedgerLookup.Place place() {
        return place;
    }

    int most() {
        return most;
    }
}
