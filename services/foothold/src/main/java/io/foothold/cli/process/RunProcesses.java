package io.foothold.cli.process;

import io.foothold.cli.machine.Heap;
import io.foothold.cli.size.Inference;
import io.foothold.cli.size.RunShape;
import io.foothold.orchestrator.run.RunManager;
import io.foothold.orchestrator.runfile.RunFile;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The processes of a run: learner and policy server as children of this one, or all in one, or with inference servers of others.
 *
 * @param plan the run
 * @param shape what they are set up with
 * @param policy directory where the run begins
 * @param inference who samples
 * @param oneProcess whether there are no children
 * @param port of the services; 0 for a free one
 */
public record RunProcesses(
        RunFile plan, RunShape shape, Path policy, Inference inference, boolean oneProcess, int port) {

    /** What is done while a run's services are there; gives the exit code. */
    public interface Work {
        int run(RunManager runs, Child... children) throws Exception;
    }

    /**
     * Starts the services and ends them after the work.
     *
     * @param home directory of ledger, checkpoints, completions and logs
     * @param bound how often a child may die
     */
    public int run(Path home, Child.Bound bound, Work work) throws Exception {
        List<Path> named = FileRoots.of(plan);
        Map<String, String> engine = shape.serverSettings(policy);
        int own = port == 0 ? AllInOne.freePort() : port;
        if (inference.elsewhere()) {
            return AllInOne.run(home, own, FileRoots.with(inference.settings(Map.of()), home, named), work::run);
        }
        if (oneProcess) {
            return AllInOne.run(home, own, FileRoots.with(engine, home, named), work::run);
        }
        int enginePort = AllInOne.freePort();
        int learnerPort = AllInOne.freePort();
        String runsHome = home.toAbsolutePath().normalize().resolve("runs").toString();
        Map<String, String> learnerSettings = new LinkedHashMap<>(shape.nativeSettings());
        learnerSettings.put("foothold.learner.home", runsHome);
        try (Child server = Child.start(
                        "policy-server", enginePort, Heap.OF_CHILD, FileRoots.with(engine, home, named), home, bound);
                Child learner = Child.start(
                        "learner",
                        learnerPort,
                        Heap.OF_CHILD,
                        FileRoots.with(learnerSettings, home, named),
                        home,
                        bound)) {
            server.awaitReady();
            learner.awaitReady();
            return AllInOne.run(
                    home,
                    own,
                    FileRoots.with(
                            Map.of(
                                    "foothold.sampler.endpoints",
                                    "127.0.0.1:" + enginePort,
                                    "foothold.peer.learner.port",
                                    Integer.toString(learnerPort)),
                            home,
                            named),
                    runs -> work.run(runs, server, learner));
        }
    }
}
