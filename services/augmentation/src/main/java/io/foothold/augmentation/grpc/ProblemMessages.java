package io.foothold.augmentation.grpc;

import io.foothold.augmentation.prompt.Templates;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.problem.Problem;
import io.foothold.core.start.Mixture;
import io.foothold.v1.Guided;
import io.foothold.v1.MixturePart;
import io.foothold.v1.ProblemKind;
import io.foothold.v1.PromptTemplates;
import io.foothold.v1.Root;
import java.util.Map;

/** Problems and prompts between the contracts' words and ours. */
final class ProblemMessages {
    private ProblemMessages() {}

    static Mixture.Part part(MixturePart part) {
        return new Mixture.Part(part.hasGuided() ? Mixture.Kind.GUIDED : Mixture.Kind.ROOT, part.getShare());
    }

    static Problem problem(Map<String, Problem> problems, String id) {
        Problem p = problems.get(id);
        if (p == null) {
            throw invalid("the problem set has no problem '" + id + "'");
        }
        return p;
    }

    static Templates templates(PromptTemplates t) {
        return new Templates(t.getRoot(), t.getGuided());
    }

    static io.foothold.v1.StartState start(Problem problem, int prefix, Templates templates) {
        io.foothold.v1.StartState.Builder out = io.foothold.v1.StartState.newBuilder()
                .setProblemId(problem.id())
                .setPrompt(templates.prompt(problem, prefix))
                .setMaxTokens(problem.maxTokens());
        if (prefix == 0) {
            out.setRoot(Root.getDefaultInstance());
        } else {
            out.setGuided(Guided.newBuilder().setPrefixThoughts(prefix));
        }
        return out.build();
    }

    /** A problem as it goes over the wire. */
    static io.foothold.v1.Problem proto(Problem p) {
        return io.foothold.v1.Problem.newBuilder()
                .setId(p.id())
                .setStatement(p.statement())
                .setKind(ProblemKind.valueOf("PROBLEM_KIND_" + p.kind().name()))
                .setAnswer(p.answer())
                .addAllOracleThoughts(p.oracleThoughts())
                .setSource(p.source())
                .setSplit(p.split())
                .setMaxTokens(p.maxTokens())
                .build();
    }

    static FootholdException invalid(String message) {
        return new FootholdException(ErrorCode.INVALID_INPUT, message);
    }
}
