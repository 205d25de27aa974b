package io.foothold.cli.conformance;

import static io.foothold.cli.conformance.Checks.equal;
import static io.foothold.cli.conformance.Peer.ids;
import static io.foothold.cli.conformance.Peer.text;

import io.foothold.contracts.triton.PolicyTensors;
import io.foothold.inference.*;
import java.util.List;

/** Control operations where the server has an admin secret. */
final class SecretCases {
    private final Peer peer;
    private final Checks checks;

    SecretCases(Peer peer, Checks checks) {
        this.peer = peer;
        this.checks = checks;
    }

    void run() {
        for (String op : List.of("abort", "pause", "resume", "update", "reset")) {
            checks.check("secret: op " + op + " without it or with another is refused", () -> {
                ModelInferRequest.Builder without = peer.operation("none", op).clearParameters();
                ModelInferRequest.Builder other = peer.operation("other", op);
                other.putParameters(PolicyTensors.ADMIN_PARAMETER, text(peer.secret() + "?"));
                Peer.Stream s = peer.stream(List.of(without.build(), other.build(), peer.every("after", 4, 0)));
                for (String id : List.of("none", "other")) {
                    equal(
                            "control operations need the admin secret in parameter '" + PolicyTensors.ADMIN_PARAMETER
                                    + "'",
                            s.of(id).get(0).getErrorMessage(),
                            "error_message");
                }
                equal(4, ids(s.of("after")).length, "tokens afterwards");
            });
        }
    }
}
