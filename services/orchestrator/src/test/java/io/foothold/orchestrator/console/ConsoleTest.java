package io.foothold.orchestrator.console;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.foothold.core.ledger.RolloutState;
import io.foothold.orchestrator.config.Runs;
import io.foothold.orchestrator.event.EventBus;
import io.foothold.orchestrator.ledger.Ledger;
import io.foothold.orchestrator.ledger.LookedUp;
import io.foothold.orchestrator.rest.RestTest;
import io.quarkus.test.common.http.TestHTTPResource;
import io.quarkus.test.junit.QuarkusTest;
import io.quarkus.test.junit.QuarkusTestProfile;
import io.quarkus.test.junit.TestProfile;
import jakarta.inject.Inject;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.zip.GZIPOutputStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.openqa.selenium.By;
import org.openqa.selenium.Keys;
import org.openqa.selenium.WebElement;

/** The console in Debian's Chromium, over runs that are written into the ledger. */
@QuarkusTest
@TestProfile(ConsoleTest.Alone.class)
class ConsoleTest {
    /** An orchestrator without services; runs that are created here fail, which nothing here looks at. */
    public static final class Alone implements QuarkusTestProfile {
        @Override
        public Map<String, String> getConfigOverrides() {
            Map<String, String> out = new TreeMap<>(new RestTest.WithoutPeers().getConfigOverrides());
            out.put("foothold.ledger.url", "jdbc:h2:mem:console;DB_CLOSE_DELAY=-1");
            out.put("foothold.orchestrator.home", "target/console-test/runs");
            return out;
        }
    }

    private static final int LARGEST_BUNDLE = 150 << 10;

    private static @Nullable Browser started;

    @Inject
    Runs runs;

    @Inject
    EventBus bus;

    @TestHTTPResource("/")
    URI root;

    private final HttpClient client =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    @BeforeEach
    void openLedger() {
        if (runs.manager().ledger().run("seen").isEmpty()) {
            WatchedRun seen = run("seen");
            seen.servers();
            for (int i = 0; i < 12; i++) {
                seen.update();
                if (i % 4 == 0) {
                    seen.evaluation("hard-test", 0.1 + i / 50.0);
                    seen.evaluation("medium-test", 0.2 + i / 50.0);
                }
            }
            seen.dropped(WatchedRun.HOSTILE);
            seen.tell(
                    "warning",
                    WatchedRun.object().put("update", 3).put("rule", "r").put("what", "w"));
            LookedUp.trained(runs.manager().ledger(), "seen", 1, "p1", "guided");
            LookedUp.trained(runs.manager().ledger(), "seen", 2, "p1", "root");
            completions(seen);
            seen.rollout("seen/1");
            seen.rollout("seen/2", RolloutState.SAMPLED, RolloutState.DROPPED);
            seen.rollout("seen/3", RolloutState.SAMPLED, RolloutState.VERIFIED);
        }
    }

    /** What the run wrote down of its second rollout. */
    private void completions(WatchedRun run) {
        ObjectNode said = WatchedRun.object();
        said.put("rollout", "seen/1/guided/1").put("prompt", "Asked. One thought. Two thoughts. Go on:");
        said.put("response", "given, " + WatchedRun.HOSTILE + " end")
                .put("rule", "exact")
                .put("score", 0);
        said.putArray("prefix").add("One thought.").add("Two thoughts.");
        said.put("finish", "stop").put("given_text_end", 7).put("seed", "seen/s");
        said.putArray("thought_ends").add(7);
        said.putArray("log_probs").add(-0.1).add(-3.5);
        said.putArray("policy_versions").addArray().add(4).add(2);
        ObjectNode reset = WatchedRun.object();
        reset.put("rollout", "seen/s").put("thought", 2).put("suffixes", 2).put("passes", 1);
        reset.putArray("thoughts").add("first thought").add(WatchedRun.HOSTILE);
        try {
            Path directory = runs.manager().homeOf(run.id).resolve("completions");
            Files.createDirectories(directory);
            Files.writeString(directory.resolve("update-000001.jsonl"), said + "\n");
            Files.writeString(directory.resolve("resets-000001.jsonl"), reset + "\n");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @AfterAll
    static void quit() {
        if (started != null) {
            started.close();
            started = null;
        }
    }

    private Browser browser() throws IOException {
        Browser there = started;
        if (there == null) {
            there = Browser.start();
            started = there;
        }
        there.forgetComplaints();
        there.look(1440, "light");
        return there;
    }

    private WatchedRun run(String id) {
        return new WatchedRun(runs.manager().ledger(), bus, id, RestTest.FILE, 40);
    }

    private String at(String page) {
        return root + "#" + page;
    }

    private HttpResponse<byte[]> get(String path) throws Exception {
        return client.send(HttpRequest.newBuilder(root.resolve(path)).build(), BodyHandlers.ofByteArray());
    }

    @Test
    void everyViewIsSoundInLightAndDarkOnPhoneAndDesk() throws Exception {
        Browser browser = browser();
        run("beside").update();
        Map<String, String[]> views = new TreeMap<>();
        views.put("runs", new String[] {"/", "td", "grpo-dial"});
        views.put("new", new String[] {"/new", "label", "Run file"});
        views.put("run", new String[] {"/runs/seen", ".u-legend", "reward_mean"});
        views.put("rollouts", new String[] {"/runs/seen/rollouts", "td", "guided"});
        views.put("rollout", new String[] {"/runs/seen/rollouts/seen%2F1%2Fguided%2F1", "#why", "less likely"});
        views.put("update", new String[] {"/runs/seen/updates/1", "td", "loss"});
        views.put("problems", new String[] {"/runs/seen/problems?problem=p1", ".u-legend", "unguided"});
        views.put("compare", new String[] {"/compare?runs=seen,beside", ".u-legend", "seen"});
        views.put("nowhere", new String[] {"/nowhere", "h1", "There is no such page"});
        for (Map.Entry<Integer, String> look :
                Map.of(375, "light", 1440, "dark").entrySet()) {
            browser.look(look.getKey(), look.getValue());
            for (Map.Entry<String, String[]> view : views.entrySet()) {
                browser.open(at(view.getValue()[0]));
                browser.await(view.getValue()[1], view.getValue()[2]);
                browser.assertSound(view.getKey() + "-" + look.getKey() + "-" + look.getValue());
            }
        }
    }

    @Test
    void aRunIsShownWithItsCurvesItsFunnelAndItsServers() throws Exception {
        Browser browser = browser();
        browser.open(at("/runs/seen"));
        browser.await(".figure h3", "pass@k of evaluations");
        browser.await(".figure h3", "Entropy");
        browser.await("td", "connection refused");
        browser.await("label[for=progress]", "of 40");
        browser.await(".bar", "dropped");
        assertThat(browser.find("#bar-verified").getDomProperty("value")).isEqualTo("1");
        browser.await("section td", WatchedRun.HOSTILE);
        assertThat(browser.driver.getTitle()).as("text of others is text").isEqualTo("Foothold · runs · seen");
        // A table stands behind each picture.
        browser.find(".figure summary").click();
        browser.await(".figure details td", "0.1");
        assertThat(browser.find(".figure .downloads").getText()).contains("CSV", "JSON");
        browser.assertQuiet("run");
    }

    @Test
    void aRolloutIsFoundAndSaysWhatItWasAndWhy() throws Exception {
        Browser browser = browser();
        browser.open(at("/runs/seen/rollouts"));
        browser.await("td", "seen/2/root/1");
        browser.find("#by-problem").sendKeys("p1");
        browser.find("#by-verdict").sendKeys("fail");
        browser.find("#by-start").sendKeys("guided");
        browser.find("[role=search] button").click();
        browser.await("caption", "1 rollouts");
        assertThat(browser.driver.getCurrentUrl()).contains("verdict=fail", "start=guided", "problem=p1");
        browser.await("td a", "seen/1/guided/1").click();
        browser.await("#why", "Its advantage is -0.5000");
        browser.await("#why", "Update 1 used it and made policy version 1");
        assertThat(browser.driver.findElements(By.cssSelector("#prompt mark")).stream()
                        .map(WebElement::getText)
                        .toList())
                .containsExactly("One thought.", "Two thoughts.");
        assertThat(browser.find("#response .own.thought").getText().strip()).isEqualTo("given,");
        assertThat(browser.find("#response .sampled").getText()).contains(WatchedRun.HOSTILE);
        assertThat(browser.driver.findElements(By.cssSelector("main img, main script")))
                .isEmpty();
        assertThat(browser.find(".cell:nth-child(2)").getDomAttribute("title"))
                .isEqualTo("token 2: log-prob -3.5, policy version 4, advantage -0.5");
        browser.await(".thoughts .named", "sampled again from here");
        browser.await("caption", "Group seen/1/guided");
        browser.await("td a", "seen/1/guided/0").click();
        browser.await("#why", "Its advantage is 0.5000");
        browser.assertQuiet("rollout");
        browser.open(at("/runs/seen/rollouts?most=2"));
        browser.await("#more", "Further").click();
        browser.await("td", "seen/1/guided/1");
        browser.open(at("/runs/seen/rollouts?verdikt=pass"));
        browser.await("[role=alert]", "'verdikt'");
        browser.forgetComplaints();
    }

    @Test
    void anEventIsSeenWithinASecond() throws Exception {
        Browser browser = browser();
        WatchedRun run = run("live");
        run.update();
        browser.open(at("/runs/live"));
        browser.await(".link", "live");
        browser.await(".u-legend", "reward_mean");
        for (int i = 0; i < 3; i++) {
            long told = System.nanoTime();
            run.dropped("told at " + told);
            browser.awaitAnywhere("told at " + told);
            long millis = Duration.ofNanos(System.nanoTime() - told).toMillis();
            System.out.println("console: an event was seen " + millis + " ms after it was told");
            assertThat(millis).isLessThan(1000);
        }
        browser.assertQuiet("live");
    }

    @Test
    void whatIsMissedWhileTheOrchestratorIsAwayIsFilledIn() throws Exception {
        Browser browser = browser();
        WatchedRun run = run("cut");
        run.update();
        try (Relay relay = new Relay(root.getPort())) {
            browser.open("http://127.0.0.1:" + relay.port() + "/#/runs/cut");
            browser.await(".link", "live");
            browser.await(".u-legend", "reward_mean");
            relay.cut();
            browser.await(".link", "does not answer");
            run.update();
            run.dropped("while nobody listened");
            run.update();
            relay.mend();
            browser.await(".link", "live");
            browser.await("td", "while nobody listened");
            browser.find(".figure summary").click();
            // Three updates, each once.
            browser.await(".figure details tbody tr:nth-child(3)", "3");
            assertThat(browser.driver.findElements(By.cssSelector(".figure:first-of-type details tbody tr")))
                    .hasSize(3);
        }
        // The browser told of the connections that broke, which was the point.
        browser.forgetComplaints();
    }

    @Test
    void aRunThatEndedAndIsResumedIsFollowedOn() throws Exception {
        Browser browser = browser();
        WatchedRun run = run("resumed");
        Ledger ledger = runs.manager().ledger();
        run.update();
        Ledger.await(ledger.setRunState("resumed", "stopped", "asked to"));
        browser.open(at("/runs/resumed"));
        browser.await(".link", "not under way");
        browser.await(".state", "stopped");
        assertThat(browser.driver
                        .findElements(By.xpath("//button[text()='Resume']"))
                        .getFirst()
                        .isDisplayed())
                .isTrue();
        Ledger.await(ledger.setRunState("resumed", "running", ""));
        run.dropped("told again");
        browser.await("td", "told again");
        browser.await(".link", "live");
        browser.await(".state", "running");
        // One that waits for its learner is stopped at once.
        Ledger.await(ledger.setRunState("resumed", "queued", "waits"));
        browser.driver
                .findElement(By.xpath("//button[text()='Stop after this update']"))
                .click();
        browser.await(".state", "stopped");
        browser.assertQuiet("resumed");
    }

    @Test
    void aWrongRunFileShowsItsLine() throws Exception {
        Browser browser = browser();
        browser.open(at("/new"));
        browser.find("#id").sendKeys("wrong");
        browser.find("#file").clear();
        browser.find("#file").sendKeys(RestTest.FILE + "staleness: -5\n");
        browser.find("form button").click();
        browser.await("[role=alert]", "Line 7: ");
        assertThat(browser.find("[role=alert]").getText()).contains("'staleness' must be");
        assertThat(browser.find(".gutter .wrong").getText().strip()).isEqualTo("7");
        assertThat(browser.driver.executeScript("const f = document.getElementById('file');"
                        + " return f.value.substring(f.selectionStart, f.selectionEnd)"))
                .isEqualTo("staleness: -5");
        assertThat(runs.manager().ledger().run("wrong")).isEmpty();
        browser.forgetComplaints();
        // Mended, it becomes a run, here one that fails for want of a learner.
        browser.find("#file").clear();
        browser.find("#file").sendKeys(RestTest.FILE);
        browser.find("form button").click();
        browser.await("h1", "wrong");
        browser.await(".state", "failed");
        browser.assertQuiet("created");
    }

    @Test
    void theKeyboardGoesEverywhere() throws Exception {
        Browser browser = browser();
        browser.open(at("/"));
        browser.await("td", "seen");
        browser.press(Keys.TAB);
        assertThat(browser.driver.switchTo().activeElement().getText()).isEqualTo("Skip to content");
        browser.tabTo("#run-seen");
        // The list is looked at again meanwhile, which must not take the focus away.
        run("between");
        browser.await("td", "between");
        assertThat(browser.driver.switchTo().activeElement().getText()).isEqualTo("seen");
        browser.press(Keys.ENTER);
        browser.await("h1", "seen");
        browser.await(".u-legend", "reward_mean");
        browser.tabTo("#axis");
        browser.press(Keys.ARROW_DOWN);
        browser.await(".u-legend", "sampled tokens");
        browser.tabTo(".figure summary");
        browser.press(Keys.ENTER);
        browser.await(".figure details td", "500");
        browser.assertQuiet("keyboard");
    }

    @Test
    void theFilesAreSmallAndSayWhatThePageMayDo() throws Exception {
        HttpResponse<byte[]> page = get("/");
        assertThat(page.statusCode()).isEqualTo(200);
        assertThat(page.headers().firstValue("Content-Security-Policy").orElse(""))
                .contains("default-src 'none'", "script-src 'self'");
        assertThat(page.headers().firstValue("X-Content-Type-Options")).contains("nosniff");
        ByteArrayOutputStream packed = new ByteArrayOutputStream();
        try (GZIPOutputStream out = new GZIPOutputStream(packed)) {
            for (String file : List.of("/", "/console/console.js", "/console/console.css", "/console/icon.svg")) {
                HttpResponse<byte[]> response = get(file);
                assertThat(response.statusCode()).as(file).isEqualTo(200);
                out.write(response.body());
            }
        }
        System.out.println("console: its files are " + packed.size() + " bytes gzipped");
        assertThat(packed.size()).isLessThan(LARGEST_BUNDLE);
    }

    @Test
    void aPageOfAnotherSiteMayNotChangeRuns() throws Exception {
        WatchedRun run = run("guarded");
        Ledger.await(runs.manager().ledger().setRunState(run.id, "queued", "waits"));
        for (String site : new String[] {"cross-site", "same-site", "same-origin"}) {
            HttpResponse<byte[]> response = client.send(
                    HttpRequest.newBuilder(root.resolve("/api/runs/" + run.id + "/stop"))
                            .header("Sec-Fetch-Site", site)
                            .POST(HttpRequest.BodyPublishers.noBody())
                            .build(),
                    BodyHandlers.ofByteArray());
            assertThat(response.statusCode()).as(site).isEqualTo(site.equals("same-origin") ? 200 : 403);
        }
    }
}
