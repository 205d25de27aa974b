package io.foothold.orchestrator.ledger;

import com.google.protobuf.InvalidProtocolBufferException;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.ledger.RolloutState;
import io.foothold.orchestrator.remote.BatchMessages;
import io.foothold.orchestrator.remote.UpdateMessages;
import io.foothold.orchestrator.rollout.TrainGroup;
import io.foothold.orchestrator.update.Manifest;
import io.foothold.v1.UpdateManifest;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The tables of admitted batches and of what the learner made of them; with both go steps in the lives of their rollouts. */
final class UpdateTables {
    private UpdateTables() {}

    static void admit(Connection c, String runId, long update, List<TrainGroup> groups) throws SQLException {
        Sql.execute(
                c,
                "insert into admitted_batch (run_id, update_number, payload) values (?, ?, ?)",
                runId,
                update,
                encode(groups));
        RolloutTable.admit(
                c,
                groups.stream()
                        .flatMap(g -> g.members().stream())
                        .map(m -> m.rollout().id())
                        .toList(),
                update);
    }

    /** Gives how many rollouts ended by it: none when it was known. */
    static int trained(Connection c, Manifest manifest) throws SQLException {
        String run = manifest.runId();
        long update = manifest.update();
        String known =
                Sql.one(c, "select digest from update_manifest where run_id = ? and update_number = ?", run, update);
        if (known != null && !known.equals(manifest.digest())) {
            throw new FootholdException(
                    ErrorCode.CONFLICT,
                    "update " + update + " of run " + run + " gave digest " + manifest.digest() + ", it gave " + known
                            + " before");
        }
        if (known == null) {
            Sql.execute(
                    c,
                    "insert into update_manifest (run_id, update_number, policy_version, digest, payload)"
                            + " values (?, ?, ?, ?, ?)",
                    run,
                    update,
                    manifest.policyVersion(),
                    manifest.digest(),
                    UpdateMessages.stored(manifest).toByteArray());
            RolloutTable.step(
                    c,
                    manifest.rollouts().stream()
                            .map(Manifest.Trained::rolloutId)
                            .toList(),
                    RolloutState.TRAINED);
            RunTable.updateDone(c, run, update);
        }
        Sql.execute(
                c,
                "delete from admitted_batch where run_id = ? and update_number <= ?",
                run,
                manifest.kept().oldestUpdate());
        return known == null ? manifest.rollouts().size() : 0;
    }

    static List<TrainGroup> batch(Connection c, String runId, long update) throws SQLException {
        return Sql.rows(
                        c,
                        r -> decode(r.getBytes(1)),
                        "select payload from admitted_batch where run_id = ? and update_number = ?",
                        runId,
                        update)
                .stream()
                .findFirst()
                .orElse(List.of());
    }

    static List<Manifest> manifests(Connection c, String runId) throws SQLException {
        return Sql.rows(
                c,
                r -> manifest(r.getBytes(1)),
                "select payload from update_manifest where run_id = ? order by update_number",
                runId);
    }

    static Optional<Manifest> manifest(Connection c, String runId, long update) throws SQLException {
        return Sql.rows(
                        c,
                        r -> manifest(r.getBytes(1)),
                        "select payload from update_manifest where run_id = ? and update_number = ?",
                        runId,
                        update)
                .stream()
                .findFirst();
    }

    private static Manifest manifest(byte[] bytes) {
        try {
            return UpdateMessages.manifest(UpdateManifest.parseFrom(bytes));
        } catch (InvalidProtocolBufferException e) {
            throw new FootholdException(ErrorCode.INVALID_DATA, "a stored manifest cannot be read", e);
        }
    }

    private static byte[] encode(List<TrainGroup> groups) {
        try {
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            for (TrainGroup g : groups) {
                BatchMessages.message(g).writeDelimitedTo(out);
            }
            return out.toByteArray();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static List<TrainGroup> decode(byte[] bytes) {
        try {
            List<TrainGroup> out = new ArrayList<>();
            ByteArrayInputStream in = new ByteArrayInputStream(bytes);
            for (var g = parsed(in); g != null; g = parsed(in)) {
                out.add(BatchMessages.group(g));
            }
            return out;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static io.foothold.v1.@Nullable TrainGroup parsed(ByteArrayInputStream in) throws IOException {
        return io.foothold.v1.TrainGroup.parseDelimitedFrom(in);
    }
}
