package io.foothold.verifier.math;

import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.commons.numbers.fraction.BigFraction;

/**
 * Units that can be converted into each other, their products, quotients and powers included, and the words that stand where a unit
 * would.
 */
final class Units {
    /**
     * A unit.
     *
     * @param dimension what it measures: powers of length, mass, time and so on, none of them 0
     * @param factor how many it is of the unit that has the factor 1 in its dimension
     */
    record Unit(Map<String, Integer> dimension, BigFraction factor) {
        /** Copies the dimension. */
        Unit {
            dimension = Map.copyOf(dimension);
        }

        /** Whether it measures angles. */
        boolean isAngle() {
            return dimension.equals(Map.of("angle", 1));
        }

        /** Whether it is a degree, as a temperature may be written whose scale is left out. */
        boolean isDegreesOfAny(Unit temperature) {
            return isAngle()
                    && (temperature.dimension.equals(Map.of("celsius", 1))
                            || temperature.dimension.equals(Map.of("fahrenheit", 1)));
        }

        private Unit times(Unit other, int power) {
            Map<String, Integer> product = new TreeMap<>(dimension);
            other.dimension.forEach((name, p) -> product.merge(name, p * power, Integer::sum));
            product.values().removeIf(p -> p == 0);
            return new Unit(product, factor.multiply(other.factor.pow(power)));
        }
    }

    private static final Unit NONE = new Unit(Map.of(), BigFraction.ONE);
    private static final int LONGEST = 60;
    private static final int HIGHEST_POWER = 6;
    /** One unit of a product, with what joins it to those before it and its power. */
    private static final Pattern FACTOR = Pattern.compile(
            "\\s*(/|per\\b|\\\\cdot(?![A-Za-z])|\\\\times(?![A-Za-z])|\\*|-(?=[A-Za-z]))?\\s*(square|sq|cubic|cu)?\\s*(\\\\circ[CF]?|[A-Za-z\u00b5]+)"
                    + "\\s*(?:\\^?\\s*\\(?([-+]?\\d)\\)?(?!\\d)|(squared|cubed))?");

    private static final Map<String, Unit> KNOWN = new HashMap<>();
    private static final Set<String> RADIANS = Set.of("radians", "radian", "rad");
    private static final Pattern DEGREES = Pattern.compile("(?i)(?:\\\\circ|degrees?) ?([CF])(?:elsius|ahrenheit)?$");
    private static final Set<String> WORDS = Set.of(
            "unit",
            "units",
            "square units",
            "cubic units",
            "square unit",
            "points",
            "people",
            "times",
            "ways",
            "years",
            "radians",
            "radian",
            "rad",
            "usd",
            "euros",
            "students",
            "books",
            "apples",
            "integers",
            "numbers");

    static {
        unit("length", 1, 1, "m meter meters metre metres");
        unit("length", 1, 100, "cm centimeter centimeters centimetre centimetres");
        unit("length", 1, 10, "dm decimeter decimeters decimetre decimetres");
        unit("length", 1, 1000, "mm millimeter millimeters millimetre millimetres");
        unit("length", 1, 1_000_000, "\u00b5m micrometer micrometers micrometre micrometres micron microns");
        unit("length", 1, 1_000_000_000, "nm nanometer nanometers nanometre nanometres");
        unit("length", 1000, 1, "km kilometer kilometers kilometre kilometres");
        unit("length", 254, 10_000, "in inch inches");
        unit("length", 3048, 10_000, "ft foot feet");
        unit("length", 9144, 10_000, "yd yard yards");
        unit("length", 1_609_344, 1000, "mi mile miles");
        unit("mass", 1, 1000, "g gram grams");
        unit("mass", 1, 1, "kg kilogram kilograms");
        unit("mass", 1, 1_000_000, "mg milligram milligrams");
        unit("mass", 1000, 1, "ton tons tonne tonnes");
        unit("mass", 45_359_237, 100_000_000, "lb lbs pound pounds");
        unit("mass", 45_359_237, 1_600_000_000, "oz ounce ounces");
        unit("time", 1, 1, "s sec secs second seconds");
        unit("time", 1, 1000, "ms millisecond milliseconds");
        unit("time", 1, 1_000_000, "\u00b5s microsecond microseconds");
        unit("time", 60, 1, "min mins minute minutes");
        unit("time", 3600, 1, "h hr hrs hour hours");
        unit("time", 86_400, 1, "day days");
        unit("time", 604_800, 1, "week weeks");
        unit("angle", 1, 1, "\\circ degree degrees deg");
        unit("celsius", 1, 1, "\\circC celsius");
        unit("fahrenheit", 1, 1, "\\circF fahrenheit");
        unit("money", 1, 1, "dollar dollars");
        unit("money", 1, 100, "cent cents");
        unit("current", 1, 1, "A amp amps ampere amperes");
        unit("temperature", 1, 1, "K kelvin kelvins");
        unit("amount", 1, 1, "mol mole moles");
        derived("dm^3", 1, "L l liter liters litre litres");
        derived("cm^3", 1, "mL ml milliliter milliliters millilitre millilitres");
        derived("kg m/s^2", 1, "N newton newtons");
        derived("N m", 1, "J joule joules");
        derived("J", 1000, "kJ kilojoule kilojoules");
        derived("J/s", 1, "W watt watts");
        derived("J/s", 1000, "kW kilowatt kilowatts");
        derived("W/A", 1, "V volt volts");
        derived("V/A", 1, "ohm ohms");
        derived("ohm", 1000, "kohm kohms");
        derived("A s", 1, "C coulomb coulombs");
        derived("s^-1", 1, "Hz hertz");
        derived("s^-1", 1000, "kHz kilohertz");
        derived("N/m^2", 1, "Pa pascal pascals");
        derived("N/m^2", 1000, "kPa");
        derived("m/s", 1, "mps");
        derived("km/h", 1, "kph kmh kmph");
        derived("mi/h", 1, "mph");
    }

    private Units() {}

    private static void unit(String dimension, long top, long bottom, String names) {
        for (String name : names.split(" ", -1)) {
            KNOWN.put(name, new Unit(Map.of(dimension, 1), BigFraction.of(top, bottom)));
        }
    }

    private static void derived(String from, long factor, String names) {
        Unit unit = find(from).orElseThrow();
        for (String name : names.split(" ", -1)) {
            KNOWN.put(name, new Unit(unit.dimension(), unit.factor().multiply(factor)));
        }
    }

    /** What a word of magnitude at the start of a unit multiplies by; 1 without one. */
    static long magnitude(String unit) {
        return switch (firstWord(unit)) {
            case "dozen" -> 12;
            case "hundred" -> 100;
            case "thousand" -> 1_000;
            case "million" -> 1_000_000;
            case "billion" -> 1_000_000_000;
            case "trillion" -> 1_000_000_000_000L;
            default -> 1;
        };
    }

    /** A unit without its word of magnitude. */
    static String withoutMagnitude(String unit) {
        return magnitude(unit) == 1
                ? unit
                : unit.strip().substring(firstWord(unit).length()).strip();
    }

    private static String firstWord(String unit) {
        String s = unit.strip().toLowerCase(Locale.ROOT);
        int space = s.indexOf(' ');
        return space < 0 ? s : s.substring(0, space);
    }

    /** Whether a word may stand where a unit would, also one with a power. */
    static boolean isWord(String word) {
        String w = word.strip()
                .toLowerCase(Locale.ROOT)
                .replaceAll("\\^\\{?[23]}?$", "")
                .strip();
        return WORDS.contains(w) || find(word).isPresent();
    }

    /** A unit by its name, or a product of units: {@code cm^2}, {@code square feet}, {@code kg m/s^2}, {@code g per cm^3}. */
    static Optional<Unit> find(String name) {
        String s = name.replace("{", "").replace("}", "").replace(".", "").strip();
        if (s.isEmpty() || s.length() > LONGEST) {
            return Optional.empty();
        }
        Matcher degrees = DEGREES.matcher(s);
        if (degrees.lookingAt()) {
            s = "\\circ" + degrees.group(1).toUpperCase(Locale.ROOT);
        }
        Unit product = NONE;
        Matcher m = FACTOR.matcher(s);
        int at = 0;
        boolean below = false;
        if (s.startsWith("1/")) {
            at = 1;
        }
        for (; at < s.length(); at = m.end()) {
            if (!m.region(at, s.length()).lookingAt()) {
                return Optional.empty();
            }
            Unit known = KNOWN.get(m.group(3));
            if (known == null) {
                known = KNOWN.get(m.group(3).toLowerCase(Locale.ROOT));
            }
            if (known == null) {
                return Optional.empty();
            }
            String join = m.group(1);
            below = join != null && (join.equals("/") || join.equals("per"));
            int power = power(m);
            if (Math.abs(power) > HIGHEST_POWER) {
                return Optional.empty();
            }
            product = product.times(known, below ? -power : power);
        }
        return Optional.of(product);
    }

    /** Whether a word names radians. */
    static boolean isRadians(String word) {
        return RADIANS.contains(word.strip());
    }

    private static int power(Matcher factor) {
        int own = factor.group(4) != null ? Integer.parseInt(factor.group(4)) : 1;
        if (factor.group(5) != null) {
            own = factor.group(5).equals("squared") ? 2 : 3;
        }
        String before = factor.group(2);
        return before == null ? own : own * (before.startsWith("sq") ? 2 : 3);
    }
}
