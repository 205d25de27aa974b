package io.foothold.orchestrator.run;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.orchestrator.event.Happening;
import io.foothold.orchestrator.runfile.Methods;
import io.foothold.orchestrator.update.Manifest;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import java.util.function.LongFunction;
import org.jspecify.annotations.Nullable;

/** What a run tells of its updates, and the rules that warn of it or end it. Owned by the run's loop. */
final class Telemetry {
    private final RunSpec spec;
    private final RunLog log;
    private final Methods methods;
    private final RunClock clock;
    private final RunWarnings warnings;
    private final LongFunction<Function<String, List<String>>> prefixes;
    private int sampling;
    private long samplingSince;
    private double samplingSeconds;
    private long updateEnd;
    private int zeroRewardUpdates;
    private int verifierErrors;
    private boolean fallbackTold;

    /**
     * Takes up what earlier processes of the run told.
     *
     * @param prefixes by update the thoughts behind which a problem is guided; none where it is not
     */
    Telemetry(
            RunSpec spec,
            RunLog log,
            Methods methods,
            RunClock clock,
            LongFunction<Function<String, List<String>>> prefixes) {
        this.prefixes = prefixes;
        this.spec = spec;
        this.log = log;
        this.methods = methods;
        this.clock = clock;
        this.warnings = new RunWarnings(spec.file());
        this.updateEnd = clock.nanos().getAsLong();
        warnings.restore(log.past("update_done"));
    }

    /** A place begins to be filled. */
    void begun() {
        if (sampling++ == 0) {
            samplingSince = clock.nanos().getAsLong();
        }
    }

    /** A place is filled. */
    void filled(long number, FilledPlace place) {
        if (--sampling == 0) {
            samplingSeconds = clock.secondsSince(samplingSince);
        }
        verifierErrors += place.verifierErrors();
        place.resets().dropped().forEach(reason -> log.event(new Happening.GroupDropped(number, reason)));
    }

    /** A place could not be filled; told unless nobody needs it any more. */
    void lost(long number, FootholdException failure, boolean needed) {
        sampling--;
        if (needed) {
            log.event(new Happening.GroupDropped(number, failure.text()));
        }
    }

    /**
     * An update was made and its policy published.
     *
     * @throws FootholdException {@link ErrorCode#CANCELLED} when its numbers raise an alarm
     */
    void updated(Manifest manifest, List<FilledPlace> places) {
        long update = manifest.update();
        List<FilledGroup> groups =
                places.stream().flatMap(p -> p.groups().stream()).toList();
        log.completions(manifest, groups, prefixes.apply(update));
        Map<String, Object> details = new LinkedHashMap<>(manifest.metrics());
        details.putAll(speed(manifest));
        if (spec.refills() > 0) {
            details.put(
                    "refills", places.stream().mapToInt(FilledPlace::refills).sum());
        }
        Map<String, Double> byStart = new StartNumbers(prefixes.apply(update)).of(groups);
        byStart.putAll(RewardNumbers.of(groups.stream()
                .flatMap(g -> g.members().stream())
                .map(FilledMember::judged)
                .toList()));
        details.putAll(byStart);
        log.scalars(update, byStart);
        details.putAll(resets(update, places));
        log.event(new Happening.UpdateDone(
                update,
                manifest.policyVersion(),
                manifest.digest(),
                manifest.steps().optimizerSteps(),
                details));
        log.scalars(update, manifest.metrics());
        warnings.after(manifest.metrics())
                .forEach(w -> log.event(new Happening.Warning(update, w.rule().word(), w.what())));
        alarms(manifest, places);
    }

    /** Seconds between updates; tokens per second of the sampling phase where there is one. */
    private Map<String, Double> speed(Manifest manifest) {
        Map<String, Double> out = new LinkedHashMap<>();
        double tokens = manifest.metric("sampled_tokens", 0);
        double seconds = clock.secondsSince(updateEnd);
        updateEnd = clock.nanos().getAsLong();
        out.put("update_seconds", seconds);
        out.put("tokens_per_s", tokens / seconds);
        if (spec.staleness() == 0 && samplingSeconds > 0) {
            out.put("sampling_tokens_per_s", tokens / samplingSeconds);
        }
        return out;
    }

    /** Draws, localizations and suffixes of an update; says once when the localizer was given up for random resets. */
    private Map<String, Object> resets(long update, List<FilledPlace> places) {
        if (!spec.localizes()) {
            return Map.of();
        }
        log.resets(
                update,
                places.stream().flatMap(p -> p.resets().continued().stream()).toList());
        ResetMetrics metrics = ResetMetrics.of(places);
        log.scalars(update, metrics.numbers());
        if (methods.fellBack() && !fallbackTold) {
            fallbackTold = true;
            log.event(new Happening.LocalizerFallback(
                    update, spec.localization().mode().name().toLowerCase(Locale.ROOT), "random"));
        }
        return metrics.details();
    }

    private void alarms(Manifest manifest, List<FilledPlace> places) {
        long update = manifest.update();
        double reward = manifest.metric("reward_mean", 0);
        // Shaped rewards are below 0 where nothing is right.
        boolean passed = places.stream().flatMap(p -> p.members().stream()).anyMatch(m -> m.judged()
                .passed());
        zeroRewardUpdates = reward == 0 || (reward < 0 && !passed) ? zeroRewardUpdates + 1 : 0;
        int most = spec.settings().alarms().zeroRewardUpdates();
        if (most > 0 && zeroRewardUpdates >= most) {
            alarm(update, "no reward in " + zeroRewardUpdates + " updates");
        }
        @Nullable Double entropy = manifest.metrics().get("entropy");
        if (entropy != null && entropy < spec.settings().alarms().minEntropy()) {
            alarm(
                    update,
                    "entropy " + entropy + " is below "
                            + spec.settings().alarms().minEntropy());
        }
        int judged = places.stream().mapToInt(FilledPlace::size).sum() + verifierErrors;
        if (verifierErrors > judged * spec.settings().alarms().maxVerifierErrorShare()) {
            alarm(update, verifierErrors + " of " + judged + " verdicts were errors");
        }
        verifierErrors = 0;
    }

    private void alarm(long update, String what) {
        log.event(new Happening.Alarm(update, what));
        throw new FootholdException(ErrorCode.CANCELLED, "alarm: " + what);
    }
}
