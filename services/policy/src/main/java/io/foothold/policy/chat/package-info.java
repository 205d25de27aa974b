/** Conversations as prompts: the chat template of a policy directory, rendered as transformers renders it. */
@org.jspecify.annotations.NullMarked
package io.foothold.policy.chat;
