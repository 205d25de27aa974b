package io.foothold.verifier.chat;

import io.foothold.contracts.digest.TextDigest;
import io.foothold.contracts.error.Excerpt;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.prompt.Placeholders;
import io.foothold.core.verdict.Verdict;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import org.jspecify.annotations.Nullable;

/**
 * Models that judge responses. Only addresses that whoever runs the verifier has named are called, no redirect is followed, and the key is
 * shown to named ones alone. Thread-safe.
 */
public final class ChatJudges implements AutoCloseable {
    /** The setting that names them. */
    public static final String KEY = "foothold.verifier.judge.urls";

    private static final String ANY = "*";

    /** Most characters of an answer that are looked at and kept. */
    private static final int LONGEST_ANSWER = 100_000;

    /**
     * How they are called.
     *
     * @param urls base URLs that run files may name; {@code *} for any
     * @param apiKey bearer token for those that are named; empty for none
     * @param parallel calls at the same time
     * @param cached answers that are kept
     */
    public record Setup(List<String> urls, Optional<String> apiKey, int parallel, int cached) {
        /** Copies; a slash at the end means nothing. */
        public Setup {
            urls = urls.stream()
                    .map(u -> u.endsWith("/") ? u.substring(0, u.length() - 1) : u)
                    .toList();
        }

        /** For whoever writes the run files himself: any address, without a key. */
        public static Setup any() {
            return new Setup(List.of(ANY), Optional.empty(), 16, 10_000);
        }

        /** None. */
        public static Setup none() {
            return new Setup(List.of(), Optional.empty(), 1, 1);
        }

        @Override
        public String toString() {
            return "judges " + urls + (apiKey.isPresent() ? " with a key" : "");
        }
    }

    /**
     * What a judge is to look at.
     *
     * @param problem its statement
     * @param answer the gold answer
     * @param response the response
     */
    public record Case(String problem, String answer, String response) {}

    private final Setup setup;
    private final ChatCalls calls = new ChatCalls();
    private final Semaphore places;
    private final Map<String, Pace> paces = new ConcurrentHashMap<>();
    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
    /** Answers by the digest of what was asked of whom, the one that was not asked for longest first. */
    private final Map<String, String> answers;

    /** Nothing is called before the first response. */
    public ChatJudges(Setup setup) {
        this.setup = setup;
        this.places = new Semaphore(setup.parallel());
        this.answers = new LinkedHashMap<>(16, 0.75f, true) {
            @Override
            protected boolean removeEldestEntry(Map.Entry<String, String> eldest) {
                return size() > setup.cached();
            }
        };
    }

    /**
     * Looks whether a judge may be asked here.
     *
     * @throws FootholdException INVALID_INPUT when not
     */
    public void check(ChatJudge judge) {
        boolean named = setup.urls().contains(judge.url());
        if (!named && !setup.urls().contains(ANY)) {
            throw ChatJudge.invalid(judge + " is not asked: its URL is none of those that this verifier may call ("
                    + (setup.urls().isEmpty() ? "there are none" : String.join(", ", setup.urls()))
                    + "); whoever runs it adds it to " + KEY);
        }
        if (key(judge).isPresent()
                && "http".equalsIgnoreCase(judge.endpoint().getScheme())
                && !loopback(judge.endpoint().getHost())) {
            throw ChatJudge.invalid(judge + " is not asked: the key would travel without TLS; use https");
        }
    }

    private static boolean loopback(String host) {
        try {
            return InetAddress.getByName(host).isLoopbackAddress();
        } catch (UnknownHostException e) {
            return false;
        }
    }

    /**
     * Has a response judged on a thread of its own.
     *
     * @param told of the verdict, once, unless it is taken back
     * @return takes it back
     * @throws FootholdException INVALID_INPUT when this judge may not be asked here
     */
    public Runnable judge(ChatJudge judge, Case what, Consumer<Verdict> told) {
        check(judge);
        Future<?> under = threads.submit(() -> {
            Verdict verdict;
            try {
                verdict = verdict(judge, what);
            } catch (InterruptedException e) {
                return;
            } catch (Throwable e) {
                // Whatever it is: who asked waits for a verdict.
                verdict = Verdict.verifierError(judge + ": " + e.getClass().getSimpleName() + " " + e.getMessage());
            }
            told.accept(verdict);
        });
        return () -> under.cancel(true);
    }

    private Optional<String> key(ChatJudge judge) {
        return setup.urls().contains(judge.url()) ? setup.apiKey() : Optional.empty();
    }

    private Verdict verdict(ChatJudge judge, Case what) throws InterruptedException {
        String question = Placeholders.fill(
                judge.question().prompt(),
                Map.of("problem", what.problem(), "answer", what.answer(), "response", what.response()));
        String about = TextDigest.sha256(
                judge.url() + "\n" + judge.model() + "\n" + judge.calls().maxTokens() + "\n" + question);
        String known = remembered(about);
        if (known != null) {
            return read(judge, known);
        }
        ChatCalls.Answer answer;
        places.acquire();
        try {
            Pace pace = paces.computeIfAbsent(
                    judge.url() + " " + judge.model() + " " + judge.calls().perMinute(),
                    k -> new Pace(judge.calls().perMinute()));
            answer = calls.ask(judge, question, key(judge), pace);
        } finally {
            places.release();
        }
        return switch (answer) {
            case ChatCalls.Said said -> {
                String text =
                        said.text().length() > LONGEST_ANSWER ? said.text().substring(0, LONGEST_ANSWER) : said.text();
                Verdict verdict = read(judge, text);
                if (verdict.kind().judged()) {
                    remember(about, text);
                }
                yield verdict;
            }
            case ChatCalls.Failed failed ->
                failed.late() ? Verdict.timeout(failed.why()) : Verdict.verifierError(failed.why());
        };
    }

    private @Nullable String remembered(String about) {
        synchronized (answers) {
            return answers.get(about);
        }
    }

    private void remember(String about, String text) {
        synchronized (answers) {
            answers.put(about, text);
        }
    }

    /** The verdict that an answer holds. */
    private static Verdict read(ChatJudge judge, String answer) {
        String mark = null;
        try {
            Matcher matcher = judge.question().pattern().matcher(new TimedText(answer));
            while (matcher.find()) {
                mark = matcher.group(1);
            }
        } catch (TimedText.TooLong | StackOverflowError e) {
            return Verdict.verifierError(
                    judge + ": the pattern of its mark takes too long or too deep a stack on " + quoted(answer));
        }
        if (mark == null) {
            return Verdict.verifierError(judge + " gave no mark: " + quoted(answer));
        }
        double score;
        try {
            score = Double.parseDouble(mark.strip()) / judge.question().best();
        } catch (NumberFormatException e) {
            return Verdict.verifierError(judge + " gave a mark that is no number, '" + mark + "': " + quoted(answer));
        }
        if (!(score >= 0 && score <= 1)) {
            return Verdict.verifierError(judge + " gave the mark " + mark + " (expected 0 to "
                    + judge.question().best() + "): " + quoted(answer));
        }
        return new Verdict(
                score >= judge.question().passScore() ? Verdict.Kind.PASS : Verdict.Kind.FAIL,
                score,
                "",
                judge.toString());
    }

    private static String quoted(String answer) {
        return "'" + Excerpt.of(answer) + "'";
    }

    @Override
    public void close() {
        threads.shutdownNow();
        calls.close();
    }
}
