package io.foothold.orchestrator.runfile;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.keys.Key;
import io.foothold.core.keys.Keys;
import io.foothold.core.keys.SettingsException;
import io.foothold.core.loss.LossKind;
import io.foothold.core.loss.Losses;
import io.foothold.core.settings.RunSettings;
import java.util.Objects;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * What a run file says of a loss must mean something to the loss that it trains by. Only values that it changes are looked at: a preset's
 * may be of its own loss, and a file that says everything says them too.
 */
final class LossRules {
    private final RunSettings settings;
    private final Givens own;
    private final Givens preset;
    private final UnaryOperator<String> place;

    /**
     * Rules over settings.
     *
     * @param own what the run file and its overrides give
     * @param preset what they change
     * @param place where a key was given, as a message begins
     */
    LossRules(RunSettings settings, Givens own, Givens preset, UnaryOperator<String> place) {
        this.settings = settings;
        this.own = own;
        this.preset = preset;
        this.place = place;
    }

    /**
     * Checks all of them.
     *
     * @throws FootholdException {@link ErrorCode#INVALID_INPUT} for the first that does not hold
     */
    void check() {
        LossKind<?> kind = Losses.kind(settings.loss().name());
        if (!kind.clips()) {
            refuse("loss.clip_low", kind, clipping());
            refuse("loss.clip_high", kind, clipping());
        }
        if (!kind.clipsDually()) {
            refuse("loss.dual_clip", kind, clipping());
        }
        Set<String> used = settings.lossValues().keySet();
        Keys.of(Losses.records()).keySet().stream()
                .filter(path -> !used.contains(path))
                .forEach(path -> refuse(path, kind, "it is a setting of another loss"));
        try {
            Losses.check(kind.name(), settings::of);
        } catch (SettingsException e) {
            throw refused(place.apply(e.key()), e.why());
        }
    }

    private static String clipping() {
        return "it clips no ratio; expected one of "
                + Losses.names().stream()
                        .filter(name -> Losses.kind(name).clips())
                        .collect(Collectors.joining(", "));
    }

    private void refuse(String path, LossKind<?> kind, String why) {
        Key key = Objects.requireNonNull(Schema.keys().get(path));
        String before = preset.of(path).map(Givens.Given::value).orElse(key.fallback());
        own.of(path).filter(given -> !isSame(key, given.value(), before)).ifPresent(given -> {
            throw refused(given.at(), "'" + path + "' means nothing to loss.name: " + kind.name() + " (" + why + ")");
        });
    }

    private static boolean isSame(Key key, String value, @Nullable String other) {
        return other != null
                && (key.range() == null ? value.equals(other) : Double.parseDouble(value) == Double.parseDouble(other));
    }

    private static FootholdException refused(String at, String why) {
        return new FootholdException(ErrorCode.INVALID_INPUT, at + ": " + why);
    }
}
