package io.foothold.orchestrator.runfile;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.loss.LossKind;
import io.foothold.core.loss.Losses;
import io.foothold.core.settings.Keys;
import io.foothold.core.settings.RunSettings;
import io.foothold.core.settings.SettingsException;
import java.util.Set;
import java.util.stream.Collectors;

/** What a run file says of a loss must mean something to the loss that it trains by: a preset's values are not looked at. */
final class LossRules {
    private final RunSettings settings;
    private final Givens own;

    /**
     * Rules over settings.
     *
     * @param own what the run file and its overrides give
     */
    LossRules(RunSettings settings, Givens own) {
        this.settings = settings;
        this.own = own;
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
        Set<String> used = Losses.ownValues(settings).keySet();
        Keys.of(Losses.records()).keySet().stream()
                .filter(path -> !used.contains(path))
                .forEach(path -> refuse(path, kind, "it is a setting of another loss"));
        try {
            Losses.check(settings);
        } catch (SettingsException e) {
            throw refused(own.of(e.key()).map(Givens.Given::at).orElse("loss.name"), e.why());
        }
    }

    private static String clipping() {
        return "it clips no ratio; expected one of "
                + Losses.names().stream()
                        .filter(name -> Losses.kind(name).clips())
                        .collect(Collectors.joining(", "));
    }

    private void refuse(String path, LossKind<?> kind, String why) {
        own.of(path).ifPresent(given -> {
            throw refused(given.at(), "'" + path + "' means nothing to loss.name: " + kind.name() + " (" + why + ")");
        });
    }

    private static FootholdException refused(String at, String why) {
        return new FootholdException(ErrorCode.INVALID_INPUT, at + ": " + why);
    }
}
