package io.foothold.verifier.function;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.foothold.contracts.error.FootholdException;
import io.foothold.core.verdict.Verdict;
import io.foothold.core.verdict.Verdict.Kind;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Functions of users, right and wrong; runs where bubblewrap is. */
class RewardFunctionsTest {
    private static final RewardFunctions FUNCTIONS =
            new RewardFunctions(new RewardFunctions.Setup(true, "bwrap", "python3", 2, 1 << 20));

    private static final String EXACT = "def score(problem, response):\n    return response == problem['answer']\n";

    @BeforeAll
    static void sandboxed() {
        String refusal = Interpreter.find("bwrap", "python3").refusal();
        assumeTrue(refusal.isEmpty(), () -> "NOT RUN: " + refusal);
    }

    @AfterAll
    static void stop() {
        FUNCTIONS.close();
    }

    private static RewardFunction function(String source) {
        return function(source, new RewardFunction.Limits(false, 2, 256L << 20), 1);
    }

    private static RewardFunction function(String source, RewardFunction.Limits limits, double passScore) {
        return RewardFunction.of("rewards.py", "score", source, limits, passScore);
    }

    private static List<Verdict> judge(RewardFunction function, List<String> responses) {
        List<CompletableFuture<Verdict>> ends = new ArrayList<>();
        for (String response : responses) {
            CompletableFuture<Verdict> end = new CompletableFuture<>();
            var unused = FUNCTIONS.judge(
                    function, new FunctionCall(Map.of("answer", "7", "kind", "exact"), response, end::complete, false));
            ends.add(end);
        }
        return ends.stream()
                .map(end -> end.orTimeout(60, TimeUnit.SECONDS).join())
                .toList();
    }

    private static List<Kind> kinds(List<Verdict> verdicts) {
        return verdicts.stream().map(Verdict::kind).toList();
    }

    private static Verdict judge(String body) {
        return judge(function("def score(problem, response):\n    " + body + "\n"), List.of("r"))
                .getFirst();
    }

    @ParameterizedTest
    @CsvSource({
        "return True, PASS, 1",
        "return False, FAIL, 0",
        "return 1, PASS, 1",
        "return 0.25, FAIL, 0.25",
        "return 1.0, PASS, 1",
        "return None, ABSTAIN, 0",
        "print('noise'); return 1, PASS, 1",
        "import os; os.write(1; b'x'); return 1, PASS, 1"
    })
    void whatItReturnsIsTheVerdict(String body, Kind kind, double score) {
        Verdict verdict = judge(body.replace("(1; b", "(1, b"));
        assertThat(verdict.kind()).as(verdict.rule()).isEqualTo(kind);
        assertThat(verdict.score()).isEqualTo(score);
        assertThat(verdict.rule()).isEqualTo("rewards.py:score");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "return float('nan') | score returned nan (float): expected a number in [0, 1], a bool, or None",
                "return float('inf') | score returned inf (float)",
                "return -0.5 | score returned -0.5 (float)",
                "return 2 | score returned 2 (int)",
                "return '1' | score returned '1' (str)",
                "return [1] | score returned [1] (list)",
                "return 1 / 0 | line 2, in score",
                "return 1 / 0 | ZeroDivisionError: division by zero",
                "raise SystemExit(3) | SystemExit: 3",
                "return input() | EOFError",
            })
    void whatIsNoScoreIsAnErrorAndNeverAZero(String body, String why) {
        Verdict verdict = judge(body);
        assertThat(verdict.kind()).isEqualTo(Kind.VERIFIER_ERROR);
        assertThat(verdict.rule()).startsWith("rewards.py:score: ").contains(why);
    }

    @Test
    void aScoreIsEnoughWhereTheRunFileSaysSo() {
        RewardFunction half = function(
                "def score(problem, response):\n    return float(response)\n",
                new RewardFunction.Limits(false, 1, 256L << 20),
                0.5);
        assertThat(kinds(judge(half, List.of("0.4", "0.5", "1")))).containsExactly(Kind.FAIL, Kind.PASS, Kind.PASS);
    }

    /** A call that ends its process costs the batch nothing but itself. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "all(True for _ in iter(int, 1)) | TIMEOUT | no answer in 2 s (python_seconds)",
                "os._exit(0) | VERIFIER_ERROR | its process ended by itself",
                "os.kill(os.getpid(), 9) | VERIFIER_ERROR | its process ended by itself",
                "print('x' * 1000000000) | VERIFIER_ERROR | MemoryError",
                "[print('x' * 1000000) for i in range(1000)] | VERIFIER_ERROR | printed more than 1024 KiB in a call",
                "[os.write(1, b'x' * 1000000) for i in range(1000)] | VERIFIER_ERROR | printed more than 1024 KiB in a call",
                "os.close(3) or os.close(4) or os.close(5) | VERIFIER_ERROR | score",
            })
    void aProcessThatIsLostIsReplaced(String body, Kind kind, String why) {
        RewardFunction function =
                function("import os, time\n\ndef score(problem, response):\n    if response == 'bad': " + body
                        + "\n    return response == problem['answer']\n");
        List<String> responses = List.of("7", "8", "bad", "7", "8", "7", "bad", "7");
        List<Verdict> verdicts = judge(function, responses);
        for (int i = 0; i < responses.size(); i++) {
            Verdict verdict = verdicts.get(i);
            switch (responses.get(i)) {
                case "7" -> assertThat(verdict.kind()).as(verdict.rule()).isEqualTo(Kind.PASS);
                case "8" -> assertThat(verdict.kind()).as(verdict.rule()).isEqualTo(Kind.FAIL);
                default -> {
                    assertThat(verdict.kind()).as(verdict.rule()).isEqualTo(kind);
                    assertThat(verdict.rule()).contains(why);
                }
            }
        }
    }

    @Test
    void memoryBeyondItsLimitIsAnError() {
        RewardFunction hoarding = function(
                "import time\n\ndef score(problem, response):\n    hoard = b'x' * 120000000\n    time.sleep(20)\n",
                new RewardFunction.Limits(false, 20, 96L << 20),
                1);
        Verdict verdict = judge(hoarding, List.of("r")).getFirst();
        assertThat(verdict.kind()).as(verdict.rule()).isEqualTo(Kind.VERIFIER_ERROR);
        assertThat(verdict.rule()).contains("more than 96 MiB of memory (python_memory_mb)");
    }

    @Test
    void thousandsAreJudgedInTheirOwnNames() {
        List<String> responses = new ArrayList<>();
        for (int i = 0; i < 3000; i++) {
            responses.add(i % 3 == 0 ? "7" : "é\n\"" + i);
        }
        List<Verdict> verdicts = judge(function(EXACT), responses);
        for (int i = 0; i < responses.size(); i++) {
            assertThat(verdicts.get(i).kind()).isEqualTo(i % 3 == 0 ? Kind.PASS : Kind.FAIL);
        }
    }

    @Test
    void theNetworkIsThereOnlyWhenItWasAskedFor() throws IOException {
        try (ServerSocket server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
            String source = "import socket\ndef score(problem, response):\n    socket.create_connection(('127.0.0.1', "
                    + server.getLocalPort() + "), 1).close()\n    return 1\n";
            assertThat(judge(function(source), List.of("")).getFirst().rule()).contains("ConnectionRefusedError");
            RewardFunction open = function(source, new RewardFunction.Limits(true, 5, 256L << 20), 1);
            Verdict verdict = judge(open, List.of("")).getFirst();
            assertThat(verdict.kind()).as(verdict.rule()).isEqualTo(Kind.PASS);
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "import numpyy | line 1, in <module> | No module named 'numpyy'",
                "x = = 1 | File \"rewards.py\", line 1 | SyntaxError: invalid syntax",
                "def scores(problem, response): pass | has no function 'score' | did you mean 'scores'?",
                "def score(problem): pass | score(problem, response) | too many positional arguments",
                "import time; time.sleep(0); raise ValueError('no data') | line 1 | ValueError: no data",
                "import os; os._exit(1) | does not load | ended by itself",
            })
    void whatDoesNotLoadIsRefusedInPythonsWords(String source, String where, String why) {
        assertThatThrownBy(() -> FUNCTIONS.check(function(source)))
                .isInstanceOf(FootholdException.class)
                .hasMessageContainingAll("rewards.py", where, why);
    }

    @Test
    void whatIsNotTheFileOfItsDigestIsRefused() {
        RewardFunction forged = new RewardFunction(
                "rewards.py", "score", EXACT, "0".repeat(64), new RewardFunction.Limits(false, 1, 256L << 20), 1);
        assertThatThrownBy(() -> FUNCTIONS.check(forged)).hasMessageContaining("its text is not the one of its digest");
    }

    @Test
    void nothingIsRunWhereItIsNotAllowed() {
        try (RewardFunctions closed =
                new RewardFunctions(new RewardFunctions.Setup(false, "bwrap", "python3", 1, 1 << 20))) {
            assertThatThrownBy(() -> closed.check(function(EXACT)))
                    .hasMessageContainingAll("rewards.py:score is not run", "foothold.verifier.functions.allowed");
        }
    }

    @Test
    void anInterpreterThatIsNotThereIsNamed() {
        try (RewardFunctions none =
                new RewardFunctions(new RewardFunctions.Setup(true, "bwrap", "/nowhere/python", 1, 1 << 20))) {
            assertThatThrownBy(() -> none.check(function(EXACT)))
                    .hasMessageContainingAll("/nowhere/python", "foothold.verifier.python");
        }
    }
}
