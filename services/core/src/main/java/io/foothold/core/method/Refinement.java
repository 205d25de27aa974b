package io.foothold.core.method;

import io.foothold.core.random.Seeds;
import io.foothold.core.start.StartState;
import java.util.ArrayList;
import java.util.List;

/**
 * Critique-GRPO (arXiv 2506.03106), as arXiv 2605.25507 runs it: answers that failed are shown to the policy again with the word that they
 * are wrong. The best refinement, the first of equals, joins the answers' group and is trained under their prompt; the others are
 * consumed. When no answer failed there is nothing to refine and the group is the answers alone. A refinement that cannot be had loses
 * the place.
 *
 * @param answers to a problem
 * @param instruction the prompt of a refinement, see {@link StartState.Revision}
 */
public record Refinement(int answers, String instruction) implements Method {

    @Override
    public Place place(StartState start, Peers peers, Seeds seeds) {
        Sampling sampling = new Sampling(peers);
        List<Rollout> first = sampling.group("", start, answers, seeds);
        List<Rollout> right = first.stream().filter(Rollout::passed).toList();
        List<Revision.Revised> refined = Revision.again(first, right, instruction, sampling, seeds);
        List<Member> members = new ArrayList<>(Group.of(start, first).members());
        refined.stream().reduce((a, b) -> reward(b) > reward(a) ? b : a).ifPresent(best -> {
            members.add(new Member(best.revision(), reward(best), best.answer()));
            refined.stream()
                    .filter(r -> r != best)
                    .forEach(r -> sampling.end(new End.Consumed(r.revision(), "refinement")));
        });
        return new Place(List.of(new Group(start, members)), sampling.ends());
    }

    private static double reward(Revision.Revised refined) {
        return refined.revision().reward().orElseThrow();
    }
}
