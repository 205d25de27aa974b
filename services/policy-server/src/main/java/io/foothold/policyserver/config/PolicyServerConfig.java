package io.foothold.policyserver.config;

import io.foothold.policy.Precision;
import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.util.Optional;
import java.util.OptionalInt;

/** Configuration of the policy server. */
@ConfigMapping(prefix = "foothold.policy-server")
public interface PolicyServerConfig {
    /** Hugging Face directory of the policy to serve. */
    Optional<String> model();

    /** Name under which it is served. */
    @WithDefault("policy")
    String modelName();

    /** Sequences sampled at the same time; by default as many as cores and memory suit. */
    OptionalInt slots();

    /** Longest sequence, prompt and response together, in tokens; by default what the model is made for, as far as memory reaches. */
    OptionalInt maxLength();

    /** Decode steps of one native call; weights change and slots are refilled between calls. */
    @WithDefault("4")
    int stepsPerCall();

    /** Whether tokens are independent of batch neighbours and of resets. */
    @WithDefault("false")
    boolean deterministic();

    /** How attention is computed: exact agrees with the learner to the bit, fast rounds; by default as suits the model's size. */
    Optional<Precision> precision();

    /** Where the engine computes: cpu, or a CUDA device such as cuda:0, in bfloat16 there when the precision is fast. */
    @WithDefault("cpu")
    String device();

    /**
     * How far log-probs of a published policy may be from the learner's before it is refused, MEAN,MAX in nats; by default what float32,
     * in which the engine computes on CPUs, may do: 0.001,0.01; and in bfloat16 what that may: 0.1,1.
     */
    Optional<String> canaryBound();

    /**
     * Whether the process ends when the engine has died, so that whoever watches it starts it again; a process that holds other services
     * too stays.
     */
    @WithDefault("false")
    boolean exitWithEngine();

    /** Secret that control operations must carry in the request parameter x-rollout-admin; none by default. */
    Optional<String> adminSecret();
}
