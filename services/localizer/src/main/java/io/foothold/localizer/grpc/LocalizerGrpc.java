package io.foothold.localizer.grpc;

import com.google.common.primitives.Ints;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FailureLog;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.flow.CreditedService;
import io.foothold.contracts.flow.ReadableMessages;
import io.foothold.contracts.log.LogIds;
import io.foothold.contracts.metric.Metric;
import io.foothold.contracts.trace.Trace;
import io.foothold.core.prompt.Placeholders;
import io.foothold.core.reset.LocalizationStatistics;
import io.foothold.localizer.config.LocalizerConfig;
import io.foothold.localizer.external.ChatEndpoint;
import io.foothold.localizer.thought.FirstWrongThought;
import io.foothold.localizer.thought.Restatement;
import io.foothold.localizer.thought.StatedStep;
import io.foothold.v1.Localization;
import io.foothold.v1.LocalizeRequest;
import io.foothold.v1.LocalizeResponse;
import io.foothold.v1.LocalizeWork;
import io.foothold.v1.LocalizerMode;
import io.foothold.v1.MutinyLocalizerServiceGrpc;
import io.foothold.v1.NoError;
import io.foothold.v1.OracleComparison;
import io.foothold.v1.Questions;
import io.foothold.v1.Revision;
import io.foothold.v1.Rollout;
import io.foothold.v1.SamplingSettings;
import io.foothold.v1.StartState;
import io.grpc.ServerServiceDefinition;
import io.micrometer.core.instrument.MeterRegistry;
import io.quarkus.grpc.GrpcService;
import io.smallrye.mutiny.Multi;
import jakarta.annotation.PreDestroy;
import jakarta.inject.Inject;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.jboss.logging.Logger;

/** Localization over a credited stream. */
@GrpcService
public final class LocalizerGrpc extends MutinyLocalizerServiceGrpc.LocalizerServiceImplBase {
    private static final Logger LOG = Logger.getLogger(LocalizerGrpc.class);

    private final CreditedService<LocalizeRequest, LocalizeResponse> service;
    private final Optional<ChatEndpoint> external;
    private final MeterRegistry metrics;
    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();

    /** Configured by the container. */
    @Inject
    public LocalizerGrpc(LocalizerConfig config, MeterRegistry metrics) {
        this(
                config.window(),
                config.external()
                        .url()
                        .map(url -> new ChatEndpoint.Settings(
                                url,
                                config.external().model(),
                                config.external().apiKey(),
                                config.external().deadline(),
                                config.external().attempts(),
                                config.external().backoff())),
                metrics);
    }

    /**
     * A service.
     *
     * @param window rollouts of one stream that may be under way, at least 1
     * @param endpoint of the external model, if there is one
     * @param metrics where localizations are counted
     */
    public LocalizerGrpc(int window, Optional<ChatEndpoint.Settings> endpoint, MeterRegistry metrics) {
        this.metrics = metrics;
        this.external = endpoint.map(ChatEndpoint::new);
        this.service = new CreditedService<>(
                "localization",
                CreditedService.Shape.of(
                        LocalizeRequest::getCredit,
                        c -> LocalizeResponse.newBuilder().setCredit(c).build(),
                        LocalizerGrpc::failed),
                window,
                this::start);
        Metric.work(metrics, "localizer", service.work());
    }

    @Override
    public ServerServiceDefinition bindService() {
        return ReadableMessages.of(super.bindService());
    }

    @Override
    public Multi<LocalizeResponse> localize(Multi<LocalizeRequest> request) {
        return service.serve(request);
    }

    private Runnable start(LocalizeRequest request, CreditedService.Results<LocalizeResponse> results) {
        LocalizeWork work = request.getWork();
        if (work.getMode() != LocalizerMode.LOCALIZER_MODE_EXTERNAL) {
            try (Trace.Part part = part(work)) {
                results.emit(counted(work, localize(work, List.of())));
            } catch (IllegalArgumentException e) {
                throw invalid(String.valueOf(e.getMessage()));
            }
            results.done();
            return () -> {};
        }
        Future<?> asking = threads.submit(() -> {
            try (LogIds ids = LogIds.ofRollout(work.getRolloutId());
                    Trace.Part part = part(work)) {
                try {
                    results.emit(counted(work, localize(work, List.of(ask(work)))));
                } catch (Throwable t) {
                    // Whatever it is: who asked waits for an answer.
                    FootholdException failure = FailureLog.told(LOG, "rollout " + work.getRolloutId(), t);
                    part.failed(failure);
                    failed(request, failure).forEach(results::emit);
                }
            }
            results.done();
        });
        return () -> asking.cancel(true);
    }

    /** Questions are no localization: the same work comes again with their answers. */
    private LocalizeResponse counted(LocalizeWork work, LocalizeResponse response) {
        Localization.OutcomeCase outcome = response.getLocalization().getOutcomeCase();
        if (outcome != Localization.OutcomeCase.QUESTIONS) {
            Metric.LOCALIZATIONS
                    .counter(
                            metrics,
                            work.getMode().name().replace("LOCALIZER_MODE_", "").toLowerCase(Locale.ROOT),
                            outcome.name().toLowerCase(Locale.ROOT))
                    .increment();
        }
        return response;
    }

    private static Trace.Part part(LocalizeWork work) {
        return Trace.follow("localize", work.getTrace()).with("rollout", work.getRolloutId());
    }

    private String ask(LocalizeWork work) {
        ChatEndpoint endpoint = external.orElseThrow(
                () -> invalid("mode external needs foothold.localizer.external.url (such as http://HOST:PORT/v1)"));
        var unused = settings(work, work.getPrompt().getMaxTokens());
        return endpoint.ask(
                question(work),
                work.getPrompt().getTemperature(),
                work.getPrompt().getMaxTokens());
    }

    @PreDestroy
    void stop() {
        service.stop();
        threads.shutdownNow();
    }

    /**
     * Localizes.
     *
     * @param answers texts that an external model gave
     */
    private static LocalizeResponse localize(LocalizeWork work, List<String> answers) {
        Localization.Builder out = Localization.newBuilder().setRolloutId(work.getRolloutId());
        switch (work.getMode()) {
            case LOCALIZER_MODE_RANDOM ->
                out.setStep(FirstWrongThought.random(work.getThoughtsCount(), work.getSeed()));
            case LOCALIZER_MODE_EARLY ->
                out.setStep(FirstWrongThought.early(work.getThoughtsCount(), work.getEarlyThought()));
            case LOCALIZER_MODE_ORACLE -> {
                if (work.getOracleThoughtsCount() == 0) {
                    throw invalid("the oracle localizer needs oracle_thoughts; rollout " + work.getRolloutId()
                            + " has a problem without an oracle solution");
                }
                setStep(out, firstError(work));
            }
            case LOCALIZER_MODE_SELF ->
                stated(
                        work,
                        work.getAnswersList().stream().map(Rollout::getText).toList(),
                        out);
            case LOCALIZER_MODE_EXTERNAL -> stated(work, answers, out);
            case LOCALIZER_MODE_SELF_RECOMPUTE -> restated(work, out);
            case LOCALIZER_MODE_UNSPECIFIED, UNRECOGNIZED ->
                throw invalid(
                        "localizer mode is missing (expected random, oracle, early, self, self_recompute or external)");
        }
        if (out.hasStep()) {
            out.setStep(
                    FirstWrongThought.noisy(out.getStep(), work.getThoughtsCount(), work.getNoise(), work.getSeed()));
        }
        if (out.hasStep() && work.getOracleThoughtsCount() > 0) {
            firstError(work)
                    .ifPresent(error -> out.setComparison(OracleComparison.newBuilder()
                            .setFirstError(error)
                            .setEffectiveDeviation(LocalizationStatistics.effectiveDeviation(
                                    work.getThoughtsList(), out.getStep(), error))));
        }
        return LocalizeResponse.newBuilder().setLocalization(out).build();
    }

    private static OptionalInt firstError(LocalizeWork work) {
        return FirstWrongThought.oracle(work.getThoughtsList(), work.getOracleThoughtsList());
    }

    private static void setStep(Localization.Builder out, OptionalInt step) {
        step.ifPresentOrElse(out::setStep, () -> out.setNoError(NoError.getDefaultInstance()));
    }

    private static String question(LocalizeWork work) {
        String delimiter = work.getThoughtDelimiter();
        return StatedStep.question(
                work.getPrompt().getTemplate(),
                work.getProblem(),
                work.getThoughtsList().stream()
                        .map(t -> delimiter.isEmpty() ? t : t.replace(delimiter, ""))
                        .toList());
    }

    private static void stated(LocalizeWork work, List<String> answers, Localization.Builder out) {
        if (answers.isEmpty()) {
            out.setQuestions(Questions.newBuilder()
                    .addStarts(asked(work)
                            .setPrompt(question(work))
                            .setMaxTokens(work.getPrompt().getMaxTokens()))
                    .setSettings(settings(work, work.getPrompt().getMaxTokens())));
            return;
        }
        switch (StatedStep.read(answers.get(0), work.getThoughtsCount())) {
            case StatedStep.Reading.Step step -> out.setStep(step.number());
            case StatedStep.Reading.NoError none -> out.setNoError(NoError.getDefaultInstance());
            case StatedStep.Reading.Unreadable unreadable -> out.setUnparseable(unreadable.why());
        }
    }

    private static void restated(LocalizeWork work, Localization.Builder out) {
        int claim = work.getPrompt().getClaimTokens();
        Restatement restatement =
                new Restatement(Ints.toArray(work.getResponseTokenIdsList()), work.getThoughtEndsList(), claim);
        List<int[]> questions = restatement.questions();
        if (work.getAnswersCount() == 0 && !questions.isEmpty()) {
            Questions.Builder asked = Questions.newBuilder().setSettings(settings(work, claim));
            String prompt = Placeholders.fill(work.getPrompt().getTemplate(), Map.of("problem", work.getProblem()));
            for (int[] before : questions) {
                asked.addStarts(asked(work)
                        .setPrompt(prompt)
                        .addAllPrefixTokenIds(Ints.asList(before))
                        .setMaxTokens(claim));
            }
            out.setQuestions(asked);
            return;
        }
        setStep(
                out,
                restatement.firstDisagreement(work.getAnswersList().stream()
                        .map(a -> Ints.toArray(a.getTokenIdsList()))
                        .toList()));
    }

    private static StartState.Builder asked(LocalizeWork work) {
        return StartState.newBuilder().setRevision(Revision.newBuilder().setRolloutId(work.getRolloutId()));
    }

    private static SamplingSettings.Builder settings(LocalizeWork work, int maxTokens) {
        if (maxTokens < 1 || work.getPrompt().getTemplate().isEmpty()) {
            throw invalid("this localizer mode needs a prompt template and a limit of tokens of at least 1, got "
                    + maxTokens);
        }
        return SamplingSettings.newBuilder()
                .setTemperature(work.getPrompt().getTemperature())
                .setTopP(1)
                .setMaxTokens(maxTokens);
    }

    private static FootholdException invalid(String message) {
        return new FootholdException(ErrorCode.INVALID_INPUT, message);
    }

    private static List<LocalizeResponse> failed(LocalizeRequest work, FootholdException failure) {
        return List.of(LocalizeResponse.newBuilder()
                .setLocalization(Localization.newBuilder()
                        .setRolloutId(work.getWork().getRolloutId())
                        .setFailed(failure.toItemFailure()))
                .build());
    }
}
