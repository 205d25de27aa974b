package io.foothold.core.method;

import io.foothold.core.random.Seeds;
import io.foothold.core.start.StartState;

/**
 * A rollout that is asked for.
 *
 * @param group name of its group inside the place, parts divided by '/'; empty for the first group
 * @param member its name inside the group
 * @param start where it begins
 * @param segment most tokens of a segment that is continued later; 0 for a rollout to the end
 * @param seeds of its tokens, and of a reward that is drawn
 */
public record Ask(String group, String member, StartState start, int segment, Seeds seeds) {

    /** The same in a part of the place. */
    Ask under(String part) {
        return new Ask(group.isEmpty() ? part : part + "/" + group, member, start, segment, seeds);
    }
}
