package io.foothold.verifier;

import static org.assertj.core.api.Assertions.assertThat;

import io.foothold.v1.Credit;
import io.foothold.v1.ProblemKind;
import io.foothold.v1.Verdict;
import io.foothold.v1.VerdictKind;
import io.foothold.v1.VerifyRequest;
import io.foothold.v1.VerifyResponse;
import io.foothold.v1.VerifyWork;
import io.foothold.verifier.answer.Judge;
import io.foothold.verifier.chat.ChatJudges;
import io.foothold.verifier.code.CodeVerifier;
import io.foothold.verifier.code.Sandbox;
import io.foothold.verifier.function.RewardFunctions;
import io.foothold.verifier.grpc.Scorers;
import io.foothold.verifier.grpc.VerifierGrpc;
import io.foothold.verifier.triton.RewardModels;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.smallrye.mutiny.Multi;
import java.time.Duration;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Whatever goes wrong while a response is judged: who asked gets a verdict. */
class FailingVerifierTest {
    static Stream<Supplier<Throwable>> failures() {
        return Stream.of(
                () -> new StackOverflowError("scripted"),
                () -> new OutOfMemoryError("scripted"),
                () -> new NoClassDefFoundError("scripted"),
                () -> new IllegalStateException("scripted"));
    }

    @ParameterizedTest
    @MethodSource("failures")
    void whatIsNoExceptionIsAVerifierErrorToo(Supplier<Throwable> failure) {
        VerifierGrpc verifier = new VerifierGrpc(
                4,
                1,
                1,
                new Judge(new CodeVerifier(new Sandbox(Sandbox.Tools.standard()), 1 << 20)),
                new Scorers(
                        new RewardFunctions(RewardFunctions.Setup.standard()),
                        new ChatJudges(ChatJudges.Setup.none()),
                        new RewardModels(RewardModels.Setup.none())),
                new SimpleMeterRegistry() {
                    @Override
                    protected Counter newCounter(Meter.Id id) {
                        if (failure.get() instanceof Error error) {
                            throw error;
                        }
                        throw (RuntimeException) failure.get();
                    }
                });
        Verdict verdict = verifier.verify(Multi.createFrom()
                        .items(
                                VerifyRequest.newBuilder()
                                        .setCredit(Credit.newBuilder().setItems(1))
                                        .build(),
                                VerifyRequest.newBuilder()
                                        .setWork(VerifyWork.newBuilder()
                                                .setRolloutId("r")
                                                .setKind(ProblemKind.PROBLEM_KIND_MATH)
                                                .setGold("4")
                                                .setResponse("so \\boxed{4}"))
                                        .build()))
                .filter(VerifyResponse::hasResult)
                .collect()
                .first()
                .await()
                .atMost(Duration.ofSeconds(30))
                .getResult()
                .getVerdict();
        assertThat(verdict.getKind()).isEqualTo(VerdictKind.VERDICT_KIND_VERIFIER_ERROR);
        assertThat(verdict.getRule() + verdict.getCandidate()).contains("scripted");
    }
}
