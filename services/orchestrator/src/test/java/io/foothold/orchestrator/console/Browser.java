package io.foothold.orchestrator.console;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.logging.Level;
import org.openqa.selenium.By;
import org.openqa.selenium.Keys;
import org.openqa.selenium.NoSuchElementException;
import org.openqa.selenium.OutputType;
import org.openqa.selenium.StaleElementReferenceException;
import org.openqa.selenium.WebElement;
import org.openqa.selenium.chrome.ChromeDriver;
import org.openqa.selenium.chrome.ChromeDriverService;
import org.openqa.selenium.chrome.ChromeOptions;
import org.openqa.selenium.interactions.Actions;
import org.openqa.selenium.logging.LogType;
import org.openqa.selenium.logging.LoggingPreferences;

/** Debian's Chromium without a screen. */
public final class Browser implements AutoCloseable {
    private static final Path CHROMIUM = Path.of("/usr/bin/chromium");
    private static final Path DRIVER = Path.of("/usr/bin/chromedriver");
    private static final Path PICTURES = Path.of("target", "console");
    private static final Duration LIMIT = Duration.ofSeconds(20);
    private static final Duration LOOK = Duration.ofMillis(20);

    /** What axe takes for something that keeps people out. */
    private static final List<String> GRAVE = List.of("serious", "critical");

    final ChromeDriver driver;
    private final String axe;

    private Browser(ChromeDriver driver, String axe) {
        this.driver = driver;
        this.axe = axe;
    }

    /** Starts one; the test is skipped, and says so, where none is installed. */
    public static Browser start() throws IOException {
        boolean there = Files.isExecutable(CHROMIUM) && Files.isExecutable(DRIVER);
        if (!there) {
            System.out.println("NOT RUN: the console's tests, as there is no " + CHROMIUM + " or no " + DRIVER
                    + " (Debian: apt-get install chromium chromium-driver)");
        }
        assumeTrue(there, "no Chromium");
        ChromeOptions options = new ChromeOptions();
        options.setBinary(CHROMIUM.toFile());
        options.addArguments(
                "--headless=new",
                "--no-sandbox",
                "--disable-dev-shm-usage",
                "--disable-gpu",
                "--disable-background-networking",
                "--no-first-run",
                // It works offline: a name that is not this machine's has no address.
                "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost");
        LoggingPreferences logging = new LoggingPreferences();
        logging.enable(LogType.BROWSER, Level.ALL);
        options.setCapability("goog:loggingPrefs", logging);
        ChromeDriverService service = new ChromeDriverService.Builder()
                .usingDriverExecutable(DRIVER.toFile())
                .usingAnyFreePort()
                .build();
        Files.createDirectories(PICTURES);
        try (InputStream in =
                Browser.class.getResourceAsStream("/META-INF/resources/webjars/axe-core/4.6.3/axe.min.js")) {
            String text =
                    new String(java.util.Objects.requireNonNull(in, "axe-core").readAllBytes(), StandardCharsets.UTF_8);
            return new Browser(new ChromeDriver(service, options), text);
        }
    }

    /** Sets the window and what the person prefers. */
    void look(int width, String scheme) {
        driver.executeCdpCommand(
                "Emulation.setDeviceMetricsOverride",
                Map.of("width", width, "height", 900, "deviceScaleFactor", 1, "mobile", false));
        driver.executeCdpCommand(
                "Emulation.setEmulatedMedia",
                Map.of("features", List.of(Map.of("name", "prefers-color-scheme", "value", scheme))));
    }

    /** Opens a page of the console as if it were new. */
    public void open(String address) {
        driver.get("about:blank");
        driver.get(address);
    }

    /** Waits for an element that has this text in it. */
    public WebElement await(String selector, String text) {
        long end = System.nanoTime() + LIMIT.toNanos();
        String seen = "nothing";
        while (System.nanoTime() < end) {
            try {
                for (WebElement e : driver.findElements(By.cssSelector(selector))) {
                    seen = String.valueOf(e.getText());
                    if (seen.contains(text)) {
                        return e;
                    }
                }
                Thread.sleep(LOOK);
            } catch (NoSuchElementException | StaleElementReferenceException e) {
                // It was made again while we looked.
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                break;
            }
        }
        return fail("no " + selector + " with '" + text + "' within " + LIMIT.toSeconds() + " s; the last has '" + seen
                + "'; the page: " + driver.findElement(By.tagName("body")).getText());
    }

    /** Waits for a text, with one question a look: each cell that is asked for its own costs milliseconds. */
    void awaitAnywhere(String text) throws InterruptedException {
        long end = System.nanoTime() + LIMIT.toNanos();
        while (!Boolean.TRUE.equals(driver.executeScript(
                "return document.querySelector('main').textContent.includes(arguments[0])", text))) {
            assertThat(System.nanoTime()).as("'%s' is not seen", text).isLessThan(end);
            Thread.sleep(LOOK);
        }
    }

    public WebElement find(String selector) {
        return driver.findElement(By.cssSelector(selector));
    }

    void press(CharSequence... keys) {
        new Actions(driver).sendKeys(keys).perform();
    }

    /** Goes on with the tabulator until an element has the focus. */
    void tabTo(String selector) {
        for (int i = 0; i < 60; i++) {
            if (Boolean.TRUE.equals(
                    driver.executeScript("return document.activeElement.matches(arguments[0])", selector))) {
                return;
            }
            press(Keys.TAB);
        }
        fail("the tabulator does not reach " + selector);
    }

    /** Nothing was complained of, nothing is wider than the window, and nothing keeps people out. */
    void assertSound(String what) throws IOException {
        Files.write(PICTURES.resolve(what + ".png"), driver.getScreenshotAs(OutputType.BYTES));
        assertQuiet(what);
        assertThat((Boolean) driver.executeScript(
                        "return document.documentElement.scrollWidth <= document.documentElement.clientWidth"))
                .as("%s fits its window", what)
                .isTrue();
        driver.executeScript(axe);
        List<String> findings = new ArrayList<>();
        Object found = driver.executeAsyncScript(
                "const done = arguments[arguments.length - 1]; axe.run().then(r => done(r.violations.map(v =>"
                        + " ({impact: v.impact, what: v.id + ': ' + v.nodes.map(n => n.html).slice(0, 3).join(' ')}))),"
                        + " e => done([{impact: 'critical', what: String(e)}]))");
        for (Object violation : (List<?>) found) {
            Map<?, ?> v = (Map<?, ?>) violation;
            if (GRAVE.contains(String.valueOf(v.get("impact")))) {
                findings.add(v.get("impact") + " " + v.get("what"));
            }
        }
        assertThat(findings).as(what).isEmpty();
    }

    /** The browser's own console has no error since it was last asked. */
    void assertQuiet(String what) {
        assertThat(driver.manage().logs().get(LogType.BROWSER).getAll().stream()
                        .filter(e -> e.getLevel().intValue() >= Level.SEVERE.intValue())
                        .map(e -> e.getMessage())
                        .toList())
                .as(what)
                .isEmpty();
    }

    /** Forgets what the browser's console has: an error that the test made itself. */
    void forgetComplaints() {
        var unused = driver.manage().logs().get(LogType.BROWSER);
    }

    @Override
    public void close() {
        driver.quit();
    }
}
