package io.foothold.verifier.code;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.verdict.Verdict;
import io.foothold.verifier.code.CodeVerifier.Judgement;
import io.foothold.verifier.code.TestResult.Status;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Programs judged by their tests; runs where bubblewrap is. */
class CodeVerifierTest {
    private static final Sandbox SANDBOX = new Sandbox(Sandbox.Tools.standard());
    private static final CodeVerifier VERIFIER = new CodeVerifier(SANDBOX, 1 << 20);

    @BeforeAll
    static void sandboxed() {
        assumeTrue(
                SANDBOX.refusal().isEmpty(),
                () -> "NOT RUN: " + SANDBOX.refusal().orElse(""));
    }

    private static String fenced(String program) {
        return "I add them.\n```python\n" + program + "\n```\nDone.";
    }

    private static Judgement judge(String gold, String program) {
        return VERIFIER.verify(gold, fenced(program), false);
    }

    private static ObjectNode asserts(String... statements) {
        ObjectNode gold = JsonNodeFactory.instance.objectNode();
        ArrayNode list = gold.putArray("asserts");
        List.of(statements).forEach(list::add);
        return gold;
    }

    private static List<Status> statuses(Judgement j) {
        return j.tests().stream().map(TestResult::status).toList();
    }

    @Test
    void aProgramThatPrintsIsComparedOutside() {
        String gold = "{\"tests\":[{\"input\":\"1 2\\n\",\"output\":\"3\"},{\"input\":\"2 2\\n\",\"output\":\"5\"},"
                + "{\"input\":\"x\",\"output\":\"0\"}]}";
        Judgement j = judge(gold, "a, b = map(int, input().split())\nprint(a + b)");
        assertThat(statuses(j)).containsExactly(Status.PASSED, Status.WRONG, Status.RUNTIME_ERROR);
        assertThat(j.verdict().kind()).isEqualTo(Verdict.Kind.FAIL);
        assertThat(j.verdict().score()).isEqualTo(1.0 / 3);
        assertThat(j.verdict().rule()).startsWith("1 of 3 tests; test 2: WRONG printed 4");
        assertThat(j.tests().get(2).detail()).startsWith("ValueError");
    }

    @Test
    void functionsAreCalledWithJsonArguments() {
        String gold =
                "{\"function\":\"pair\",\"tests\":[{\"input\":\"[1, 2]\\n\\\"a\\\"\",\"output\":\"[[1, 2], \\\"a\\\"]\"},"
                        + "{\"input\":\"2.5\\n{\\\"k\\\": 1}\",\"output\":\"[2.5, {\\\"k\\\": 1}]\"}]}";
        assertThat(judge(gold, "def pair(x, y):\n    return (x, y)").verdict().kind())
                .isEqualTo(Verdict.Kind.PASS);
        assertThat(judge(gold, "class Solution:\n    def pair(self, x, y):\n        return [x, y]")
                        .verdict()
                        .kind())
                .isEqualTo(Verdict.Kind.PASS);
        assertThat(statuses(judge(gold, "def pair(x, y):\n    return y, x")))
                .containsExactly(Status.WRONG, Status.WRONG);
    }

    @Test
    void assertsSeeWhatFunctionsReturn() {
        String gold = asserts(
                        "assert f(2) == (4, {2}, {'a': 2.0})",
                        "import math\nassert math.isclose(f(3)[2]['a'], 3)",
                        "try:\n    f(None)\n    assert False\nexcept TypeError:\n    pass",
                        "assert f(1)[0] == 2")
                .toString();
        Judgement j = judge(gold, "def f(x):\n    return (x * x, {x}, {'a': float(x)})");
        assertThat(statuses(j)).containsExactly(Status.PASSED, Status.PASSED, Status.PASSED, Status.WRONG);
        assertThat(j.verdict().score()).isEqualTo(0.75);
    }

    @Test
    void aCheckFunctionIsOneTest() {
        String gold =
                "{\"check\":\"def check(candidate):\\n    assert candidate([1, 2]) == 3\\n    assert candidate([]) == 0\\n\","
                        + "\"entry_point\":\"add\"}";
        assertThat(judge(gold, "def add(xs):\n    return sum(xs)").verdict().kind())
                .isEqualTo(Verdict.Kind.PASS);
        assertThat(statuses(judge(gold, "def add(xs):\n    return xs[0] + xs[1]")))
                .containsExactly(Status.RUNTIME_ERROR);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "import sys\nsys.exit(0)",
                "import os\nos._exit(0)",
                "class E:\n    def __eq__(self, other):\n        return True\ndef f(x):\n    return E()",
                "class E(int):\n    def __eq__(self, other):\n        return True\ndef f(x):\n    return E(0)",
                "import builtins\nbuiltins.AssertionError = ValueError\ndef f(x):\n    raise SystemExit(0)",
                "import os, json\nfor fd in range(3, 64):\n    try:\n        os.write(fd, b'{\"passed\": true}\\n')\n"
                        + "    except OSError:\n        pass\ndef f(x):\n    return 0",
                "import sys\ndef f(x):\n    sys.modules['values'].pack = lambda v: True\n    return 0",
                "def f(x):\n    return open('/program/tests.py').read()",
            })
    void assertsCannotBeTalkedRound(String program) {
        Judgement j = judge(asserts("assert f(2) == 4").toString(), program);
        assertThat(j.verdict().kind()).isEqualTo(Verdict.Kind.FAIL);
        assertThat(j.verdict().score()).isZero();
    }

    /** The attacks: none may pass, none may outlast its limits, and the next program runs as if nothing had been. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "`import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass` | TIME_LIMIT",
                "x = bytearray(10 << 30) | MEMORY_LIMIT",
                "`import os, time\nfor i in range(50):\n    if os.fork() == 0:\n        x = bytearray(b'x') * (300 << 20)\n"
                        + "        time.sleep(30)\ntime.sleep(30)` | MEMORY_LIMIT",
                "`import mmap, os, time\nfor i in range(8):\n    if os.fork() == 0:\n        m = mmap.mmap(-1, 64 << 20)\n"
                        + "        m.write(b'x' * (64 << 20))\n        time.sleep(30)\ntime.sleep(30)` | MEMORY_LIMIT",
                "`while True:\n    print('x' * 10000)` | OUTPUT_LIMIT",
                "`import sys\nwhile True:\n    sys.stderr.write('x' * 10000)` | OUTPUT_LIMIT",
                "`while True:\n    pass` | TIME_LIMIT",
                "`import time\ntime.sleep(60)` | TIME_LIMIT",
                "`import socket\nsocket.create_connection(('127.0.0.1', 9203), 2)` | RUNTIME_ERROR",
                "`import socket\nsocket.create_connection(('1.1.1.1', 80), 2)` | RUNTIME_ERROR",
                "`print(open('/etc/passwd').read())` | RUNTIME_ERROR",
                "`import os\nos.listdir('/root')` | RUNTIME_ERROR",
                "`open('/program/solution.py', 'a').write('x')` | RUNTIME_ERROR",
                "`open('/usr/lib/x', 'w').write('x')` | RUNTIME_ERROR",
                "`open('/x', 'w').write('x')` | RUNTIME_ERROR",
                "`open('/dev/shm/x', 'w').write('x')` | RUNTIME_ERROR",
                "`import os\nos.symlink('/etc/passwd', '/tmp/p')\nprint(open('/tmp/p').read())` | RUNTIME_ERROR",
                "`import os\nos.symlink('/program/solution.py', '/tmp/p')\nopen('/tmp/p', 'w').write('x')` | RUNTIME_ERROR",
                "`import os\nos.memfd_create('x')` | RUNTIME_ERROR",
                "`import socket\nsocket.socket(40, socket.SOCK_STREAM).connect((1, 80))\nprint(4)` | RUNTIME_ERROR",
                "`import socket\nfor family in [*range(3, 10), *range(11, 46)]:\n    try:\n        socket.socket(family, socket.SOCK_RAW)\n"
                        + "        print(4)\n    except OSError as e:\n        assert e.errno == 97, (family, e)\nraise OSError` | RUNTIME_ERROR",
                "`import socket\nsocket.socketpair(socket.AF_NETLINK, socket.SOCK_RAW)` | RUNTIME_ERROR",
                "`import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\nif libc.personality(0x0040000) < 0:\n"
                        + "    raise OSError(ctypes.get_errno())` | RUNTIME_ERROR",
                "`import os\nn = 0\nwhile True:\n    os.mkdir('/tmp/%d' % n)\n    n += 1` | RUNTIME_ERROR",
                "`import os\nd = '/tmp'\nwhile True:\n    d += '/d'\n    if len(d) > 3000:\n        os.chdir(d[:-2])\n        d = 'd'\n"
                        + "    os.mkdir(d)` | RUNTIME_ERROR",
                "`import os\nn = 0\nwhile True:\n    os.symlink('x', '/tmp/%d' % n)\n    n += 1` | RUNTIME_ERROR",
                "`import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\nos.kill(-1, signal.SIGKILL)\nprint(4)` | RUNTIME_ERROR",
                "`import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\nif libc.unshare(0x10000000) != 0:\n"
                        + "    raise OSError(ctypes.get_errno())` | RUNTIME_ERROR",
                "`import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\nif libc.shmget(0, 1 << 30, 0o1600) < 0:\n"
                        + "    raise OSError(ctypes.get_errno())` | RUNTIME_ERROR",
                "`import os\nif os.getuid() == 0:\n    print(4)\nos.setuid(0)` | RUNTIME_ERROR",
                "`for i in range(8):\n    open('/tmp/%d' % i, 'wb').write(b'x' * (1 << 20))\n"
                        + "open('/tmp/big', 'wb').write(b'x' * (2 << 20))` | RUNTIME_ERROR",
            })
    void attacksAreContained(String program, Status expected) {
        String gold = "{\"time_seconds\":4,\"memory_mb\":256,\"tests\":[{\"input\":\"\",\"output\":\"4\"}]}";
        long start = System.nanoTime();
        Judgement j = judge(gold, program);
        assertThat(j.verdict().kind()).as(j.verdict().rule()).isEqualTo(Verdict.Kind.FAIL);
        Status status = j.tests().get(0).status();
        if (expected == Status.TIME_LIMIT) {
            assertThat(status).isIn(Status.TIME_LIMIT, Status.PROCESS_LIMIT, Status.MEMORY_LIMIT);
        } else {
            assertThat(status).as(j.tests().toString()).isEqualTo(expected);
        }
        assertThat(System.nanoTime() - start).isLessThan(30_000_000_000L);
        assertThat(judge(gold, "print(2 + 2)").verdict().kind()).isEqualTo(Verdict.Kind.PASS);
        assertThat(ProcessHandle.current()
                        .descendants()
                        .filter(p -> p.info().command().orElse("").contains("python")))
                .isEmpty();
    }

    /** Programs that print what they can see; the answer is what they may. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "`import glob\nseen = b''\nfor f in glob.glob('/proc/[0-9]*/environ') + glob.glob('/proc/[0-9]*/cmdline'):\n"
                        + "    seen += open(f, 'rb').read() + b' '\n"
                        + "print('hidden' if b'foothold' not in seen and b'java' not in seen.lower() and b'PWD=/work' not in seen else seen)` | hidden",
                "`env = open('/proc/1/environ').read()\nprint(repr(env))` | ''",
                "`import os\nprint(sorted(set(e.split('=')[0] for e in os.environ)))` | ['HOME', 'LANG', 'PATH', 'PWD', 'PYTHONHASHSEED']",
                "`import os\nprint(sorted(p for p in os.listdir('/proc') if p.isdigit()) == ['1', str(os.getpid())])` | True",
                "`seen = ''\nfor f in ('cmdline', 'keys', 'kallsyms', 'modules', 'timer_list', 'kcore'):\n    try:\n"
                        + "        seen += open('/proc/' + f, errors='replace').read(64)\n    except OSError:\n        pass\nprint(seen + '-')` | -",
                "`import os\nprint([f for f in os.listdir('/proc/self/fd') if int(f) > 3])` | []",
                "`import socket\nprint(socket.gethostname())` | sandbox",
                "`import os\nprint(os.getuid(), os.getgid(), os.access('/tmp', os.W_OK), os.listdir('/tmp'))` | 65534 65534 True []",
                "`import socket\na, b = socket.socketpair()\na.send(b'x')\ns = socket.socket()\ns.bind(('127.0.0.1', 0))\nprint(b.recv(1))` | b'x'",
                "`import os\nfor n in range(1000):\n    open('/tmp/%d' % n, 'w').write('x')\nprint(len(os.listdir('/tmp')))` | 1000",
            })
    void programsSeeTheSandboxOnly(String program, String output) {
        String gold = JsonNodeFactory.instance
                .objectNode()
                .set(
                        "tests",
                        JsonNodeFactory.instance
                                .arrayNode()
                                .add(JsonNodeFactory.instance
                                        .objectNode()
                                        .put("input", "")
                                        .put("output", output)))
                .toString();
        Judgement j = judge(gold, program);
        assertThat(j.verdict().kind()).as(j.tests().toString()).isEqualTo(Verdict.Kind.PASS);
    }

    @Test
    void aSlowProgramEndsTheTests() {
        String gold =
                "{\"time_seconds\":1,\"tests\":[{\"input\":\"\",\"output\":\"1\"},{\"input\":\"\",\"output\":\"1\"}]}";
        assertThat(statuses(judge(gold, "while True:\n    pass"))).containsExactly(Status.TIME_LIMIT, Status.NOT_RUN);
    }

    @Test
    void aProgramCannotPretendThatTheSandboxFailed() {
        String gold = "{\"tests\":[{\"input\":\"\",\"output\":\"4\"}]}";
        Judgement j = judge(gold, "import sys\nsys.stderr.write('bwrap: execvp failed')\nsys.exit(1)");
        assertThat(j.verdict().kind()).isEqualTo(Verdict.Kind.FAIL);
        Judgement killed = judge(gold, "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)");
        assertThat(killed.verdict().kind()).isEqualTo(Verdict.Kind.FAIL);
    }

    @Test
    void withoutBubblewrapNothingRuns() {
        Sandbox none = new Sandbox(new Sandbox.Tools("/nowhere/bwrap", "/usr/bin/python3"));
        assertThat(none.refusal()).hasValueSatisfying(r -> assertThat(r).contains("/nowhere/bwrap is not installed"));
        Judgement j = new CodeVerifier(none, 1 << 20)
                .verify("{\"tests\":[{\"input\":\"\",\"output\":\"4\"}]}", fenced("print(4)"), false);
        assertThat(j.verdict().kind()).isEqualTo(Verdict.Kind.VERIFIER_ERROR);
        assertThat(j.verdict().rule()).contains("not installed");
        assertThat(new Sandbox(new Sandbox.Tools("/bin/false", "/usr/bin/python3")).refusal())
                .isPresent();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "no json | is not JSON",
                "[] | expected a JSON object",
                "{} | expected 1 to 1000 tests, found 0",
                "{\"test\":[]} | unknown key 'test' (did you mean 'tests'?)",
                "{\"tests\":[{\"input\":\"\"}]} | test 1 lacks input or output",
                "{\"function\":\"f g\",\"tests\":[{\"input\":\"1\",\"output\":\"1\"}]} | no name of a function",
                "{\"function\":\"f\",\"tests\":[{\"input\":\"1\",\"output\":\"one\"}]} | output is not JSON",
                "{\"check\":\"x\"} | need each other",
                "{\"time_seconds\":0,\"asserts\":[\"assert f()\"]} | limits must be",
            })
    void testsThatAreNoneAreOurFault(String gold, String why) {
        assertThatThrownBy(() -> CodeVerifier.check(gold))
                .isInstanceOf(FootholdException.class)
                .hasMessageContaining(why);
        assertThat(judge(gold, "print(1)").verdict().kind()).isEqualTo(Verdict.Kind.VERIFIER_ERROR);
    }

    @Test
    void theProgramStandsBetweenTheLastFences() {
        assertThat(CodeVerifier.program("```python\na\n```\nor\n```\nb\n```", false))
                .contains("b\n");
        assertThat(CodeVerifier.program("```python\na", false)).isEmpty();
        assertThat(CodeVerifier.program("print(1)", false)).isEmpty();
        assertThat(CodeVerifier.program("print(1)", true)).contains("print(1)");
    }

    @Test
    void outputsAgreeLineByLineOrAsDecimals() {
        assertThat(CodeVerifier.sameOutput("1 2\n3\n", " 1 2 \n3.0")).isTrue();
        assertThat(CodeVerifier.sameOutput("1 2", "1 3")).isFalse();
        assertThat(CodeVerifier.sameOutput("yes", "Yes")).isFalse();
        assertThat(CodeVerifier.sameOutput("1\n2", "1 2")).isFalse();
    }
}
