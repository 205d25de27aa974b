package io.foothold.core.method;

import com.google.auto.service.AutoService;
import io.foothold.core.advantage.AdvantageEstimator;
import io.foothold.core.keys.Section;
import io.foothold.core.keys.Setting;
import io.foothold.core.keys.SettingsException;
import io.foothold.core.random.Seeds;
import io.foothold.core.settings.RunSettings;
import io.foothold.core.start.StartState;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * SPO-Tree (arXiv 2505.23564), as arXiv 2605.25507 runs it: a tree of segments of fixed length from the start, each continued by the next
 * level, the last level to the end. The siblings of a node are a group. A leaf is worth the reward of its verdict, an inner segment the
 * mean of its children. A segment that ends by itself is a leaf.
 *
 * @param branches children of a node at each level, from the root; at least one level
 * @param segment tokens of a segment
 */
public record Tree(List<Integer> branches, int segment) implements Method {

    /** Copies; every node has children. */
    public Tree {
        branches = List.copyOf(branches);
        if (branches.isEmpty() || branches.stream().anyMatch(b -> b < 1) || segment < 1) {
            throw new IllegalArgumentException(
                    "a tree needs levels with children and segments with tokens: " + branches + ", " + segment);
        }
    }

    /** Its settings. */
    @Section("tree")
    public record Settings(
            @Setting(
                    help = "Tree of segments: children of a node at each level, such as 2x4; empty for none.",
                    fallback = "",
                    source = "arXiv 2505.23564")
            String branches,

            @Setting(
                    help = "Tokens of a segment above the leaves of the tree.",
                    fallback = "600",
                    from = 1,
                    to = Setting.COUNTED,
                    unit = "tokens")
            int segmentTokens) {

        /** Children of a node at each level. */
        List<Integer> levels() {
            return Arrays.stream(branches.split("x")).map(Integer::valueOf).toList();
        }
    }

    /** What a run file says of it. */
    @AutoService(MethodKind.class)
    public static final class Kind implements MethodKind<Settings> {
        private static final int DEEPEST = 16;
        private static final long MOST_LEAVES = 100_000;

        @Override
        public Class<Settings> settings() {
            return Settings.class;
        }

        @Override
        public String asking() {
            return "tree.branches";
        }

        @Override
        public boolean isAsked(Settings own) {
            return !own.branches().isEmpty();
        }

        @Override
        public void check(Settings own, RunSettings run) {
            if (!isAsked(own)) {
                return;
            }
            String[] levels = own.branches().split("x", DEEPEST + 1);
            long leaves = 1;
            for (String level : levels) {
                leaves = level.matches("[1-9]\\d{0,3}")
                        ? Math.min(leaves * Long.parseLong(level), Integer.MAX_VALUE)
                        : 0;
            }
            if (levels.length < 2 || leaves == 0) {
                throw new SettingsException(
                        asking(),
                        "'tree.branches' must name the children of a node at 2 to " + DEEPEST
                                + " levels, each from 1 to 9999, such as 2x4, got '"
                                + SettingsException.shown(own.branches()) + "'");
            }
            if (leaves > MOST_LEAVES) {
                throw new SettingsException(
                        asking(), "the leaves of 'tree.branches' must be at most " + MOST_LEAVES + ", is " + leaves);
            }
            if (run.loss().weights().maskTruncated()) {
                throw new SettingsException(
                        "loss.mask_truncated",
                        "'loss.mask_truncated' and 'tree.branches' contradict each other: the segments of a tree are cut off on purpose");
            }
        }

        @Override
        public boolean hasOwnRewards(Settings own) {
            return !isAsked(own);
        }

        @Override
        public Method method(Settings own, RunSettings run) {
            return new Tree(own.levels(), own.segmentTokens());
        }
    }

    /**
     * A node whose children are sampled.
     *
     * @param name of the group of its children
     */
    private record Node(String name, StartState start, Seeds seeds, List<Child> children) {
        Node(String name, StartState start, Seeds seeds) {
            this(name, start, seeds, new ArrayList<>());
        }
    }

    /**
     * A segment, or a rollout to the end.
     *
     * @param node where its own children are; null for a leaf
     */
    private record Child(Rollout rollout, @Nullable Node node) {}

    @Override
    public Place place(StartState start, Peers peers, Seeds seeds) {
        Sampling sampling = new Sampling(peers);
        Node root = new Node("", start, seeds);
        List<Node> level = List.of(root);
        for (int depth = 0; !level.isEmpty(); depth++) {
            level = grown(level, depth, peers, sampling);
        }
        List<Group> groups = new ArrayList<>();
        value(root, groups);
        return new Place(groups, sampling.ends());
    }

    /** Samples the children of a level's nodes, all at once, and gives those that go on. */
    private List<Node> grown(List<Node> level, int depth, Peers peers, Sampling sampling) {
        List<Sampling.Filled> filled = sampling.fill(level.stream()
                .map(n -> new Sampling.Wanted(
                        n.name(), n.start(), 0, branches.get(depth), segment(n, depth, peers), n.seeds()))
                .toList());
        List<Node> next = new ArrayList<>();
        for (int i = 0; i < level.size(); i++) {
            RuntimeException failure = filled.get(i).failure();
            if (failure != null) {
                throw new PlaceLost("its tree lost a branch", failure, sampling.ends());
            }
            Node node = level.get(i);
            for (Rollout child : filled.get(i).rollouts()) {
                Node own = child.reward().isPresent()
                        ? null
                        : continued(node, child, node.children().size());
                node.children().add(new Child(child, own));
                if (own != null) {
                    next.add(own);
                }
            }
        }
        return next;
    }

    /** The last level goes to the end, and so does what would reach it in one segment. */
    private int segment(Node node, int depth, Peers peers) {
        return depth == branches.size() - 1 || peers.limit(node.start()) <= segment ? 0 : segment;
    }

    private static Node continued(Node node, Rollout segment, int number) {
        String name = (node.name().isEmpty() ? "" : node.name() + "/") + "n" + number;
        StartState start = new StartState.Reset(segment.start().problemId(), segment.id(), 0, segment.responseTokens());
        return new Node(name, start, node.seeds().split("child").split(number));
    }

    /** The mean of the children's values; their group, and those below it, are added. */
    private static double value(Node node, List<Group> groups) {
        List<Group> below = new ArrayList<>();
        List<Member> members = new ArrayList<>();
        for (Child child : node.children()) {
            double reward = child.node() == null ? child.rollout().reward().orElseThrow() : value(child.node(), below);
            members.add(new Member(child.rollout(), reward));
        }
        Group group = new Group(node.start(), members);
        groups.add(group);
        groups.addAll(below);
        return AdvantageEstimator.mean(group.rewards());
    }
}
