package io.foothold.sampler;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.foothold.contracts.door.PeerChannels;
import io.foothold.contracts.files.Roots;
import io.foothold.contracts.flow.StreamContractTest;
import io.foothold.contracts.flow.StreamShape;
import io.foothold.sampler.config.SamplerConfig;
import io.foothold.sampler.grpc.SamplerGrpc;
import io.foothold.v1.ChatSettings;
import io.foothold.v1.MutinySamplerServiceGrpc;
import io.foothold.v1.PreparePromptsRequest;
import io.foothold.v1.PromptTokens;
import io.foothold.v1.PublishPolicyRequest;
import io.foothold.v1.Publisher;
import io.foothold.v1.ReleasePolicyRequest;
import io.foothold.v1.Reservation;
import io.foothold.v1.SampleRequest;
import io.foothold.v1.SampleResponse;
import io.foothold.v1.SampleWork;
import io.foothold.v1.SamplingSettings;
import io.foothold.v1.StartState;
import io.grpc.BindableService;
import io.grpc.Channel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.smallrye.mutiny.Multi;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SamplerStreamTest extends StreamContractTest<SampleRequest, SampleResponse> {
    private ScriptedTriton triton;

    @BeforeEach
    void startInferenceServer() throws IOException {
        triton = new ScriptedTriton();
    }

    @AfterEach
    void stopInferenceServer() {
        triton.close();
    }

    private SamplerGrpc sampler() {
        String target = triton.target();
        return new SamplerGrpc(
                new SamplerConfig() {
                    @Override
                    public List<String> endpoints() {
                        return List.of(target);
                    }

                    @Override
                    public Optional<List<String>> frozenEndpoints() {
                        return Optional.empty();
                    }

                    @Override
                    public boolean foreignEndpoints() {
                        return false;
                    }

                    @Override
                    public String model() {
                        return "policy";
                    }

                    @Override
                    public int window() {
                        return 16;
                    }

                    @Override
                    public Duration deadline() {
                        return Duration.ofSeconds(20);
                    }

                    @Override
                    public int attempts() {
                        return 4;
                    }

                    @Override
                    public Duration backoff() {
                        return Duration.ofMillis(5);
                    }

                    @Override
                    public Duration probeEvery() {
                        return Duration.ofMillis(200);
                    }

                    @Override
                    public Duration patience() {
                        return Duration.ofMillis(10000);
                    }

                    @Override
                    public Duration publisherLease() {
                        return Duration.ofMinutes(2);
                    }

                    @Override
                    public Optional<String> adminSecret() {
                        return Optional.empty();
                    }
                },
                Roots.of(List.of(Path.of("/data"))),
                new SimpleMeterRegistry(),
                PeerChannels.plain());
    }

    @Override
    protected BindableService service() {
        SamplerGrpc service = sampler();
        return new MutinySamplerServiceGrpc.SamplerServiceImplBase() {
            @Override
            public Multi<SampleResponse> sample(Multi<SampleRequest> request) {
                return service.sample(request);
            }
        };
    }

    @Override
    protected Multi<SampleResponse> call(Channel channel, Multi<SampleRequest> requests) {
        return MutinySamplerServiceGrpc.newMutinyStub(channel).sample(requests);
    }

    private static SampleRequest group(String... rollouts) {
        SampleWork.Builder work = SampleWork.newBuilder()
                .setGroupId("group of " + rollouts[0])
                .setStart(StartState.newBuilder().setPrompt("ab"))
                .setSettings(SamplingSettings.newBuilder().setTemperature(1).setMaxTokens(8));
        for (int i = 0; i < rollouts.length; i++) {
            work.addReservations(
                    Reservation.newBuilder().setRolloutId(rollouts[i]).setSeed(i));
        }
        return SampleRequest.newBuilder().setWork(work).build();
    }

    @Override
    protected SampleRequest work(String key) {
        return group(key);
    }

    @Override
    protected StreamShape<SampleRequest, SampleResponse> shape() {
        return StreamShape.of(
                c -> SampleRequest.newBuilder().setCredit(c).build(),
                SampleResponse::getCredit,
                r -> r.hasFailed()
                        ? r.getFailed().getRolloutId()
                        : r.getRollout().getId());
    }

    private List<SampleResponse> sample(SampleRequest work, int results) {
        return sample(sampler(), work, results);
    }

    private List<SampleResponse> sample(SamplerGrpc sampler, SampleRequest work, int results) {
        return sampler.sample(Multi.createFrom()
                        .items(shape().credit(100), work)
                        .onCompletion()
                        .call(() -> io.smallrye.mutiny.Uni.createFrom().nothing()))
                .select()
                .where(r -> !r.hasCredit())
                .select()
                .first(results)
                .collect()
                .asList()
                .await()
                .atMost(Duration.ofSeconds(20));
    }

    @Test
    void aBrokenStreamIsAskedAgainForWhatIsMissingOnly() {
        triton.toBreak.set(1);
        List<SampleResponse> out = sample(group("x", "y", "z"), 3);
        assertThat(out).allMatch(SampleResponse::hasRollout);
        assertThat(out.stream().map(r -> r.getRollout().getId())).containsExactlyInAnyOrder("x", "y", "z");
        assertThat(out).allSatisfy(r -> {
            int seed = r.getRollout().getId().charAt(0) - 'x';
            assertThat(r.getRollout().getTokenIdsList())
                    .as("chunks of the broken attempt are not kept")
                    .containsExactly(seed % 2, 2, 3);
            assertThat(r.getRollout().getPolicyVersionsList()).containsExactly(7L, 7L, 7L);
            assertThat(r.getRollout().getText()).isEqualTo((seed % 2 == 0 ? "a" : "b") + ";.");
        });
    }

    @Test
    void aServerThatAnswersTwiceGivesOneRollout() {
        triton.toRepeat.set(2);
        List<SampleResponse> out = sample(group("x", "y"), 2);
        assertThat(out.stream().map(r -> r.getRollout().getId())).containsExactlyInAnyOrder("x", "y");
        assertThat(triton.generated).hasValue(2);
    }

    /** Prompts as their tokens: 4 is the opening tag, 5 the closing one, 6 a line break, 7 the end of a turn. */
    @ParameterizedTest
    @CsvSource({
        "0 4, true",
        "0 7 6 4 6, true",
        "7 6 4 6 0 1, true",
        "0 1, false",
        "0 4 6 5 6, false",
        "6 4 0 7 6 1, false",
    })
    void aRolloutTellsWhetherItsPromptEndsInsideAThought(String prompt, boolean inside) {
        SampleRequest work = group("x");
        StartState.Builder start = work.getWork().getStart().toBuilder();
        for (String token : prompt.split(" ")) {
            start.addPromptTokenIds(Integer.parseInt(token));
        }
        for (int thoughts = 0; thoughts < 2; thoughts++) {
            SampleWork.Builder asked = work.getWork().toBuilder().setStart(start);
            if (thoughts > 0) {
                asked.getSettingsBuilder().setThoughtDelimiter(";").setMaxThoughts(1);
            }
            List<SampleResponse> out = sample(work.toBuilder().setWork(asked).build(), 1);
            assertThat(out.get(0).getRollout().getOpensInThought()).isEqualTo(inside);
        }
    }

    @Test
    void aServerThatStaysBrokenFailsEachRolloutWithTheReason() {
        triton.toBreak.set(1000);
        List<SampleResponse> out = sample(group("x", "y"), 2);
        assertThat(out).allMatch(SampleResponse::hasFailed);
        assertThat(out.get(0).getFailed().getFailure().getMessage()).contains("scripted to break");
        assertThat(triton.generated.get()).as("four attempts").isBetween(4, 8);
    }

    @Test
    void aPreparedPromptIsNotEncodedAgain() {
        SamplerGrpc sampler = sampler();
        PreparePromptsRequest soon = PreparePromptsRequest.newBuilder()
                .addPrompts("ab")
                .addPrompts("cd")
                .build();
        for (int i = 0; i < 2; i++) {
            sampler.preparePrompts(soon).await().atMost(Duration.ofSeconds(20));
        }
        assertThat(triton.encoded).hasValue(2);
        List<SampleResponse> out = sample(sampler, group("x"), 1);
        assertThat(out.get(0).getRollout().getPromptTokenIdsList()).containsExactly(0, 1);
        assertThat(triton.encoded).hasValue(2);
        // As a user's message it is another prompt.
        sampler.preparePrompts(soon.toBuilder()
                        .setChat(ChatSettings.getDefaultInstance())
                        .build())
                .await()
                .atMost(Duration.ofSeconds(20));
        assertThat(triton.encoded).hasValue(4);
    }

    @Test
    void theTokensOfPromptsAreGivenWhereTheyAreAskedFor() {
        SamplerGrpc sampler = sampler();
        PreparePromptsRequest soon = PreparePromptsRequest.newBuilder()
                .addPrompts("ab")
                .addPrompts("cd")
                .build();
        var counted = sampler.preparePrompts(soon).await().atMost(Duration.ofSeconds(20));
        assertThat(counted.getTokenCountsList()).containsExactly(2, 2);
        assertThat(counted.getTokensList()).isEmpty();
        var tokens = sampler.preparePrompts(soon.toBuilder().setWithTokens(true).build())
                .await()
                .atMost(Duration.ofSeconds(20));
        assertThat(tokens.getTokenCountsList()).containsExactly(2, 2);
        assertThat(tokens.getTokensList())
                .extracting(PromptTokens::getIdsList)
                .containsExactly(List.of(0, 1), List.of(0, 1));
    }

    @Test
    void promptsThatCannotBeEncodedAreAnError() {
        SamplerGrpc sampler = sampler();
        triton.close();
        PreparePromptsRequest soon =
                PreparePromptsRequest.newBuilder().addPrompts("ab").build();
        assertThatThrownBy(() -> sampler.preparePrompts(soon).await().atMost(Duration.ofSeconds(20)))
                .isInstanceOf(StatusRuntimeException.class)
                .hasMessageContaining("UNAVAILABLE");
    }

    private static PublishPolicyRequest publication(long version, String uri, String run, String token) {
        return PublishPolicyRequest.newBuilder()
                .setPolicyVersion(version)
                .setArtefactUri(uri)
                .setDigest("d" + version)
                .setPublisher(Publisher.newBuilder().setRunId(run).setToken(token))
                .build();
    }

    private static void refused(SamplerGrpc sampler, PublishPolicyRequest request, Status.Code code, String text) {
        assertThatThrownBy(() -> sampler.publishPolicy(request).await().atMost(Duration.ofSeconds(20)))
                .isInstanceOfSatisfying(StatusRuntimeException.class, e -> {
                    assertThat(e.getStatus().getCode()).isEqualTo(code);
                    assertThat(e.getStatus().getDescription()).contains(text);
                });
    }

    @Test
    void onlyTheHolderPublishesAndOnlyWhatLiesBelowTheRoots() {
        SamplerGrpc sampler = sampler();
        PublishPolicyRequest first = publication(8, "file:///data/a", "mine", "t");
        sampler.publishPolicy(first).await().atMost(Duration.ofSeconds(20));
        int updates = triton.updates.get();
        sampler.publishPolicy(first).await().atMost(Duration.ofSeconds(20));
        assertThat(triton.updates).as("said again: it is still there").hasValue(updates);
        refused(
                sampler,
                publication(1000, "file:///data/b", "theirs", "u"),
                Status.Code.ALREADY_EXISTS,
                "run mine publishes");
        refused(
                sampler,
                publication(9, "file:///etc/passwd", "mine", "t"),
                Status.Code.INVALID_ARGUMENT,
                "artefact_uri '/etc/passwd' lies outside");
        refused(
                sampler,
                publication(9, "file:///data/b", "", ""),
                Status.Code.INVALID_ARGUMENT,
                "a publisher needs a run_id");
        assertThat(triton.version).isEqualTo(8);
        sampler.releasePolicy(ReleasePolicyRequest.newBuilder()
                        .setPublisher(first.getPublisher())
                        .build())
                .await()
                .atMost(Duration.ofSeconds(20));
        sampler.publishPolicy(publication(1000, "file:///data/b", "theirs", "u"))
                .await()
                .atMost(Duration.ofSeconds(20));
        assertThat(triton.version).isEqualTo(1000);
    }
}
