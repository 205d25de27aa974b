package io.foothold.contracts.door;

import static org.assertj.core.api.Assertions.assertThat;

import io.foothold.inference.GRPCInferenceServiceGrpc;
import io.foothold.v1.AugmentationServiceGrpc;
import io.foothold.v1.LearnerServiceGrpc;
import io.foothold.v1.LocalizerServiceGrpc;
import io.foothold.v1.RunServiceGrpc;
import io.foothold.v1.SamplerServiceGrpc;
import io.foothold.v1.TensorBackendServiceGrpc;
import io.foothold.v1.VerifierServiceGrpc;
import io.grpc.MethodDescriptor;
import io.grpc.ServiceDescriptor;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class EntranceTest {
    private static Optional<Role> at(String method, String path) {
        return Entrance.needed(method, path, path);
    }

    @Test
    void everyCallBetweenServicesNeedsTheAdminToken() {
        for (ServiceDescriptor service : List.of(
                AugmentationServiceGrpc.getServiceDescriptor(),
                SamplerServiceGrpc.getServiceDescriptor(),
                VerifierServiceGrpc.getServiceDescriptor(),
                LocalizerServiceGrpc.getServiceDescriptor(),
                LearnerServiceGrpc.getServiceDescriptor(),
                TensorBackendServiceGrpc.getServiceDescriptor(),
                GRPCInferenceServiceGrpc.getServiceDescriptor())) {
            assertThat(service.getMethods()).isNotEmpty();
            for (MethodDescriptor<?, ?> method : service.getMethods()) {
                assertThat(at("POST", "/" + method.getFullMethodName()))
                        .as(method.getFullMethodName())
                        .contains(Role.ADMIN);
            }
        }
    }

    @Test
    void runsAreSeenByViewersAndMovedByOperators() {
        for (MethodDescriptor<?, ?> method :
                RunServiceGrpc.getServiceDescriptor().getMethods()) {
            boolean sees = List.of("ListRuns", "WatchRun").contains(method.getBareMethodName());
            assertThat(at("POST", "/" + method.getFullMethodName()))
                    .as(method.getFullMethodName())
                    .contains(sees ? Role.VIEWER : Role.OPERATOR);
        }
        assertThat(at("GET", "/api/runs/a/events")).contains(Role.VIEWER);
        assertThat(at("HEAD", "/api/runs")).contains(Role.VIEWER);
        for (String method : List.of("PUT", "POST", "DELETE", "PATCH", "TRACE", "get", "PROPFIND")) {
            assertThat(at(method, "/api/runs/a")).as(method).contains(Role.OPERATOR);
        }
        assertThat(at("GET", "/q/metrics")).contains(Role.VIEWER);
        assertThat(at("GET", "/q/openapi")).contains(Role.VIEWER);
        assertThat(at("GET", "/console")).contains(Role.VIEWER);
        assertThat(at("GET", "/console/other.js")).contains(Role.VIEWER);
    }

    @Test
    void theConsolesOwnFilesAskNobodyAndNothingElseDoesByTheirWay() {
        for (String file : List.of("/", "/console/console.js", "/console/console.css", "/console/icon.svg")) {
            assertThat(at("GET", file)).as(file).isEmpty();
            assertThat(at("POST", file)).as(file).contains(Role.ADMIN);
        }
        assertThat(Entrance.needed("GET", "/console/console.js/../../api/runs", "/api/runs"))
                .contains(Role.VIEWER);
        assertThat(Entrance.needed("GET", "/api/runs/..//", "/")).contains(Role.VIEWER);
    }

    @Test
    void healthAsksNobodyAndWhatOnlyLooksLikeItDoes() {
        for (String path : List.of("/q/health", "/q/health/live", "/q/health/ready")) {
            assertThat(at("GET", path)).as(path).isEmpty();
        }
        assertThat(at("POST", "/grpc.health.v1.Health/Check")).isEmpty();
        assertThat(at("POST", "/q/health")).contains(Role.ADMIN);
        assertThat(at("GET", "/q/healthy")).contains(Role.VIEWER);
        assertThat(at("POST", "/grpc.health.v1.Health/CheckX")).contains(Role.ADMIN);
        // What the router makes of a path counts as well as what was sent.
        assertThat(Entrance.needed("GET", "/q/health/../../api/runs", "/api/runs"))
                .contains(Role.VIEWER);
        assertThat(Entrance.needed("GET", "/api/../q/health", "/q/health")).contains(Role.VIEWER);
        assertThat(Entrance.needed("PUT", "/api/../x", "/x")).contains(Role.ADMIN);
        assertThat(Entrance.needed("PUT", "/x/../api/runs/a", "/api/runs/a")).contains(Role.ADMIN);
    }
}
