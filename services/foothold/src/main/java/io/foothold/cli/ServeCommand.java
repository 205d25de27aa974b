package io.foothold.cli;

import io.foothold.cli.machine.Heap;
import io.foothold.cli.process.AllInOne;
import io.foothold.cli.process.Child;
import io.foothold.cli.terminal.Words;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.error.Nearest;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Starts one service's own application. */
@Command(
        name = "serve",
        mixinStandardHelpOptions = true,
        description =
                "Starts one service as a process of its own: augmentation, sampler, verifier, localizer, learner, "
                        + "policy-server or orchestrator.")
final class ServeCommand implements Callable<Integer> {
    static final List<String> SERVICES =
            List.of("augmentation", "sampler", "verifier", "localizer", "learner", "policy-server", "orchestrator");

    /** The services. */
    static final class Services extends Words {
        Services() {
            super(SERVICES);
        }
    }

    /** From a service's port to the one for health and metrics. */
    private static final int MANAGEMENT = 1000;

    private static final int LAST_PORT = 65_535;

    @Parameters(paramLabel = "SERVICE", completionCandidates = Services.class, description = "The service.")
    private String service = "";

    @Option(
            names = "--set",
            paramLabel = "KEY=VALUE",
            description = "A configuration key, such as quarkus.http.port=9300.")
    private List<String> settings = new ArrayList<>();

    @Option(
            names = "--insecure",
            description =
                    "Lets the service listen beyond loopback without a token or without TLS: for networks that are"
                            + " trusted (foothold.door.insecure).")
    private boolean insecure;

    @Override
    public Integer call() throws Exception {
        if (!SERVICES.contains(service)) {
            throw new FootholdException(
                    ErrorCode.INVALID_INPUT, "unknown service '" + service + "'" + Nearest.hint(service, SERVICES));
        }
        Map<String, String> map = new LinkedHashMap<>();
        for (String s : settings) {
            int at = s.indexOf('=');
            if (at < 1) {
                throw new FootholdException(ErrorCode.INVALID_INPUT, "--set " + s + ": expected key=value");
            }
            map.put(s.substring(0, at), s.substring(at + 1));
        }
        refuseSecrets(map);
        if (insecure) {
            map.put("foothold.door.insecure", "true");
        }
        manage(map);
        Main.farewell(service + " stopped");
        Process process = new ProcessBuilder(Child.command(service, Heap.OF_SERVICE, map))
                .inheritIO()
                .start();
        Runtime.getRuntime().addShutdownHook(new Thread(process::destroy));
        return process.waitFor();
    }

    /** What stands on a command line is seen by everybody on the machine. */
    static void refuseSecrets(Map<String, String> settings) {
        for (String key : settings.keySet()) {
            if (key.matches("foothold\\..*(\\.token|secret|api-key)")) {
                throw new FootholdException(
                        ErrorCode.INVALID_INPUT,
                        "--set " + key + ": a secret on a command line is seen by everybody on the machine; give it as "
                                + key.toUpperCase(Locale.ROOT).replaceAll("[.-]", "_") + " in the environment"
                                + (key.endsWith(".token") ? ", or " + key.replace(".token", ".file") : ""));
            }
        }
    }

    /** The management port lies as far from a port that was chosen as from the standard one, unless it was chosen too. */
    static void manage(Map<String, String> settings) {
        String port = settings.get("quarkus.http.port");
        if (port != null && port.matches("\\d{1,5}") && !settings.containsKey("quarkus.management.port")) {
            int main = Integer.parseInt(port);
            boolean any = main == 0 || main + MANAGEMENT > LAST_PORT;
            settings.put("quarkus.management.port", Integer.toString(any ? AllInOne.freePort() : main + MANAGEMENT));
        }
    }
}
