package io.foothold.orchestrator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.ledger.LedgerAudit;
import io.foothold.core.ledger.RolloutState;
import io.foothold.core.policy.PolicyVersion;
import io.foothold.orchestrator.ledger.Lease;
import io.foothold.orchestrator.ledger.Ledger;
import io.foothold.orchestrator.ledger.LedgerDatabase;
import io.foothold.orchestrator.ledger.LedgerStore;
import io.foothold.orchestrator.rollout.Rollouts;
import io.foothold.orchestrator.rollout.TrainGroup;
import io.foothold.orchestrator.update.Artefact;
import io.foothold.orchestrator.update.Manifest;
import java.lang.reflect.Proxy;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.Statement;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.ObjIntConsumer;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import javax.sql.DataSource;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LedgerStoreTest {
    @TempDir
    Path directory;

    private final Map<RolloutState, Integer> ends = new EnumMap<>(RolloutState.class);

    private final List<LedgerDatabase> opened = new ArrayList<>();

    /** Where the ledger is: the same place in one test, another one in each. */
    LedgerDatabase.Address address() {
        return new LedgerDatabase.Address(
                "jdbc:h2:file:" + directory.resolve("ledger") + ";WRITE_DELAY=0",
                Optional.empty(),
                Optional.empty(),
                4);
    }

    private LedgerDatabase database() {
        LedgerDatabase out = LedgerDatabase.open(address());
        opened.add(out);
        return out;
    }

    private LedgerStore open() {
        return open(database().source(), (end, number) -> ends.merge(end, number, Integer::sum));
    }

    /** As the service makes it over such a database. */
    LedgerStore open(DataSource source, ObjIntConsumer<RolloutState> told) {
        return new LedgerStore(source, () -> Instant.EPOCH, told);
    }

    @AfterEach
    void closeDatabases() {
        opened.forEach(LedgerDatabase::close);
    }

    private static TrainGroup group(int index, String... rollouts) {
        return group(1, index, rollouts);
    }

    private static TrainGroup group(long update, int index, String... rollouts) {
        return new TrainGroup(
                "r",
                update,
                index,
                2,
                "g" + index,
                "",
                Stream.of(rollouts)
                        .map(id -> new TrainGroup.Member(
                                Rollouts.named(id), 0.5, List.of(7), List.of(8, 9), List.of(1.0, 0.25)))
                        .toList());
    }

    private static Manifest manifest(String digest, String... rollouts) {
        return manifest(1, 0, digest, rollouts);
    }

    private static Manifest manifest(long update, long oldestKept, String digest, String... rollouts) {
        return new Manifest(
                "r",
                update,
                new Artefact(
                        new PolicyVersion(update, digest),
                        "file:/p",
                        Optional.of(new Artefact.Canary(List.of(1, 2), List.of(2), List.of(-0.5f))),
                        Optional.of(new Artefact.Adapter("file:/a", "a"))),
                new Manifest.Steps(2, 1),
                Stream.of(rollouts).map(id -> new Manifest.Trained(id, 0.5)).toList(),
                new Manifest.Kept(update, oldestKept),
                Map.of("loss", 0.25, "entropy", 1.5),
                "settings");
    }

    private static void verified(LedgerStore ledger, String... ids) {
        Ledger.await(ledger.reserve("r", new Ledger.Group("g", "train", "p", "root"), List.of(ids)));
        Ledger.await(ledger.record(java.util.Arrays.stream(ids)
                .map(id ->
                        new Ledger.Outcome(id, List.of(RolloutState.SAMPLED, RolloutState.VERIFIED), "PASS", 1, 1, ""))
                .toList()));
    }

    @Test
    void aLifeIsKeptAcrossARestartAndEndsOnce() {
        try (LedgerStore ledger = open()) {
            Ledger.await(ledger.createRun("r", "file", 5));
            verified(ledger, "a", "b", "c");
            Ledger.await(ledger.admit("r", 1, List.of(group(0, "a"), group(1, "b"))));
        }
        try (LedgerStore ledger = open()) {
            assertThat(ledger.admittedBatch("r", 1)).containsExactly(group(0, "a"), group(1, "b"));
            Ledger.await(ledger.trained(manifest("d1", "a", "b")));
            Ledger.await(ledger.trained(manifest("d1", "a", "b")));
            Ledger.await(ledger.dropUnfinished("r", "died"));
            assertThat(ledger.run("r").orElseThrow().updateDone()).isEqualTo(1);
            Manifest whole = manifest("d1", "a", "b");
            assertThat(ledger.manifests("r"))
                    .as("all of it but the canary")
                    .containsExactly(new Manifest(
                            "r",
                            1,
                            new Artefact(
                                    whole.artefact().policy(),
                                    "file:/p",
                                    Optional.empty(),
                                    whole.artefact().adapter()),
                            new Manifest.Steps(2, 1),
                            whole.rollouts(),
                            new Manifest.Kept(1, 0),
                            whole.metrics(),
                            "settings"));
            assertThat(ledger.audit("r").sound()).isTrue();
            assertThat(ledger.audit("r").counts())
                    .containsEntry(RolloutState.TRAINED, 2L)
                    .containsEntry(RolloutState.DROPPED, 1L);
            assertThatThrownBy(() -> Ledger.await(ledger.trained(manifest("d2", "a", "b"))))
                    .hasMessageContaining("gave digest d2, it gave d1 before");
        }
    }

    @Test
    void everyEndIsToldOnceAsTheLedgerHasIt() {
        LedgerAudit.Report audit;
        try (LedgerStore ledger = open()) {
            Ledger.await(ledger.createRun("r", "file", 5));
            verified(ledger, "a", "b", "c", "d", "e", "f");
            Ledger.await(ledger.record(List.of(
                    new Ledger.Outcome("c", RolloutState.CONSUMED, "PASS", 1, 1, "seed"),
                    new Ledger.Outcome("d", RolloutState.DROPPED, "PASS", 1, 1, "why"))));
            Ledger.await(ledger.admit("r", 1, List.of(group(0, "a"), group(1, "b"))));
            Ledger.await(ledger.trained(manifest("d1", "a", "b")));
            Ledger.await(ledger.trained(manifest("d1", "a", "b")));
            Ledger.await(ledger.dropUnfinished("r", "died"));
            Ledger.await(ledger.dropUnfinished("r", "died"));
            audit = ledger.audit("r");
        }
        assertThat(ends)
                .containsOnly(
                        Map.entry(RolloutState.TRAINED, 2),
                        Map.entry(RolloutState.CONSUMED, 1),
                        Map.entry(RolloutState.DROPPED, 3));
        ends.forEach((end, number) -> assertThat(audit.counts()).containsEntry(end, (long) number));
    }

    @Test
    void groupsStayAsLongAsTheLearnerMayGoBackBehindThem() {
        try (LedgerStore ledger = open()) {
            for (long update = 1; update <= 4; update++) {
                String id = "a" + update;
                verified(ledger, id);
                Ledger.await(ledger.admit("r", update, List.of(group(update, 0, id))));
                Ledger.await(ledger.trained(manifest(update, Math.max(0, update - 2), "d" + update, id)));
            }
            assertThat(ledger.admittedBatch("r", 2)).isEmpty();
            assertThat(ledger.admittedBatch("r", 3)).hasSize(1);
            assertThat(ledger.admittedBatch("r", 4)).hasSize(1);
        }
    }

    @Test
    void stepsThatALifeDoesNotHaveAreRefusedAndDoNotHurtNeighbours() {
        try (LedgerStore ledger = open()) {
            verified(ledger, "a");
            var bad = ledger.record(List.of(new Ledger.Outcome("a", RolloutState.SAMPLED, "", 0, 0, "")));
            var unknown = ledger.record(List.of(new Ledger.Outcome("zz", RolloutState.DROPPED, "", 0, 0, "")));
            var good = ledger.record(List.of(new Ledger.Outcome("a", RolloutState.CONSUMED, "PASS", 1, 1, "seed")));
            assertThatThrownBy(() -> Ledger.await(bad)).hasMessageContaining("VERIFIED to SAMPLED");
            assertThatThrownBy(() -> Ledger.await(unknown)).hasMessageContaining("never reserved");
            Ledger.await(good);
            assertThatThrownBy(() -> Ledger.await(ledger.admit("r", 1, List.of(group(0, "a")))))
                    .hasMessageContaining("CONSUMED to ADMITTED");
            assertThat(ledger.admittedBatch("r", 1))
                    .as("an admission is all or nothing")
                    .isEmpty();
        }
    }

    /** Random lives: what the ledger takes is what the states allow, step by step, and nothing else moves a rollout. */
    @Test
    void onlyStepsThatFollowEachOtherAreWritten() {
        List<RolloutState> writable =
                List.of(RolloutState.SAMPLED, RolloutState.VERIFIED, RolloutState.CONSUMED, RolloutState.DROPPED);
        SplittableRandom random = new SplittableRandom(11);
        try (LedgerStore ledger = open()) {
            Ledger.await(ledger.createRun("r", "file", 5));
            int refused = 0;
            for (int life = 0; life < 150; life++) {
                String id = "x" + life;
                Ledger.await(ledger.reserve("r", new Ledger.Group("g", "train", "p", "root"), List.of(id)));
                RolloutState at = RolloutState.RESERVED;
                for (int write = 0; write < 3; write++) {
                    List<RolloutState> steps = IntStream.range(0, 1 + random.nextInt(3))
                            .mapToObj(i -> writable.get(random.nextInt(writable.size())))
                            .toList();
                    RolloutState to = at;
                    boolean allowed = true;
                    for (RolloutState step : steps) {
                        allowed &= to.next().contains(step);
                        to = step;
                    }
                    var written = ledger.record(List.of(new Ledger.Outcome(id, steps, "PASS", 1, 1, "")));
                    if (allowed) {
                        Ledger.await(written);
                        at = to;
                    } else {
                        refused++;
                        assertThatThrownBy(() -> Ledger.await(written)).hasMessageContaining("cannot go from");
                    }
                }
                assertThat(ledger.audit("r").counts().getOrDefault(at, 0L)).isPositive();
            }
            assertThat(refused).isBetween(100, 400);
        }
    }

    @Test
    void admissionAndTrainingAreNoOutcomes() {
        for (RolloutState state : List.of(RolloutState.RESERVED, RolloutState.ADMITTED, RolloutState.TRAINED)) {
            assertThatThrownBy(() -> new Ledger.Outcome("a", state, "PASS", 1, 1, ""))
                    .hasMessageContaining("a takes it to SAMPLED");
            assertThatThrownBy(() -> new Ledger.Outcome(
                            "a", List.of(RolloutState.SAMPLED, RolloutState.VERIFIED, state), "PASS", 1, 1, ""))
                    .hasMessageContaining("a takes it to SAMPLED");
        }
        try (LedgerStore ledger = open()) {
            Ledger.await(ledger.createRun("r", "file", 5));
            Ledger.await(ledger.reserve("r", new Ledger.Group("g", "train", "p", "root"), List.of("a")));
            var consumed = ledger.record(List.of(new Ledger.Outcome("a", RolloutState.CONSUMED, "", 0, 1, "x")));
            assertThatThrownBy(() -> Ledger.await(consumed)).hasMessageContaining("RESERVED to CONSUMED");
            assertThatThrownBy(() -> Ledger.await(ledger.admit("r", 1, List.of(group(0, "a")))))
                    .hasMessageContaining("RESERVED to ADMITTED");
            assertThatThrownBy(() -> Ledger.await(ledger.trained(manifest("d", "a"))))
                    .hasMessageContaining("RESERVED to TRAINED");
        }
    }

    @Test
    void manyWritersGetTheirWordOnDisk() {
        try (LedgerStore ledger = open()) {
            IntStream.range(0, 200)
                    .parallel()
                    .forEach(i -> Ledger.await(
                            ledger.reserve("r", new Ledger.Group("g" + i, "search", "p", "root"), List.of("x" + i))));
        }
        try (LedgerStore ledger = open()) {
            assertThat(ledger.countsByPurpose("r")).containsEntry("search", 200L);
        }
    }

    /** The same database, whose next connections fail with these errors. */
    private static DataSource failing(DataSource source, Queue<Error> errors) {
        return (DataSource) Proxy.newProxyInstance(
                LedgerStoreTest.class.getClassLoader(),
                new Class<?>[] {DataSource.class},
                (proxy, method, arguments) -> {
                    Error next = method.getName().equals("getConnection") ? errors.poll() : null;
                    if (next != null) {
                        throw next;
                    }
                    return method.invoke(source, arguments);
                });
    }

    @Test
    void anErrorOfTheMachineFailsTheWritesThatItMeetsAndNoOthers() throws Exception {
        Queue<Error> errors = new ConcurrentLinkedQueue<>();
        try (LedgerStore ledger = open(failing(database().source(), errors), (end, number) -> {})) {
            for (Error error : List.of(
                    new OutOfMemoryError("Java heap space"),
                    new StackOverflowError("deep"),
                    new NoClassDefFoundError("absent"))) {
                errors.add(error);
                assertThatThrownBy(() -> ledger.reserve("r", new Ledger.Group("g", "train", "p", "root"), List.of("a"))
                                .get(30, TimeUnit.SECONDS))
                        .hasMessageContaining(error.getClass().getSimpleName());
            }
            ledger.reserve("r", new Ledger.Group("g", "train", "p", "root"), List.of("a"))
                    .get(30, TimeUnit.SECONDS);
            assertThat(ledger.audit("r").counts()).containsEntry(RolloutState.RESERVED, 1L);
        }
    }

    /** What every table takes comes back as it was, texts of any characters and length too. */
    @Test
    void whatIsWrittenComesBack() {
        String odd = "é π 𝜋 \u0001 ' \" \\ \n \ud83d\ude00";
        String large = odd.repeat(40_000);
        try (LedgerStore ledger = open()) {
            Ledger.await(ledger.createRun("r", large, 5));
            Ledger.await(ledger.setRunState("r", "failed", odd));
            Ledger.await(ledger.savePreparation("r", "hard_set", "first"));
            Ledger.await(ledger.savePreparation("r", "hard_set", large));
            Ledger.await(ledger.savePrefix("r", odd, 2, false));
            Ledger.await(ledger.savePrefix("r", odd, 3, true));
            Ledger.await(ledger.saveEvaluation("r", 1, odd, "{}"));
            Ledger.await(ledger.saveEvaluation("r", 1, odd, "{\"a\":1}"));
            Ledger.await(ledger.saveEvent("r", new Ledger.EventRow(1, "kind", odd)));
            verified(ledger, odd, "nul \0");
            Ledger.await(ledger.admit("r", 1, List.of(group(0, odd))));
        }
        try (LedgerStore ledger = open()) {
            assertThat(ledger.run("r")).contains(new Ledger.RunRow("r", large, "failed", 0, 5, odd));
            assertThat(ledger.preparation("r", "hard_set")).contains(large);
            assertThat(ledger.prefixes("r")).containsExactly(Map.entry(odd, 3));
            assertThat(ledger.evaluations("r")).containsExactly("{\"a\":1}");
            assertThat(ledger.evaluated("r", 1, odd)).isTrue();
            assertThat(ledger.events("r", 1)).containsExactly(new Ledger.EventRow(1, "kind", odd));
            assertThat(ledger.admittedBatch("r", 1)).containsExactly(group(0, odd));
            assertThat(ledger.tokensByUse("r")).containsExactly(Map.entry("train", 2L));
            Ledger.await(ledger.record(
                    List.of(new Ledger.Outcome("nul \0", RolloutState.CONSUMED, "PASS", 1, 1, "seed\0"))));
            assertThat(ledger.tokensByUse("r")).containsEntry("seed\ufffd", 1L);
            Ledger.await(ledger.forgetPrepared("r"));
            assertThat(ledger.preparation("r", "hard_set")).isEmpty();
        }
    }

    @Test
    void aSchemaOfANewerVersionIsRefusedWithWhatToDo() throws Exception {
        try (LedgerDatabase database = LedgerDatabase.open(address());
                Connection c = database.source().getConnection();
                Statement s = c.createStatement()) {
            s.execute("insert into \"flyway_schema_history\" (\"installed_rank\", \"version\", \"description\","
                    + " \"type\", \"script\", \"installed_by\", \"execution_time\", \"success\") values (99, '99',"
                    + " 'later', 'SQL', 'V99__later.sql', 'x', 1, true)");
        }
        assertThatThrownBy(this::open)
                .isInstanceOfSatisfying(
                        FootholdException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.WRONG_STATE))
                .hasMessageContaining("has schema version 99, this version of Foothold knows it up to")
                .hasMessageContaining("foothold.ledger.url");
    }

    private static <T> T got(CompletableFuture<T> write) throws Exception {
        return write.get(60, TimeUnit.SECONDS);
    }

    private static void assertNotMine(CompletableFuture<?> write) {
        assertThatThrownBy(() -> got(write))
                .hasCauseInstanceOf(FootholdException.class)
                .cause()
                .satisfies(e -> assertThat(((FootholdException) e).code()).isEqualTo(ErrorCode.WRONG_STATE))
                .hasMessageContaining("it belongs to b with token 1");
    }

    @Test
    void aFormerOwnerWritesNothing() throws Exception {
        try (LedgerStore ledger = open();
                LedgerStore other = open()) {
            Ledger.await(ledger.createRun("r", "file", 5));
            Lease first = got(ledger.claim("r", "a", "l", Optional.empty())).orElseThrow();
            assertThat(first).isEqualTo(new Lease("r", "a", 0));
            assertThat(ledger.run("r").orElseThrow().state()).isEqualTo("running");
            Ledger own = ledger.inRun(first);
            Ledger.await(own.reserve("r", new Ledger.Group("g", "train", "p", "root"), List.of("x", "y")));
            assertThat(got(other.claim("r", "b", "l", Optional.empty())))
                    .as("its owner lives")
                    .isEmpty();
            Lease.Seen seen = other.leases().getFirst();
            assertThat(got(own.renew(first))).isEmpty();
            assertThat(got(other.claim("r", "b", "l", Optional.of(seen))))
                    .as("its owner gave a sign of life meanwhile")
                    .isEmpty();
            assertThat(got(other.wish("r", "stop"))).isTrue();
            assertThat(got(own.renew(first))).isEqualTo("stop");
            Lease second = got(other.claim(
                            "r", "b", "l", Optional.of(other.leases().getFirst())))
                    .orElseThrow();
            assertThat(second).isEqualTo(new Lease("r", "b", 1));
            assertThat(got(other.inRun(second).renew(second)))
                    .as("wishes were the former owner's")
                    .isEmpty();
            List<CompletableFuture<?>> late = List.of(
                    own.renew(first),
                    own.reserve("r", new Ledger.Group("g", "train", "p", "root"), List.of("z")),
                    own.record(List.of(new Ledger.Outcome("x", RolloutState.SAMPLED, "", 0, 1, ""))),
                    own.admit("r", 1, List.of(group(0, "x"))),
                    own.trained(manifest("d", "x")),
                    own.dropUnfinished("r", "why"),
                    own.savePreparation("r", "hard_set", "{}"),
                    own.savePrefix("r", "p", 1, false),
                    own.forgetPrepared("r"),
                    own.saveEvaluation("r", 1, "s", "{}"),
                    own.saveEvent("r", new Ledger.EventRow(1, "k", "{}")),
                    own.setRunState("r", "failed", "why"),
                    own.setRunSettings("r", "other"),
                    own.endRun(first, "failed", "why"),
                    own.release(first));
            late.forEach(LedgerStoreTest::assertNotMine);
            assertThat(other.run("r")).contains(new Ledger.RunRow("r", "file", "running", 0, 5, ""));
            assertThat(other.audit("r").counts()).isEqualTo(Map.of(RolloutState.RESERVED, 2L));
            assertThat(other.events("r", 0)).isEmpty();
            Ledger.await(other.inRun(second).endRun(second, "finished", ""));
            assertThat(other.leases()).isEmpty();
            assertThat(got(other.wish("r", "stop"))).as("nobody has it").isFalse();
            assertThatThrownBy(() -> Ledger.await(other.inRun(second).setRunState("r", "failed", "late")))
                    .hasMessageContaining("it belongs to nobody");
        }
    }

    @Test
    void aLearnerHasOneRunAtATime() throws Exception {
        try (LedgerStore ledger = open()) {
            for (String id : List.of("p", "q")) {
                Ledger.await(ledger.createRun(id, "file", 5));
            }
            Lease first = got(ledger.claim("p", "a", "l", Optional.empty())).orElseThrow();
            assertThat(got(ledger.claim("q", "b", "l", Optional.empty()))).isEmpty();
            assertThat(got(ledger.setAside("p", "queued", "")))
                    .as("somebody has it")
                    .isFalse();
            assertThat(got(ledger.setAside("q", "queued", "waits"))).isTrue();
            Lease other = got(ledger.claim("q", "b", "m", Optional.empty())).orElseThrow();
            Ledger.await(ledger.inRun(other).release(other));
            Ledger.await(ledger.inRun(first).endRun(first, "stopped", ""));
            assertThat(got(ledger.claim("q", "b", "l", Optional.empty()))
                            .orElseThrow()
                            .token())
                    .isEqualTo(1);
            Ledger.await(ledger.forgetOwners());
            assertThat(ledger.leases()).isEmpty();
            assertThat(got(ledger.claim("p", "c", "l", Optional.empty())))
                    .as("q is running and will be taken up, but the learner was forgotten with its owner")
                    .isPresent();
        }
    }

    /** Many processes want one run, again and again: one has it each time, and of the writes only those of the last owner count. */
    @Test
    void ofManyWhoWantARunOneGetsIt() throws Exception {
        try (LedgerStore ledger = open()) {
            Ledger.await(ledger.createRun("r", "file", 5));
            for (int round = 0; round < 20; round++) {
                Optional<Lease.Seen> seen = ledger.leases().stream().findFirst();
                List<CompletableFuture<Optional<Lease>>> claims = IntStream.range(0, 6)
                        .mapToObj(i -> CompletableFuture.supplyAsync(
                                () -> ledger.claim("r", "o" + i, "l", seen).join()))
                        .toList();
                int won = 0;
                for (CompletableFuture<Optional<Lease>> claim : claims) {
                    Optional<Lease> lease = got(claim);
                    won += lease.isPresent() ? 1 : 0;
                    if (lease.isPresent()) {
                        assertThat(lease.get().token()).isEqualTo(round);
                    }
                }
                assertThat(won).isEqualTo(1);
            }
        }
    }

    /** The migrations' text changed once, to suit every database; homes that the earlier text made are of the same schema. */
    @Test
    void aHomeThatEarlierTextMadeIsTaken() throws Exception {
        try (LedgerDatabase database = LedgerDatabase.open(address());
                Connection c = database.source().getConnection();
                Statement s = c.createStatement()) {
            s.execute("update \"flyway_schema_history\" set \"checksum\" = 1 where \"version\" in ('1', '2', '20')");
            s.execute("delete from \"flyway_schema_history\" where \"version\" not in ('1', '2', '20')");
            s.execute("drop index event_by_kind");
            s.execute("drop index rollout_by_update");
            s.execute("drop index rollout_by_problem");
            for (String column : List.of("problem_id", "start_kind", "update_number")) {
                s.execute("alter table rollout drop column " + column);
            }
            s.execute("drop table event_cursor");
            s.execute("drop table event_publisher");
            s.execute("drop table ledger_writer");
            s.execute("drop table run_lease");
        }
        try (LedgerStore ledger = open()) {
            Ledger.await(ledger.createRun("r", "file", 5));
            assertThat(ledger.run("r")).isPresent();
        }
    }

    /** Every column with its table and whether it may be absent. */
    static List<String> columns(LedgerDatabase database) throws Exception {
        List<String> out = new ArrayList<>();
        try (Connection c = database.source().getConnection();
                Statement s = c.createStatement();
                var rows = s.executeQuery("select lower(table_name), lower(column_name), is_nullable from"
                        + " information_schema.columns where lower(table_schema) = 'public' and lower(table_name) <>"
                        + " 'flyway_schema_history'")) {
            while (rows.next()) {
                out.add(rows.getString(1) + "." + rows.getString(2) + " " + rows.getString(3));
            }
        }
        return out.stream().sorted().toList();
    }
}
