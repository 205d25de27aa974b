package io.foothold.contracts.simulation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.flow.CreditedService;
import io.foothold.contracts.flow.CreditedStream;
import io.foothold.contracts.flow.StreamLimits;
import io.foothold.contracts.flow.StreamShape;
import io.foothold.v1.Credit;
import io.smallrye.mutiny.Multi;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Both sides of a credited stream in simulated time, with a network that delays, breaks and stalls and one to four replicas of a service
 * that come and go, die, answer late, twice or not at all. {@code -Dfoothold.simulation.seeds=N} runs so many seeds, {@code -Dfoothold.simulation.seed=S} one.
 */
@Timeout(300)
class CreditedStreamSimulationTest {
    private static final Duration SLOWEST = Duration.ofMillis(40);
    private static final Duration LONGEST_WORK = Duration.ofMillis(400);
    private static final Duration DEADLINE = Duration.ofSeconds(20);
    /** How long things go wrong. */
    private static final Duration TROUBLED = Duration.ofSeconds(30);
    /** Until the whole protocol is in order again when nothing goes wrong any more. */
    private static final Duration HEALED = Duration.ofSeconds(5);

    private static final StreamShape<String, String> CALLER = StreamShape.of(
            credit -> "credit " + credit.getItems(),
            response -> Credit.newBuilder().setItems(credit(response)).build(),
            response -> response.split(" ")[0],
            (work, missing) -> String.join(",", missing));

    private static final CreditedService.Shape<String, String> SERVICE = CreditedService.Shape.of(
            message -> Credit.newBuilder().setItems(credit(message)).build(),
            credit -> "credit " + credit.getItems(),
            (work, failure) ->
                    List.of(work.split(",")).stream().map(k -> k + " failed").toList());

    private static int credit(String message) {
        return message.startsWith("credit ") ? Integer.parseInt(message.substring("credit ".length())) : 0;
    }

    /** Thousands of streams that break would say so. */
    private final List<Logger> silenced = List.of(
            Logger.getLogger(CreditedStream.class.getName()), Logger.getLogger(CreditedService.class.getName()));

    @BeforeEach
    void silence() {
        silenced.forEach(logger -> logger.setLevel(Level.OFF));
    }

    @AfterEach
    void speak() {
        silenced.forEach(logger -> logger.setLevel(null));
    }

    @Test
    void whateverTheNetworkAndTheServiceDoEveryPieceOfWorkEndsOnceAndNoCreditIsLost() {
        Long one = Long.getLong("foothold.simulation.seed");
        if (one != null) {
            new World(one).live();
            return;
        }
        int seeds = Integer.getInteger("foothold.simulation.seeds", 2000);
        Map<String, Integer> met = new HashMap<>();
        for (long seed = 0; seed < seeds; seed++) {
            World world = new World(seed);
            try {
                world.live();
            } catch (Throwable t) {
                throw new AssertionError("seed " + seed + " (alone: -Dfoothold.simulation.seed=" + seed + ")", t);
            }
            world.met.forEach((what, count) -> met.merge(what, count, Integer::sum));
        }
        // A simulation in which nothing goes wrong proves nothing.
        assertThat(met)
                .containsKeys(
                        "answered",
                        "too late",
                        "away too long",
                        "given up",
                        "sent again",
                        "sent again without what was answered",
                        "answered twice",
                        "handler threw",
                        "sent to another replica",
                        "replica left",
                        "nobody was left",
                        "submit had to wait");
    }

    /** What became of one piece of work. */
    private static final class Work {
        final Set<String> keys;
        final Map<String, Integer> results = new HashMap<>();
        final long begun;
        int ends;
        long endedAt;
        boolean cancelled;

        @Nullable
        Throwable failure;

        @Nullable
        CompletableFuture<Map<String, String>> future;

        Work(Set<String> keys, long begun) {
            this.keys = keys;
            this.begun = begun;
        }
    }

    private static final class WouldWait extends RuntimeException {
        @Override
        public synchronized Throwable fillInStackTrace() {
            return this;
        }
    }

    /** What the service's side of one connection has granted and used. */
    private static final class Account {
        long grantedByCaller;
        long resultsSent;
        long grantedByService;
        long workReceived;
    }

    private static final class World {
        final Map<String, Integer> met = new HashMap<>();
        private final SplittableRandom random;
        private final SimulatedTime time;
        private final List<Replica> replicas = new ArrayList<>();
        private final CreditedStream<String, String> stream;
        private final StreamLimits limits;
        private final List<Work> all = new ArrayList<>();
        private final Map<String, Integer> sends = new HashMap<>();
        private final Map<String, Replica> lastSent = new HashMap<>();
        private boolean trouble = true;
        private int nextKey;
        private @Nullable AssertionError violation;

        World(long seed) {
            random = new SplittableRandom(seed);
            time = new SimulatedTime(random);
            int count = 1 + random.nextInt(4);
            for (int i = 0; i < count; i++) {
                replicas.add(new Replica("replica-" + i));
            }
            limits = new StreamLimits(
                    1 + random.nextInt(8),
                    1 + random.nextInt(6),
                    DEADLINE,
                    Duration.ofMillis(20),
                    Duration.ofMillis(500),
                    Duration.ofSeconds(4),
                    Duration.ofSeconds(3));
            stream = new CreditedStream<>("peer", CALLER, limits, time.timer());
            list();
        }

        private void meet(String what) {
            met.merge(what, 1, Integer::sum);
        }

        /** Tells the stream who is there. */
        private void list() {
            Map<String, Function<Multi<String>, Multi<String>>> calls = new LinkedHashMap<>();
            replicas.stream().filter(r -> r.listed).forEach(r -> calls.put(r.name, r.network::call));
            if (calls.isEmpty()) {
                meet("nobody was left");
            }
            stream.replicas(calls);
        }

        void live() {
            replicas.forEach(Replica::up);
            int works = 10 + random.nextInt(30);
            for (int i = 0; i < works; i++) {
                time.after(time.upTo(TROUBLED), () -> begin(1 + random.nextInt(4)));
            }
            int faults = random.nextInt(8);
            for (int i = 0; i < faults; i++) {
                time.after(time.upTo(TROUBLED), this::fault);
            }
            time.run(TROUBLED, this::always);
            trouble = false;
            replicas.forEach(r -> {
                r.listed = true;
                r.up();
            });
            list();
            time.run(DEADLINE.plus(HEALED), this::always);
            for (Work work : all) {
                assertThat(work.ends).as("ends of %s", work.keys).isEqualTo(1);
            }
            healed();
            stream.close();
            assertThatThrownBy(() -> submit(new Work(Set.of("late"), time.now())))
                    .hasMessageContaining("is closed");
            time.run(HEALED, this::always);
        }

        /** As much as the service takes at once is answered at once: no credit was lost on the way. */
        private void healed() {
            List<Set<String>> failed = all.stream()
                    .filter(w -> w.failure != null || w.cancelled)
                    .map(w -> w.keys)
                    .toList();
            int before = all.size();
            // What ended without an answer may be asked for again: its keys are free.
            failed.forEach(this::begin);
            time.run(HEALED.plus(HEALED), this::always);
            // Whoever is listed has a stream from now on.
            begin(1);
            time.run(HEALED, this::always);
            replicas.forEach(r -> r.handled = 0);
            int burst = replicas.stream().mapToInt(r -> r.window).sum();
            for (int i = 0; i < burst; i++) {
                time.after(Duration.ofMillis(i), () -> begin(1));
            }
            time.run(HEALED.plus(HEALED), this::always);
            for (Work work : all.subList(before, all.size())) {
                assertThat(work.failure).as("after the faults: %s", work.keys).isNull();
                assertThat(work.ends).as("after the faults: %s", work.keys).isEqualTo(1);
            }
            for (Replica r : replicas) {
                assertThat(r.handled).as("work of %s", r.name).isPositive();
                assertThat(r.latest.grantedByService - r.latest.workReceived)
                        .as("credit that the caller has of %s with window %s and nothing to do", r.name, r.window)
                        .isGreaterThanOrEqualTo((r.window + 1) / 2);
            }
        }

        private void fault() {
            Replica one = replicas.get(random.nextInt(replicas.size()));
            switch (random.nextInt(6)) {
                case 0 -> one.network.breakOne();
                case 1 -> one.network.stallOne();
                case 2 -> one.down(Duration.ofMillis(random.nextInt(2000)));
                case 3 -> one.down(Duration.ofSeconds(random.nextInt(9)));
                case 4 -> one.leave(time.upTo(Duration.ofSeconds(6)));
                default -> one.up();
            }
        }

        private Runnable handle(Replica by, int mine, String work, CreditedService.Results<String> out) {
            List<String> keys = List.of(work.split(","));
            by.handled++;
            keys.forEach(key -> {
                if (sends.merge(key, 1, Integer::sum) > 1) {
                    meet("sent again");
                }
                Replica before = lastSent.put(key, by);
                if (before != null && before != by) {
                    meet("sent to another replica");
                }
            });
            if (trouble && random.nextInt(60) == 0) {
                meet("handler threw");
                throw new FootholdException(ErrorCode.STORAGE, "by chance");
            }
            boolean forgets = trouble && random.nextInt(80) == 0;
            Duration last = Duration.ZERO;
            for (String key : keys) {
                Duration when = time.upTo(LONGEST_WORK);
                last = when.compareTo(last) > 0 ? when : last;
                if (forgets) {
                    continue;
                }
                int times = trouble && random.nextInt(40) == 0 ? 2 : 1;
                time.after(when, () -> {
                    for (int i = 0; i < times && mine == by.incarnation; i++) {
                        out.emit(key + " done");
                    }
                });
                if (times == 2) {
                    meet("answered twice");
                }
            }
            if (!forgets) {
                time.after(last, () -> {
                    if (mine == by.incarnation) {
                        out.done();
                    }
                });
            }
            return () -> {};
        }

        private void begin(int keys) {
            Set<String> names = new LinkedHashSet<>();
            for (int i = 0; i < keys; i++) {
                names.add("k" + nextKey++);
            }
            Work work = begin(names);
            if (trouble && random.nextInt(10) == 0) {
                time.after(time.upTo(Duration.ofSeconds(2)), () -> giveUp(work));
            }
        }

        private Work begin(Set<String> names) {
            Work work = new Work(names, time.now());
            all.add(work);
            submit(work);
            return work;
        }

        private void submit(Work work) {
            try {
                CompletableFuture<Map<String, String>> future = stream.submit(
                        String.join(",", work.keys),
                        List.copyOf(work.keys),
                        result -> work.results.merge(result.split(" ")[0], 1, Integer::sum),
                        () -> {
                            throw new WouldWait();
                        });
                work.future = future;
                var unused = future.whenComplete((results, failure) -> {
                    try {
                        ended(work, results, failure);
                    } catch (AssertionError e) {
                        // Here nobody would hear of it.
                        violation = violation == null ? e : violation;
                    }
                });
            } catch (WouldWait e) {
                meet("submit had to wait");
                time.after(Duration.ofMillis(100), () -> submit(work));
            }
        }

        private void giveUp(Work work) {
            CompletableFuture<Map<String, String>> future = work.future;
            if (future != null && !future.isDone()) {
                work.cancelled = true;
                future.cancel(false);
                meet("given up");
            }
        }

        private void ended(Work work, @Nullable Map<String, String> results, @Nullable Throwable failure) {
            work.ends++;
            work.endedAt = time.now();
            if (results != null) {
                meet("answered");
                assertThat(results.keySet()).isEqualTo(work.keys);
                assertThat(work.results.keySet()).isEqualTo(work.keys);
            } else if (!work.cancelled) {
                work.failure = failure;
                FootholdException own = FootholdException.of(Objects.requireNonNull(failure));
                meet(own.code() == ErrorCode.DEADLINE ? "too late" : "away too long");
                // What nothing hindered any more was answered.
                assertThat(time.now())
                        .as("%s: %s", work.keys, own.text())
                        .isLessThan(TROUBLED.plus(HEALED).toNanos());
                assertThat(own.code())
                        .as("%s: %s", work.keys, own.text())
                        .isIn(ErrorCode.DEADLINE, ErrorCode.PEER_UNAVAILABLE);
                if (!work.results.isEmpty()) {
                    meet("answered in part before a failure");
                }
            }
        }

        private void always() {
            if (violation != null) {
                throw violation;
            }
            for (Work work : all) {
                assertThat(work.ends).isLessThanOrEqualTo(1);
                work.results.forEach((key, count) -> {
                    assertThat(count).as("results of %s", key).isEqualTo(1);
                });
            }
        }

        /** One replica of the service, behind a network of its own. */
        private final class Replica implements SimulatedNetwork.Watch<String, String> {
            final String name;
            final SimulatedNetwork<String, String> network = new SimulatedNetwork<>(time, random, SLOWEST, this);
            final int window = 1 + random.nextInt(6);
            private final Map<Object, Account> accounts = new HashMap<>();
            private Account latest = new Account();
            private boolean listed = true;
            private long leftAt;
            private int incarnation;
            private int handled;

            Replica(String name) {
                this.name = name;
            }

            /** Is not named for a while, and still answers what it has. */
            void leave(Duration span) {
                meet("replica left");
                listed = false;
                leftAt = time.now();
                list();
                time.after(span, () -> {
                    listed = true;
                    list();
                });
            }

            void down(Duration span) {
                network.serve(null);
                int mine = ++incarnation;
                time.after(span, () -> {
                    if (mine == incarnation) {
                        up();
                    }
                });
            }

            void up() {
                int mine = ++incarnation;
                network.serve(new CreditedService<>(
                        "test", SERVICE, window, (work, out) -> handle(this, mine, work, out))::serve);
            }

            @Override
            public void opened(Object connection) {
                latest = new Account();
                accounts.put(connection, latest);
            }

            @Override
            public void received(Object connection, String message) {
                Account account = Objects.requireNonNull(accounts.get(connection));
                int granted = credit(message);
                account.grantedByCaller += granted;
                if (granted == 0) {
                    account.workReceived++;
                    assertThat(listed || time.now() - leftAt <= SLOWEST.toNanos())
                            .as("%s is named, or left just now, when it gets %s", name, message)
                            .isTrue();
                    List<String> keys = List.of(message.split(","));
                    Work work = all.stream()
                            .filter(w -> w.keys.contains(keys.getFirst()))
                            .reduce((earlier, later) -> later)
                            .orElseThrow();
                    assertThat(work.keys).as("one piece of work").containsAll(keys);
                    if (work.ends > 0) {
                        assertThat(time.now() - work.endedAt)
                                .as("time since the end of %s, which is sent nevertheless", work.keys)
                                .isLessThanOrEqualTo(SLOWEST.toNanos());
                    }
                    if (keys.size() < work.keys.size()) {
                        meet("sent again without what was answered");
                    }
                }
                assertThat(account.workReceived)
                        .as("work received, with %s granted", account.grantedByService)
                        .isLessThanOrEqualTo(account.grantedByService);
            }

            @Override
            public void sent(Object connection, String message) {
                Account account = Objects.requireNonNull(accounts.get(connection));
                int granted = credit(message);
                account.grantedByService += granted;
                account.resultsSent += granted == 0 ? 1 : 0;
                assertThat(account.resultsSent)
                        .as("results sent, with %s granted", account.grantedByCaller)
                        .isLessThanOrEqualTo(account.grantedByCaller);
            }

            @Override
            public void ended(Object connection, @Nullable Throwable failure) {
                if (failure != null) {
                    assertThat(FootholdException.of(failure).code())
                            .as("how the service ended a stream")
                            .isEqualTo(ErrorCode.PEER_UNAVAILABLE);
                }
            }
        }
    }
}
