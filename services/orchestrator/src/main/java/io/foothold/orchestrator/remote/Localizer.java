package io.foothold.orchestrator.remote;

import io.foothold.v1.Localization;
import io.foothold.v1.LocalizeWork;
import java.util.concurrent.CompletableFuture;

/** Whoever names the first wrong thought of a failed rollout, as a run sees it. Thread-safe. */
public interface Localizer {
    /** Has the first wrong thought of a failed rollout named, or is told what the policy has to be asked first. */
    CompletableFuture<Localization> localize(LocalizeWork work);
}
