package io.foothold.learner.grpc;

import io.foothold.contracts.files.Roots;
import io.foothold.contracts.flow.StreamContractTest;
import io.foothold.contracts.flow.StreamShape;
import io.foothold.learner.config.LearnerConfig;
import io.foothold.v1.MutinyLearnerServiceGrpc;
import io.foothold.v1.TrainGroup;
import io.foothold.v1.TrainRequest;
import io.foothold.v1.TrainResponse;
import io.grpc.BindableService;
import io.grpc.Channel;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.smallrye.mutiny.Multi;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.io.TempDir;

/**
 * The stream by itself: each update is of a run that was never opened, so that its outcome is a typed failure. What training
 * does across a crash is tested where a whole run is.
 */
class LearnerStreamTest extends StreamContractTest<TrainRequest, TrainResponse> {
    @TempDir
    Path home;

    @Override
    protected BindableService service() {
        LearnerGrpc service = new LearnerGrpc(
                new LearnerConfig() {
                    @Override
                    public String home() {
                        return home.toString();
                    }

                    @Override
                    public int window() {
                        return 16;
                    }

                    @Override
                    public String torchPackage() {
                        return "services/learner/torch";
                    }
                },
                Roots.of(List.of(home)),
                new SimpleMeterRegistry());
        return new MutinyLearnerServiceGrpc.LearnerServiceImplBase() {
            @Override
            public Multi<TrainResponse> train(Multi<TrainRequest> request) {
                return service.train(request);
            }
        };
    }

    @Override
    protected Multi<TrainResponse> call(Channel channel, Multi<TrainRequest> requests) {
        return MutinyLearnerServiceGrpc.newMutinyStub(channel).train(requests);
    }

    @Override
    protected TrainRequest work(String key) {
        return TrainRequest.newBuilder()
                .setGroup(TrainGroup.newBuilder().setRunId(key).setUpdate(1).setGroupsInUpdate(1))
                .build();
    }

    @Override
    protected StreamShape<TrainRequest, TrainResponse> shape() {
        return StreamShape.of(
                c -> TrainRequest.newBuilder().setCredit(c).build(), TrainResponse::getCredit, r -> r.getOutcome()
                        .getRunId());
    }
}
