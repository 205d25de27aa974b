package io.foothold.learner.train;

import io.foothold.core.policy.PolicyVersion;
import io.foothold.policy.Trainer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** Members of groups as a backend trains them. */
final class TrainedSequences {
    private TrainedSequences() {}

    /** Sequences whose given tokens count as sampled. */
    static List<Trainer.Sequence> unmasked(List<TrainGroup.Member> members) {
        return members.stream()
                .map(m -> {
                    int[] response = Arrays.copyOf(m.given(), m.given().length + m.sampled().length);
                    System.arraycopy(m.sampled(), 0, response, m.given().length, m.sampled().length);
                    return new Trainer.Sequence(m.prompt(), new int[0], response, new float[response.length]);
                })
                .toList();
    }

    /** What was scored of the sampled tokens, without the given ones before them. */
    static List<Trainer.@Nullable Score> ofSampled(
            List<TrainGroup.Member> members, List<Trainer.@Nullable Score> scores) {
        List<Trainer.@Nullable Score> out = new ArrayList<>();
        for (int i = 0; i < members.size(); i++) {
            Trainer.Score s = scores.get(i);
            int given = members.get(i).given().length;
            out.add(
                    s == null
                            ? null
                            : new Trainer.Score(
                                    Arrays.copyOfRange(s.logProbs(), given, s.logProbs().length),
                                    Arrays.copyOfRange(s.entropies(), given, s.entropies().length)));
        }
        return out;
    }

    /** The groups with an end behind what nobody sampled: an oracle's solution does not hold the model's end token. */
    static List<TrainGroup> ended(List<TrainGroup> groups, List<Integer> endTokens) {
        return groups.stream()
                .map(g -> g.members().stream().noneMatch(TrainGroup.Member::nobodys)
                        ? g
                        : new TrainGroup(
                                g.groupId(),
                                g.members().stream()
                                        .map(m -> ended(m, endTokens))
                                        .toList()))
                .toList();
    }

    private static TrainGroup.Member ended(TrainGroup.Member m, List<Integer> endTokens) {
        int n = m.sampled().length;
        if (!m.nobodys() || endTokens.contains(m.sampled()[n - 1])) {
            return m;
        }
        int[] sampled = Arrays.copyOf(m.sampled(), n + 1);
        sampled[n] = endTokens.getFirst();
        long[] versions = Arrays.copyOf(m.versions(), n + 1);
        versions[n] = PolicyVersion.NOBODY;
        return new TrainGroup.Member(
                m.rolloutId(),
                m.prompt(),
                m.given(),
                sampled,
                Arrays.copyOf(m.logProbs(), n + 1),
                versions,
                m.truncated(),
                m.reward(),
                m.offPolicy());
    }

    /** Sequences whose ratio is taken to the log-probs given. */
    static List<Trainer.Sequence> of(List<TrainGroup.Member> members, List<float[]> logProbs) {
        return IntStream.range(0, members.size())
                .mapToObj(i -> {
                    TrainGroup.Member m = members.get(i);
                    return new Trainer.Sequence(m.prompt(), m.given(), m.sampled(), logProbs.get(i));
                })
                .toList();
    }
}
