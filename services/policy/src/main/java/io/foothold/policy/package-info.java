/**
 * The policy: a decoder-only transformer of the Qwen2, Qwen3 or Llama shape, run by libtorch through DJL.
 *
 * <p>The maths is one TorchScript text in five files, {@code transformer/*.ts.py}: learner and sampler share every formula. The text holds no
 * weights; they live in Java-owned tensors ({@link io.foothold.policy.WeightStore}) and are passed to every call.
 *
 * <ul>
 *   <li>{@link io.foothold.policy.PolicyDirectory} reads and writes Hugging Face directories.
 *   <li>{@link io.foothold.policy.GenerationEngine} samples: continuous batching, prompts shared by a group prefilled once,
 *       weights changed between two decode steps.
 *   <li>{@link io.foothold.policy.Trainer} scores and trains: packed rows, shared prompts, fused AdamW.
 * </ul>
 *
 * <p>Thread rules: a {@link io.foothold.policy.Transformer} and everything made from it belong to one thread at a time, which
 * must have called {@link io.foothold.policy.NativeRuntime#enterThread()}. Nothing outside this package sees a tensor.
 */
@NullMarked
package io.foothold.policy;

import org.jspecify.annotations.NullMarked;
