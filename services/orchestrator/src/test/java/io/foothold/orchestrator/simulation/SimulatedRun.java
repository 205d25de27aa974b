package io.foothold.orchestrator.simulation;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.orchestrator.ledger.Ledger;
import io.foothold.orchestrator.remote.StopSignal;
import io.foothold.orchestrator.remote.Waits;
import io.foothold.orchestrator.run.RunManager;
import io.foothold.orchestrator.update.Manifest;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** One run with everything that it needs, from its beginning to its end. */
final class SimulatedRun {
    private static final String ID = "r";
    /** How long things go wrong. */
    private static final Duration TROUBLED = Duration.ofSeconds(9);
    /** Longer than anything waits that was lost without a word. */
    private static final Duration HEALED = Duration.ofMinutes(30);

    private static final Duration DOWN = Duration.ofSeconds(3);

    /**
     * What is run.
     *
     * @param number also the run's seed
     * @param settings of the method, lines of a run file
     * @param sizes that its groups may have
     */
    record Plan(
            int number,
            String method,
            String settings,
            int rollouts,
            Set<Integer> sizes,
            long staleness,
            long updates) {
        static final int PLANS = 30;
        private static final int CHECKPOINTS_KEPT = 2;

        static Plan of(int number) {
            Plan plan =
                    switch (number % 10) {
                        case 1 -> of("pope", """
                                    prompts.guided: "{problem} {prefix}"
                                    guidance: {adapt: step}
                                    evaluation.oracle_problems: 0
                                    """, 3, Set.of(3));
                        case 3 ->
                            of("rrpo", "resets: {base_rollouts: 2, suffixes: 2, seeds: 1, draws: 4}", 4, Set.of(2, 4));
                        case 5 -> of("score", "", 3, Set.of(1, 3));
                        case 7 -> of("spo-tree", "tree: {branches: 2x2, segment_tokens: 4}", 4, Set.of(2));
                        case 9 -> of("critique-grpo", "", 3, Set.of(3, 4));
                        default -> of("grpo", "", 3, Set.of(3));
                    };
            long staleness = number % 3 == 2 ? 1 + number % 2 : 0;
            return new Plan(number, plan.method, plan.settings, plan.rollouts, plan.sizes, staleness, 3);
        }

        private static Plan of(String method, String settings, int rollouts, Set<Integer> sizes) {
            return new Plan(0, method, settings, rollouts, sizes, 0, 0);
        }

        Plan withUpdates(long other) {
            return new Plan(number, method, settings, rollouts, sizes, staleness, other);
        }

        int checkpointEvery() {
            return 1 + number % 2;
        }

        boolean synchronous() {
            return staleness == 0;
        }

        String file() {
            return """
                    method: %s
                    seed: %d
                    updates: %d
                    staleness: %d
                    policy: {base: somewhere}
                    problems:
                      train: {family: dial, level: hard, count: 4}
                      evaluate:
                        held-out: {family: dial, level: hard, count: 2, split: test}
                    prompts: {thought_delimiter: ";", root: "{problem}"}
                    sampling: {%s groups_per_update: 2}
                    %s
                    evaluation: {every: 2, samples: 2}
                    checkpoint: {every: %d, keep: %d}
                    alarms: {max_verifier_error_share: 1}
                    loss: {allow_off_policy: true}
                    """.formatted(
                            method,
                            number,
                            updates,
                            staleness,
                            method.equals("spo-tree") ? "" : "rollouts_per_group: " + rollouts + ",",
                            settings,
                            checkpointEvery(),
                            CHECKPOINTS_KEPT);
        }
    }

    final Weather weather;
    final SimulatedDisk disk;
    final Plan plan;
    private final Path home;
    private final SimulatedThreads threads;
    private final Conservation conservation;
    private final SimulatedServices.Cluster cluster;
    private @Nullable SimulatedProcess process;
    private @Nullable RunManager manager;
    private boolean over;
    private @Nullable Throwable failure;

    SimulatedRun(long seed, Plan plan, Path home) {
        this.plan = plan;
        this.home = home;
        this.weather = new Weather(seed);
        this.threads = new SimulatedThreads(weather.random, weather.time);
        this.conservation = new Conservation(plan.staleness(), plan.sizes());
        this.disk = new SimulatedDisk(weather, conservation);
        this.cluster = new SimulatedServices.Cluster(
                new SimulatedNode(weather, "augmentation"),
                new SimulatedSampler(weather),
                new SimulatedNode(weather, "verifier"),
                new SimulatedNode(weather, "localizer"),
                new SimulatedLearner(weather, ID, plan.checkpointEvery(), Plan.CHECKPOINTS_KEPT, conservation));
    }

    /** To its end, undisturbed. */
    void liveUndisturbed() {
        start();
        end();
    }

    /** To its end, while for a time things go wrong by chance. */
    void live() {
        weather.troubled = true;
        int faults = weather.random.nextInt(12);
        for (int i = 0; i < faults; i++) {
            weather.time.after(weather.upTo(TROUBLED), this::fault);
        }
        start();
        weather.time.run(TROUBLED, this::always);
        end();
    }

    /**
     * To its end, while processes are killed one after the other, whichever chance names.
     *
     * @return the longest time that anything killed took to be back and another update to be made
     */
    Duration live(int kills, Duration between) {
        weather.troubled = true;
        start();
        long longest = 0;
        for (int i = 0; i < kills; i++) {
            weather.time.run(weather.upTo(between), this::always);
            List<SimulatedNode> there =
                    cluster.nodes().stream().filter(SimulatedNode::up).toList();
            int killed = weather.random.nextInt(there.size() + 1);
            if (killed == there.size()) {
                die();
            } else {
                kill(there.get(killed));
            }
            long at = weather.time.now();
            int made = disk.manifests.size();
            while (disk.manifests.size() == made && !over && weather.time.now() - at < HEALED.toNanos()) {
                weather.time.run(Duration.ofMillis(100), this::always);
            }
            longest = Math.max(longest, weather.time.now() - at);
        }
        end();
        return Duration.ofNanos(longest);
    }

    private void end() {
        weather.troubled = false;
        cluster.nodes().forEach(SimulatedNode::start);
        long end = weather.time.now() + HEALED.toNanos();
        while (!over && weather.time.now() < end) {
            weather.time.run(Duration.ofMillis(500), this::always);
        }
        if (!over) {
            throw new AssertionError("the run does not end; it is at " + disk.runs);
        }
        conservation.checkEnd(plan.updates());
    }

    private void always() {
        threads.run();
        conservation.check();
        Throwable why = failure;
        if (why != null) {
            throw new AssertionError("a process of the orchestrator", why);
        }
    }

    private void fault() {
        List<SimulatedNode> nodes = cluster.nodes();
        SimulatedNode one = nodes.get(weather.random.nextInt(nodes.size()));
        switch (weather.random.nextInt(6)) {
            case 0, 1 -> die();
            case 2, 3 -> kill(one);
            case 4 -> stop();
            default -> {
                // A learner that nothing comes through to is waited for until the run fails.
                if (weather.random.nextInt(3) > 0 || one == cluster.learner()) {
                    one.disconnect();
                } else {
                    one.stall();
                }
            }
        }
    }

    /** Somebody asks the run to stop, and then to go on. */
    private void stop() {
        SimulatedProcess own = process;
        RunManager runs = manager;
        if (own == null || runs == null) {
            return;
        }
        own.begin("person", () -> {
            try {
                var unused = runs.stop(ID);
            } catch (FootholdException e) {
                if (e.code() != ErrorCode.WRONG_STATE && e.code() != ErrorCode.NOT_FOUND) {
                    failure = e;
                }
            }
        });
    }

    private void kill(SimulatedNode node) {
        if (node.up()) {
            node.kill();
            weather.time.after(weather.upTo(DOWN), node::start);
        }
    }

    private void die() {
        SimulatedProcess own = process;
        if (own == null || over) {
            return;
        }
        weather.meet("orchestrator died");
        process = null;
        own.die();
        disk.lose(own);
        weather.time.after(weather.upTo(DOWN), this::start);
    }

    /** How often a process was killed. */
    int kills() {
        return weather.met.entrySet().stream()
                .filter(e -> e.getKey().endsWith(" died"))
                .mapToInt(Map.Entry::getValue)
                .sum();
    }

    /** A process of the orchestrator that has the run begin or go on, as whoever runs services does. */
    private void start() {
        SimulatedProcess next = new SimulatedProcess(threads, weather.time);
        process = next;
        SimulatedLedger ledger = new SimulatedLedger(disk, next);
        SimulatedServices services = new SimulatedServices(cluster, next);
        RunManager made = new RunManager(
                ledger,
                services.until(new StopSignal(next.clock().waits()), Waits.SILENT),
                home,
                event -> {},
                next.clock(),
                next);
        manager = made;
        next.begin("main", () -> {
            try {
                go(made, ledger);
            } catch (RuntimeException | Error e) {
                failure = e;
            }
        });
        threads.run();
    }

    private void go(RunManager runs, Ledger ledger) {
        var unusedAdopted = runs.adopt();
        if (ledger.run(ID).isEmpty()) {
            var unused = runs.create(ID, plan.file(), List.of());
        }
        while (true) {
            Ledger.RunRow end = runs.end(ID).join();
            if (end.state().equals("finished")) {
                over = true;
                return;
            }
            // Nothing that goes wrong here goes on for longer than a run waits.
            if (!end.state().equals("stopped")) {
                throw new IllegalStateException("the run " + end.state() + ": " + end.reason());
            }
            weather.meet("run stopped");
            var unused = runs.resume(ID);
        }
    }

    /** Whether it has to make what it makes undisturbed. */
    boolean comparable() {
        return plan.synchronous() && !weather.otherCourse;
    }

    /** Everything that can be told of it: equal for equal seeds. */
    String told() {
        return weather.time.now() + "\n" + weather.met + "\n" + disk.rollouts + "\n" + disk.events + "\n" + course();
    }

    /** What the run made, without the marks of processes and of what was asked for again. */
    List<String> course() {
        return disk.manifests.values().stream().map(SimulatedRun::plain).toList();
    }

    private static String plain(Manifest m) {
        return m.update() + " " + m.policyVersion() + " " + m.digest() + " "
                + m.rollouts().stream()
                        .map(r -> r.rolloutId().replaceAll("~\\d+|\\+\\d+", "") + "=" + r.advantage())
                        .toList();
    }
}
