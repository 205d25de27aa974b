package io.foothold.core.settings;

import io.foothold.core.keys.Section;
import io.foothold.core.keys.Setting;

/** What stops a run. */
@Section("alarms")
public record AlarmSettings(
        @Setting(
                help = "Stops after so many updates without any reward; 0 is off.",
                fallback = "0",
                from = 0,
                to = Setting.COUNTED,
                unit = "updates")
        int zeroRewardUpdates,

        @Setting(
                help = "Stops when the entropy falls below, nats; 0 is off.",
                fallback = "0",
                from = 0,
                to = 1000,
                unit = "nats")
        double minEntropy,

        @Setting(help = "Stops when more verdicts of an update are errors.", fallback = "0.1", from = 0, to = 1)
        double maxVerifierErrorShare) {}
