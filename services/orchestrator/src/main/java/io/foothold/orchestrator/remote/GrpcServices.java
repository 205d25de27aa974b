package io.foothold.orchestrator.remote;

import io.foothold.contracts.flow.CreditedStream;
import io.foothold.contracts.flow.Replicas;
import io.foothold.contracts.flow.StreamLimits;
import io.foothold.v1.LocalizeRequest;
import io.foothold.v1.LocalizeResponse;
import io.foothold.v1.MutinyAugmentationServiceGrpc;
import io.foothold.v1.MutinyLearnerServiceGrpc;
import io.foothold.v1.TrainRequest;
import io.foothold.v1.TrainResponse;
import io.grpc.Channel;
import java.time.Duration;

/**
 * Services behind gRPC connections. Long streams stay open and heal themselves; unary calls have a deadline each and are repeated while
 * their service is away. Thread-safe.
 */
public final class GrpcServices implements Services, AutoCloseable {
    /**
     * How to reach them.
     *
     * @param own verifiers that run files may name
     */
    public record Channels(
            Channel augmentation,
            Replicas sampler,
            Replicas verifier,
            Replicas localizer,
            Channel learner,
            OwnVerifiers own) {
        /** With any verifiers that run files name. */
        public Channels(
                Channel augmentation, Replicas sampler, Replicas verifier, Replicas localizer, Channel learner) {
            this(augmentation, sampler, verifier, localizer, learner, OwnVerifiers.any());
        }

        /** One of each. */
        public Channels(Channel augmentation, Channel sampler, Channel verifier, Channel localizer, Channel learner) {
            this(augmentation, only(sampler), only(verifier), only(localizer), learner);
        }

        private static Replicas only(Channel channel) {
            return Replicas.only(channel.authority(), channel);
        }
    }

    /**
     * How long answers are waited for.
     *
     * @param patience for a service that is away, from the first failure
     * @param verdict for a verdict of the standard verifier, from sending the rollout
     * @param ownVerdict the same of a verifier that the run file names
     */
    public record Waiting(Duration patience, Duration verdict, Duration ownVerdict) {
        /** Fit for services on one machine. */
        public static Waiting standard() {
            return new Waiting(Duration.ofMinutes(5), Duration.ofMinutes(10), Duration.ofMinutes(1));
        }
    }

    private final Waiting waiting;
    private final Channels channels;
    private final SamplerReplicas samplers;
    private final VerifierStreams verifiers;
    private final CreditedStream<LocalizeRequest, LocalizeResponse> localization;
    private final CreditedStream<TrainRequest, TrainResponse> training;
    private final Services untilClosed;

    /** Services behind these channels, with the standard times of waiting. */
    public GrpcServices(Channels channels, StreamLimits limits) {
        this(channels, limits, Waiting.standard());
    }

    /**
     * Services behind these channels.
     *
     * @param withoutPatience limits of the streams; their patience is that of {@code waiting}
     */
    public GrpcServices(Channels channels, StreamLimits withoutPatience, Waiting waiting) {
        this.waiting = waiting;
        this.channels = channels;
        StreamLimits limits = withoutPatience.withPatience(waiting.patience());
        this.samplers = new SamplerReplicas(named("sampler", channels.sampler()), channels.sampler(), limits);
        this.verifiers = new VerifierStreams(
                named("verifier", channels.verifier()),
                channels.verifier(),
                limits,
                new VerifierStreams.Own(channels.own(), waiting.ownVerdict()),
                waiting.verdict());
        this.localization =
                GrpcLocalizer.stream(named("localizer", channels.localizer()), channels.localizer(), limits);
        this.training = GrpcLearner.stream(
                named("learner", channels.learner()),
                MutinyLearnerServiceGrpc.newMutinyStub(channels.learner()),
                limits);
        this.untilClosed = until(new StopSignal(), Waits.SILENT);
    }

    /** The services over these connections, for a run whose waits end with its stop signal. */
    private record Seen(
            Augmentation augmentation,
            Sampler sampler,
            Verifier verifier,
            Localizer localizer,
            Learner learner,
            Calls calls,
            GrpcServices all)
            implements Services {
        @Override
        public Patience patience() {
            return calls.patience();
        }

        @Override
        public void pause(Duration time) {
            calls.stop().sleep(time);
        }

        @Override
        public void checkStopped() {
            calls.stop().check();
        }

        @Override
        public Services until(StopSignal signal, Waits waits) {
            return all.until(signal, waits);
        }
    }

    @Override
    public Services until(StopSignal signal, Waits waits) {
        Calls calls = new Calls(waiting.patience(), signal, waits);
        return new Seen(
                new GrpcAugmentation(
                        calls,
                        named("augmentation", channels.augmentation()),
                        MutinyAugmentationServiceGrpc.newMutinyStub(channels.augmentation())),
                new GrpcSampler(calls, samplers),
                new GrpcVerifier(calls, verifiers),
                new GrpcLocalizer(calls, localization),
                new GrpcLearner(
                        calls,
                        named("learner", channels.learner()),
                        MutinyLearnerServiceGrpc.newMutinyStub(channels.learner()),
                        training),
                calls,
                this);
    }

    private static String named(String service, Channel channel) {
        return service + " at " + channel.authority();
    }

    private static String named(String service, Replicas replicas) {
        return service + " at " + replicas.address();
    }

    @Override
    public Augmentation augmentation() {
        return untilClosed.augmentation();
    }

    @Override
    public Sampler sampler() {
        return untilClosed.sampler();
    }

    @Override
    public Verifier verifier() {
        return untilClosed.verifier();
    }

    @Override
    public Localizer localizer() {
        return untilClosed.localizer();
    }

    @Override
    public Learner learner() {
        return untilClosed.learner();
    }

    @Override
    public Patience patience() {
        return untilClosed.patience();
    }

    @Override
    public void pause(Duration time) {
        untilClosed.pause(time);
    }

    @Override
    public void checkStopped() {
        untilClosed.checkStopped();
    }

    @Override
    public void close() {
        samplers.close();
        verifiers.close();
        localization.close();
        training.close();
        channels.sampler().close();
        channels.verifier().close();
        channels.localizer().close();
    }
}
