package io.foothold.orchestrator.run;

import io.foothold.v1.Rollout;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/** What a rollout's response is made of. */
final class Responses {
    private Responses() {}

    /** Given and sampled tokens. */
    static List<Integer> tokens(Rollout rollout) {
        List<Integer> out = new ArrayList<>(rollout.getPrefixTokenIdsList());
        out.addAll(rollout.getTokenIdsList());
        return out;
    }

    /** The decoded thoughts; text behind the last one is none. */
    static List<String> thoughts(Rollout rollout) {
        String text = rollout.getText();
        return IntStream.range(0, rollout.getThoughtTextEndsCount())
                .mapToObj(i -> text.substring(
                        i == 0 ? 0 : text.offsetByCodePoints(0, rollout.getThoughtTextEnds(i - 1)),
                        text.offsetByCodePoints(0, rollout.getThoughtTextEnds(i))))
                .toList();
    }
}
