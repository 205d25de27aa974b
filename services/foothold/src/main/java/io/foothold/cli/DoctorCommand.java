package io.foothold.cli;

import io.foothold.cli.machine.Memory;
import io.foothold.cli.machine.Surroundings;
import io.foothold.cli.machine.Workspace;
import io.foothold.contracts.error.FootholdException;
import io.foothold.learner.torch.TorchEnvironment;
import io.foothold.policy.NativeRuntime;
import io.foothold.policy.PolicyDirectory;
import io.foothold.verifier.code.Sandbox;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;

/** Says what is here and what is missing. */
@Command(
        name = "doctor",
        mixinStandardHelpOptions = true,
        description =
                "Checks JDK, libtorch, the shipped policy and the built services, and says what else is here: GPUs, Python with torch, "
                        + "tritonserver, memory; binds no port.")
final class DoctorCommand implements Callable<Integer> {
    private boolean sound = true;

    @Override
    public Integer call() {
        check("JDK 25 or newer", () -> {
            if (Runtime.version().feature() < 25) {
                throw new IllegalStateException("this is " + Runtime.version());
            }
            return Runtime.version().toString();
        });
        check("libtorch through DJL", () -> {
            NativeRuntime.start();
            String own = System.getenv("PYTORCH_LIBRARY_PATH");
            return own == null ? "loaded" : "loaded from " + own;
        });
        check("shipped policy", () -> {
            PolicyDirectory policy = PolicyDirectory.open(Workspace.dialPolicy());
            return policy.config().parameters() + " parameters, digest "
                    + policy.weights().digest().substring(0, 12);
        });
        for (String service : new String[] {
            "augmentation", "sampler", "verifier", "localizer", "learner", "policy-server", "orchestrator"
        }) {
            check("application " + service, () -> {
                Path jar = Workspace.application(service);
                if (!Files.exists(jar)) {
                    throw new IllegalStateException("missing: " + jar + " (./foothold build makes it)");
                }
                return "built";
            });
        }
        Optional<String> refusal = new Sandbox(Sandbox.Tools.standard()).refusal();
        System.out.println(
                refusal.isEmpty()
                        ? "ok    sandbox for programs: bubblewrap"
                        : "none  sandbox for programs (problems of kind code are refused): " + refusal.get());
        System.out.println(torch());
        Surroundings.ofMachine().told(Memory.ofMachine()).forEach(System.out::println);
        return sound ? 0 : 1;
    }

    /** The environment of the torch backend, which not everybody needs. */
    private static String torch() {
        try {
            return "ok    torch backend: "
                    + TorchEnvironment.find(Workspace.torchPackage()).python();
        } catch (FootholdException e) {
            return "none  torch backend (learner.backend: torch is refused): " + e.text();
        }
    }

    private interface Check {
        String run();
    }

    private void check(String name, Check check) {
        try {
            System.out.println("ok    " + name + ": " + check.run());
        } catch (RuntimeException e) {
            sound = false;
            System.out.println("FAIL  " + name + ": " + e.getMessage());
        }
    }
}
