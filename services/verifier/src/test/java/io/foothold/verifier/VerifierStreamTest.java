package io.foothold.verifier;

import io.foothold.contracts.flow.StreamContractTest;
import io.foothold.contracts.flow.StreamShape;
import io.foothold.v1.MutinyVerifierServiceGrpc;
import io.foothold.v1.ProblemKind;
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
import io.grpc.BindableService;
import io.grpc.Channel;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.smallrye.mutiny.Multi;

class VerifierStreamTest extends StreamContractTest<VerifyRequest, VerifyResponse> {
    @Override
    protected BindableService service() {
        VerifierGrpc service = new VerifierGrpc(
                16,
                2,
                1,
                new Judge(new CodeVerifier(new Sandbox(Sandbox.Tools.standard()), 1 << 20)),
                new Scorers(
                        new RewardFunctions(RewardFunctions.Setup.standard()),
                        new ChatJudges(ChatJudges.Setup.none()),
                        new RewardModels(RewardModels.Setup.none())),
                new SimpleMeterRegistry());
        return new MutinyVerifierServiceGrpc.VerifierServiceImplBase() {
            @Override
            public Multi<VerifyResponse> verify(Multi<VerifyRequest> request) {
                return service.verify(request);
            }
        };
    }

    @Override
    protected Multi<VerifyResponse> call(Channel channel, Multi<VerifyRequest> requests) {
        return MutinyVerifierServiceGrpc.newMutinyStub(channel).verify(requests);
    }

    @Override
    protected VerifyRequest work(String key) {
        return VerifyRequest.newBuilder()
                .setWork(VerifyWork.newBuilder()
                        .setRolloutId(key)
                        .setKind(ProblemKind.PROBLEM_KIND_MATH)
                        .setGold("4")
                        .setResponse("so \\boxed{4}"))
                .build();
    }

    @Override
    protected StreamShape<VerifyRequest, VerifyResponse> shape() {
        return StreamShape.of(
                c -> VerifyRequest.newBuilder().setCredit(c).build(), VerifyResponse::getCredit, r -> r.getResult()
                        .getRolloutId());
    }
}
