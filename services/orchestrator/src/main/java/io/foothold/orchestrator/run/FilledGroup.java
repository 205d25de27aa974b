package io.foothold.orchestrator.run;

import io.foothold.orchestrator.rollout.PromptedStart;
import java.util.List;

/** A complete group. */
record FilledGroup(String id, PromptedStart start, List<FilledMember> members) {
    int passes() {
        return (int) members.stream().filter(m -> m.judged().passed()).count();
    }

    int sampledTokens() {
        return members.stream().mapToInt(m -> m.judged().tokens()).sum();
    }
}
