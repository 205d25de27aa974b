package io.foothold.verifier.grpc;

import io.foothold.verifier.chat.ChatJudges;
import io.foothold.verifier.function.RewardFunctions;
import io.foothold.verifier.triton.RewardModels;

/**
 * Who judges in place of the verifier's rules where a run file says so.
 *
 * @param functions of users
 * @param judges behind endpoints for chat completions
 * @param models behind servers with Triton's protocol
 */
public record Scorers(RewardFunctions functions, ChatJudges judges, RewardModels models) implements AutoCloseable {
    @Override
    public void close() {
        functions.close();
        judges.close();
        models.close();
    }
}
