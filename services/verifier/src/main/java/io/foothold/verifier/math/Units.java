package io.foothold.verifier.math;

import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.apache.commons.numbers.fraction.BigFraction;

/** Units that can be converted into each other, and the words that stand where a unit would. */
final class Units {
    /**
     * A unit.
     *
     * @param dimension what it measures
     * @param factor how many of the dimension's first unit it is
     */
    record Unit(String dimension, BigFraction factor) {}

    private static final Map<String, Unit> KNOWN = new HashMap<>();
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
        unit("length", 1, 1000, "mm millimeter millimeters");
        unit("length", 1000, 1, "km kilometer kilometers kilometre kilometres");
        unit("length", 254, 10_000, "in inch inches");
        unit("length", 3048, 10_000, "ft foot feet");
        unit("length", 9144, 10_000, "yd yard yards");
        unit("length", 1_609_344, 1000, "mi mile miles");
        unit("mass", 1, 1, "g gram grams");
        unit("mass", 1000, 1, "kg kilogram kilograms");
        unit("mass", 1, 1000, "mg milligram milligrams");
        unit("mass", 1_000_000, 1, "ton tons tonne tonnes");
        unit("mass", 45_359_237, 100_000, "lb lbs pound pounds");
        unit("mass", 45_359_237, 1_600_000, "oz ounce ounces");
        unit("time", 1, 1, "s sec secs second seconds");
        unit("time", 1, 1000, "ms millisecond milliseconds");
        unit("time", 60, 1, "min mins minute minutes");
        unit("time", 3600, 1, "h hr hrs hour hours");
        unit("time", 86_400, 1, "day days");
        unit("time", 604_800, 1, "week weeks");
        unit("volume", 1, 1000, "L l liter liters litre litres");
        unit("volume", 1, 1_000_000, "mL ml milliliter milliliters");
        unit("angle", 1, 1, "\\circ degree degrees deg");
        unit("money", 1, 1, "dollar dollars");
        unit("money", 1, 100, "cent cents");
        unit("energy", 1, 1, "J joule joules");
        unit("energy", 1000, 1, "kJ kilojoule kilojoules");
        unit("force", 1, 1, "N newton newtons");
        unit("power", 1, 1, "W watt watts");
        unit("power", 1000, 1, "kW kilowatt kilowatts");
        unit("frequency", 1, 1, "Hz hertz");
        unit("frequency", 1000, 1, "kHz");
        unit("pressure", 1, 1, "Pa pascal pascals");
        unit("speed", 1, 1, "m/s mps");
        unit("speed", 1000, 3600, "km/h kph kmh");
        unit("speed", 1_609_344, 3_600_000, "mph mi/h");
    }

    private Units() {}

    private static void unit(String dimension, long top, long bottom, String names) {
        for (String name : names.split(" ", -1)) {
            KNOWN.put(name, new Unit(dimension, BigFraction.of(top, bottom)));
        }
    }

    /** What a word of magnitude at the start of a unit multiplies by; 1 without one. */
    static long magnitude(String unit) {
        return switch (firstWord(unit)) {
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

    /** Whether a word may stand where a unit would. */
    static boolean isWord(String word) {
        return WORDS.contains(word.strip().toLowerCase(Locale.ROOT))
                || find(word).isPresent();
    }

    /** A unit by its name, squares and cubes included. */
    static Optional<Unit> find(String name) {
        String s = name.strip().replace("{", "").replace("}", "");
        int power = 1;
        if (s.endsWith("^2") || s.endsWith("^3")) {
            power = s.charAt(s.length() - 1) - '0';
            s = s.substring(0, s.length() - 2).strip();
        } else if (s.startsWith("square ") || s.startsWith("sq ") || s.startsWith("cubic ")) {
            power = s.startsWith("cubic ") ? 3 : 2;
            s = s.substring(s.indexOf(' ') + 1).strip();
        }
        Unit known = KNOWN.get(s);
        if (known == null) {
            known = KNOWN.get(s.toLowerCase(Locale.ROOT));
        }
        if (known == null) {
            return Optional.empty();
        }
        if (power > 1 && known.dimension().equals("length")) {
            String dimension = power == 2 ? "area" : "volume";
            return Optional.of(new Unit(dimension, known.factor().pow(power)));
        }
        return power > 1 ? Optional.empty() : Optional.of(known);
    }
}
