package io.foothold.verifier.function;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.foothold.core.verdict.Verdict;
import java.util.Map;
import java.util.function.Consumer;

/**
 * One response that a function is to judge.
 *
 * @param problem what the function is given of the problem, by name
 * @param response the response
 * @param told of the verdict, once, on a thread of the function
 * @param loadOnly whether the function is loaded and not called: the verdict is then ABSTAIN
 */
public record FunctionCall(Map<String, String> problem, String response, Consumer<Verdict> told, boolean loadOnly) {
    /** Copies the problem. */
    public FunctionCall {
        problem = Map.copyOf(problem);
    }

    int length() {
        return response.length()
                + problem.values().stream().mapToInt(String::length).sum();
    }

    void addTo(ArrayNode batch) {
        ArrayNode call = batch.addArray();
        ObjectNode named = call.addObject();
        problem.forEach(named::put);
        call.add(response);
    }
}
