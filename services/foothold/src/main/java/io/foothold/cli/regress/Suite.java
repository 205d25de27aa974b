package io.foothold.cli.regress;

import io.foothold.cli.machine.Workspace;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.error.Nearest;
import io.foothold.contracts.names.Name;
import io.foothold.orchestrator.runfile.RunFile;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Stream;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.api.lowlevel.Compose;
import org.snakeyaml.engine.v2.exceptions.Mark;
import org.snakeyaml.engine.v2.exceptions.MarkedYamlEngineException;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;
import org.snakeyaml.engine.v2.nodes.MappingNode;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.NodeTuple;
import org.snakeyaml.engine.v2.nodes.ScalarNode;
import org.snakeyaml.engine.v2.nodes.SequenceNode;

/**
 * A suite of regression runs, as its file says.
 *
 * @param name of the suite
 * @param minutes that all of it may take
 */
record Suite(String name, double minutes, List<Entry> entries) {
    /** Above this a suite is no check any more that somebody waits for; a day. */
    private static final double MOST_MINUTES = 24 * 60;

    /**
     * One entry.
     *
     * @param work what is done
     * @param gates what must hold of every seed
     */
    record Entry(String name, Work work, List<Gate> gates) {}

    /** What an entry does. */
    sealed interface Work {}

    /**
     * Trains a run file.
     *
     * @param file the run file
     * @param settings that win over it, {@code key=value}
     * @param seeds of which each is a run
     * @param spares seeds that stand in for one whose gates broke, at most one for each
     */
    record Training(Path file, List<String> settings, List<Long> seeds, List<Long> spares) implements Work {
        /** The settings of the run of a seed. */
        List<String> of(long seed) {
            return Stream.concat(settings.stream(), Stream.of("seed=" + seed)).toList();
        }
    }

    /** Makes the table of estimators with so many trials, see {@code verify-estimator}. */
    record Estimators(int trials) implements Work {}

    /**
     * Reads a suite, and resolves every run file that it names.
     *
     * @throws FootholdException {@link ErrorCode#INVALID_INPUT} for what is wrong with it, with file and line
     */
    static Suite read(Path file) {
        Reader reader = new Reader(file);
        try {
            Node root = new Compose(
                            LoadSettings.builder().setLabel(file.toString()).build())
                    .composeString(Workspace.read(file))
                    .orElseThrow(() -> new FootholdException(ErrorCode.INVALID_INPUT, file + " is empty"));
            return reader.suite(root);
        } catch (MarkedYamlEngineException e) {
            throw new FootholdException(
                    ErrorCode.INVALID_INPUT,
                    file + e.getProblemMark().map(m -> ":" + (m.getLine() + 1)).orElse("") + ": " + e.getProblem(),
                    e);
        } catch (YamlEngineException e) {
            throw new FootholdException(ErrorCode.INVALID_INPUT, file + ": " + e.getMessage(), e);
        }
    }

    private record Reader(Path file) {
        Suite suite(Node root) {
            Map<String, Node> keys = mapping(root, List.of("name", "minutes", "runs"));
            String name = Name.of(at(required(root, keys, "name")) + ": 'name'", scalar(required(root, keys, "name")))
                    .text();
            double minutes = decimal(required(root, keys, "minutes"), "minutes", MOST_MINUTES);
            List<Entry> entries = new ArrayList<>();
            Set<String> names = new HashSet<>();
            for (Node node : sequence(required(root, keys, "runs"), "runs")) {
                Entry entry = entry(node);
                if (!names.add(entry.name())) {
                    throw refused(node, "a run is called '" + entry.name() + "' already");
                }
                entries.add(entry);
            }
            return new Suite(name, minutes, entries);
        }

        private Entry entry(Node node) {
            Map<String, Node> keys =
                    mapping(node, List.of("name", "file", "set", "seeds", "spare_seeds", "estimators", "gates"));
            Node named = required(node, keys, "name");
            String name = Name.of(at(named) + ": 'name'", scalar(named)).text();
            List<Gate> gates = sequence(required(node, keys, "gates"), "gates").stream()
                    .map(g -> Gate.parse(at(g), scalar(g)))
                    .toList();
            if (keys.containsKey("file") == keys.containsKey("estimators")) {
                throw refused(node, "run '" + name + "' needs either 'file' or 'estimators'");
            }
            Node trials = keys.get("estimators");
            if (trials != null) {
                Stream.of("set", "seeds", "spare_seeds")
                        .map(keys::get)
                        .filter(Objects::nonNull)
                        .findFirst()
                        .ifPresent(n -> {
                            throw refused(
                                    n,
                                    "run '" + name + "' makes the table of estimators, which has no settings or seeds");
                        });
                return new Entry(name, new Estimators((int) Math.max(100, decimal(trials, "estimators", 1e6))), gates);
            }
            return new Entry(name, training(name, keys), gates);
        }

        private Training training(String name, Map<String, Node> keys) {
            Node given = Objects.requireNonNull(keys.get("file"));
            Path parent = file.toAbsolutePath().getParent();
            Path run = Objects.requireNonNull(parent).resolve(scalar(given)).normalize();
            List<String> settings = new ArrayList<>();
            Node set = keys.get("set");
            if (set != null) {
                mapping(set, List.of()).forEach((key, value) -> settings.add(key + "=" + scalar(value)));
            }
            Node seeds = keys.get("seeds");
            Node spares = keys.get("spare_seeds");
            Training training = new Training(
                    run,
                    settings,
                    seeds == null ? List.of(0L) : seeds(seeds, "seeds"),
                    spares == null ? List.of() : seeds(spares, "spare_seeds"));
            if (Stream.concat(training.seeds().stream(), training.spares().stream())
                            .distinct()
                            .count()
                    != training.seeds().size() + training.spares().size()) {
                throw refused(spares == null ? given : spares, "run '" + name + "' names a seed twice");
            }
            try {
                RunFile.resolve(
                        run.toString(),
                        Workspace.read(run),
                        training.of(training.seeds().getFirst()));
            } catch (FootholdException e) {
                throw new FootholdException(e.code(), at(given) + ": run '" + name + "': " + e.text(), e);
            }
            return training;
        }

        private List<Long> seeds(Node node, String key) {
            return sequence(node, key).stream()
                    .map(n -> {
                        String text = scalar(n);
                        if (!text.matches("\\d{1,18}")) {
                            throw refused(n, "'" + key + "' holds whole numbers from 0, got '" + text + "'");
                        }
                        return Long.valueOf(text);
                    })
                    .toList();
        }

        private double decimal(Node node, String key, double most) {
            String text = scalar(node);
            double value = text.matches("\\d{1,9}(\\.\\d+)?") ? Double.parseDouble(text) : -1;
            if (value <= 0 || value > most) {
                throw refused(
                        node,
                        "'" + key + "' must be a number above 0 and at most " + (long) most + ", got '" + text + "'");
            }
            return value;
        }

        private Node required(Node of, Map<String, Node> keys, String key) {
            Node node = keys.get(key);
            if (node == null) {
                throw refused(of, "'" + key + "' is missing");
            }
            return node;
        }

        /** Keys with their nodes; any key where none is known. */
        private Map<String, Node> mapping(Node node, List<String> known) {
            if (!(node instanceof MappingNode map)) {
                throw refused(node, "expected a mapping" + (known.isEmpty() ? "" : " of " + String.join(", ", known)));
            }
            Map<String, Node> out = new LinkedHashMap<>();
            for (NodeTuple pair : map.getValue()) {
                String key = scalar(pair.getKeyNode());
                if (!known.isEmpty() && !known.contains(key)) {
                    throw refused(pair.getKeyNode(), "unknown key '" + key + "'" + Nearest.hint(key, known));
                }
                if (out.put(key, pair.getValueNode()) != null) {
                    throw refused(pair.getKeyNode(), "'" + key + "' is given twice");
                }
            }
            return out;
        }

        private List<Node> sequence(Node node, String key) {
            if (!(node instanceof SequenceNode list) || list.getValue().isEmpty()) {
                throw refused(node, "'" + key + "' must be a list of at least one");
            }
            return list.getValue();
        }

        private String scalar(Node node) {
            if (!(node instanceof ScalarNode scalar)) {
                throw refused(node, "expected a word, a number or a text");
            }
            return scalar.getValue();
        }

        private String at(Node node) {
            return file
                    + node.getStartMark()
                            .map(Mark::getLine)
                            .map(line -> ":" + (line + 1))
                            .orElse("");
        }

        private FootholdException refused(Node node, String why) {
            return new FootholdException(ErrorCode.INVALID_INPUT, at(node) + ": " + why);
        }
    }
}
