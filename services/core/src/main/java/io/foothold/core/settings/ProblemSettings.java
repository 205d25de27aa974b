package io.foothold.core.settings;

import io.foothold.core.keys.Section;
import io.foothold.core.keys.Setting;
import java.util.Map;

/**
 * What is trained on, and what is evaluated.
 *
 * @param train the training problems
 * @param evaluate evaluation sets by their names
 */
@Section("problems")
public record ProblemSettings(
        @Setting(help = "Problems to train on") Source train,
        @Setting(help = "Problems of an evaluation set") Map<String, Source> evaluate) {

    /** Copies. */
    public ProblemSettings {
        evaluate = Map.copyOf(evaluate);
    }

    /** The set that a name stands for in messages and on the wire: problems.train or problems.evaluate.NAME. */
    public Source at(String path) {
        String set = path.substring(path.lastIndexOf('.') + 1);
        Source found = path.equals("problems.train") ? train : evaluate.get(set);
        if (found == null) {
            throw new IllegalArgumentException("no problems at " + path);
        }
        return found;
    }

    /** Generated problems, those of a file, or of a data set, which becomes a file. */
    public record Source(
            @Setting(help = "generated family (add, dial).", fallback = "")
            String family,

            @Setting(help = "level of the family.", fallback = "")
            String level,

            @Setting(
                    help = "how many are generated, or drawn from a data set of the hub; 0 takes all of that.",
                    fallback = "0",
                    from = 0,
                    to = 10_000_000,
                    unit = "problems")
            int count,

            @Setting(help = "seed of the generator.", fallback = "0", from = -1e18, to = 1e18)
            long seed,

            @Setting(help = "split, train or test.", fallback = "train")
            String split,

            @Setting(help = "path of a JSONL file.", fallback = "")
            String jsonl,

            @Setting(help = "how solutions are cut: delimiter, line, sentence, tokens:FRACTION.", fallback = "line")
            String segmenter,

            @Setting(
                    help =
                            "ORGANISATION/NAME of a data set on the hub, with @REVISION where it is not the main branch; see docs/hub.md.",
                    fallback = "")
            String hub,

            @Setting(help = "which of the several sets in that data set.", fallback = "")
            String config,

            @Setting(help = "what its rows are, a recipe of 'problems import'.", fallback = "")
            String recipe) {}
}
