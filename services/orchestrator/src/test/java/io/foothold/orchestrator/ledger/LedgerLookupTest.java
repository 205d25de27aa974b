package io.foothold.orchestrator.ledger;

import static org.assertj.core.api.Assertions.assertThat;

import io.foothold.orchestrator.TestDatabase;
import io.foothold.orchestrator.ledger.LedgerLookup.By;
import io.foothold.orchestrator.ledger.LedgerLookup.Place;
import java.sql.Connection;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import javax.sql.DataSource;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class LedgerLookupTest {
    private static final int MANY = 200_000;

    private final DataSource source = TestDatabase.inMemory();
    private final LedgerStore ledger = new LedgerStore(source, () -> Instant.EPOCH);
    private final LedgerLookup lookup = ledger.lookup();

    @BeforeEach
    void train() {
        Ledger.await(ledger.createRun("r", "file", 9));
        Ledger.await(ledger.createRun("other", "file", 9));
        LookedUp.trained(ledger, "r", 1, "p1", "root");
        LookedUp.trained(ledger, "r", 2, "p1", "guided");
        LookedUp.trained(ledger, "r", 3, "p2", "root");
        LookedUp.trained(ledger, "other", 1, "p1", "root");
        Ledger.await(ledger.reserve("r", new Ledger.Group("r/e", "evaluation", "p3", "root"), List.of("r/e/0")));
    }

    @AfterEach
    void close() {
        ledger.close();
    }

    private List<String> ids(Map<By, Object> wanted) {
        return lookup.rollouts("r", wanted, Place.FIRST, 50).stream()
                .map(LedgerLookup.Row::id)
                .toList();
    }

    @Test
    void pagesFollowEachOtherWithoutAGapOrADouble() {
        List<String> all = ids(Map.of());
        assertThat(all)
                .containsExactly(
                        "r/3/root/1",
                        "r/3/root/0",
                        "r/2/guided/1",
                        "r/2/guided/0",
                        "r/1/root/1",
                        "r/1/root/0",
                        "r/e/0");
        List<String> paged = new ArrayList<>();
        Place place = Place.FIRST;
        for (List<LedgerLookup.Row> page = lookup.rollouts("r", Map.of(), place, 3);
                !page.isEmpty();
                page = lookup.rollouts("r", Map.of(), place, 3)) {
            page.forEach(row -> paged.add(row.id()));
            place = new Place(page.getLast().update(), page.getLast().id());
        }
        assertThat(paged).isEqualTo(all);
    }

    @Test
    void allThatIsAskedForMustHold() {
        assertThat(ids(Map.of(By.PROBLEM, "p1", By.VERDICT, "PASS"))).containsExactly("r/2/guided/0", "r/1/root/0");
        assertThat(ids(Map.of(By.START, "guided", By.LEAST_TOKENS, 20))).containsExactly("r/2/guided/1");
        assertThat(ids(Map.of(By.UPDATE, 3, By.MOST_REWARD, 0.5))).containsExactly("r/3/root/1");
        assertThat(ids(Map.of(By.PURPOSE, "evaluation", By.STATE, "RESERVED"))).containsExactly("r/e/0");
        assertThat(ids(Map.of(By.PROBLEM, "' or 1=1"))).isEmpty();
    }

    @Test
    void aGroupIsFoundByItsIdAndNoOtherOfALikeName() {
        Ledger.await(
                ledger.reserve("r", new Ledger.Group("r/1/rooted", "train", "p", "root"), List.of("r/1/rooted/0")));
        assertThat(lookup.group("r/1/root"))
                .extracting(LedgerLookup.Row::id)
                .containsExactly("r/1/root/0", "r/1/root/1");
    }

    @Test
    void problemsAreSolvedByUpdateAndStart() {
        assertThat(lookup.solved("r"))
                .containsExactly(
                        new LedgerLookup.Solved("p1", "root", 1, 2, 1),
                        new LedgerLookup.Solved("p1", "guided", 2, 2, 1),
                        new LedgerLookup.Solved("p2", "root", 3, 2, 1));
    }

    @Test
    void twoHundredThousandRolloutsDoNotSlowAPage() throws Exception {
        try (Connection c = source.getConnection();
                Statement s = c.createStatement()) {
            s.execute("insert into rollout (id, run_id, group_id, purpose, state, reason, verdict, reward, tokens,"
                    + " problem_id, start_kind, update_number) select 'm/' || x, 'm', 'm/g' || (x / 8), 'train', 'TRAINED',"
                    + " '', case when mod(x, 1000) = 0 then 'PASS' else 'FAIL' end, 0, mod(x, 512), 'p' || mod(x, 500),"
                    + " 'root', 1 + x / 512 from system_range(1, " + MANY + ")");
        }
        long slowest = 0;
        Place place = Place.FIRST;
        for (Map<By, Object> wanted : List.<Map<By, Object>>of(
                Map.of(), Map.of(By.PROBLEM, "p77"), Map.of(By.VERDICT, "PASS"), Map.of(By.UPDATE, 100))) {
            for (Place at : List.of(place, new Place(200, "m/1"))) {
                long from = System.nanoTime();
                List<LedgerLookup.Row> page = lookup.rollouts("m", wanted, at, 50);
                long millis = Duration.ofNanos(System.nanoTime() - from).toMillis();
                slowest = Math.max(slowest, millis);
                System.out.println("ledger: a page of " + page.size() + " of " + MANY + " rollouts by " + wanted
                        + " took " + millis + " ms");
            }
        }
        long from = System.nanoTime();
        assertThat(lookup.counts("m")).hasSize(1);
        System.out.println("ledger: the counts took "
                + Duration.ofNanos(System.nanoTime() - from).toMillis() + " ms");
        assertThat(slowest).isLessThan(1000);
    }
}
