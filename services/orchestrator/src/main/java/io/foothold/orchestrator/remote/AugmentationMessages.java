package io.foothold.orchestrator.remote;

import io.foothold.core.prompt.Prompts;
import io.foothold.core.settings.MixtureSettings;
import io.foothold.core.settings.PrefixSearchSettings;
import io.foothold.core.settings.ProblemSettings;
import io.foothold.core.stats.SetStatistics;
import io.foothold.v1.DrawStartStatesRequest;
import io.foothold.v1.GeneratedFamily;
import io.foothold.v1.Guided;
import io.foothold.v1.MineHardSetStart;
import io.foothold.v1.MixtureDraw;
import io.foothold.v1.MixturePart;
import io.foothold.v1.PrefixFallback;
import io.foothold.v1.PrefixSearchMode;
import io.foothold.v1.Probe;
import io.foothold.v1.ProbeOutcome;
import io.foothold.v1.ProblemSource;
import io.foothold.v1.PromptTemplates;
import io.foothold.v1.Root;
import io.foothold.v1.SearchPrefixesStart;

/** What augmentation is asked and what it asks, in the words of the contracts. */
final class AugmentationMessages {
    private AugmentationMessages() {}

    static ProblemSource source(Augmentation.Source source) {
        ProblemSettings.Source set = source.set();
        ProblemSource.Builder out =
                ProblemSource.newBuilder().setSegmenter(set.segmenter()).setThoughtDelimiter(source.thoughtDelimiter());
        if (set.jsonl().isEmpty()) {
            out.setGenerated(GeneratedFamily.newBuilder()
                    .setFamily(set.family())
                    .setLevel(set.level())
                    .setCount(set.count())
                    .setSeed(set.seed())
                    .setSplit(set.split()));
        } else {
            out.setJsonlPath(set.jsonl());
        }
        return out.build();
    }

    private static PromptTemplates templates(Prompts prompts) {
        return PromptTemplates.newBuilder()
                .setRoot(prompts.root())
                .setGuided(prompts.guided())
                .build();
    }

    /** The start states of an update, without the selection that they are drawn from. */
    static DrawStartStatesRequest draw(Augmentation.Draw draw) {
        MixtureSettings mixture = draw.mixture();
        DrawStartStatesRequest.Builder out = DrawStartStatesRequest.newBuilder()
                .setSource(source(draw.source()))
                .setProblemSetDigest(draw.problemSet())
                .setTemplates(templates(draw.prompts()))
                .setDraw(MixtureDraw.valueOf("MIXTURE_DRAW_" + mixture.draw().name()))
                .setSeed(draw.seed())
                .setUpdate(draw.update())
                .setGroups(draw.groups());
        if (mixture.root() > 0) {
            out.addMixture(
                    MixturePart.newBuilder().setRoot(Root.getDefaultInstance()).setShare(mixture.root()));
        }
        if (mixture.guided() > 0) {
            out.addMixture(MixturePart.newBuilder()
                    .setGuided(Guided.getDefaultInstance())
                    .setShare(mixture.guided()));
        }
        return out.build();
    }

    static MineHardSetStart mining(Augmentation.Mining mining) {
        return MineHardSetStart.newBuilder()
                .setSource(source(mining.source()))
                .setTemplates(templates(mining.prompts()))
                .setSamples(mining.settings().samples())
                .setMaxPasses(mining.settings().maxPasses())
                .setSecondSamples(mining.settings().secondSamples())
                .build();
    }

    static SearchPrefixesStart search(Augmentation.Search search) {
        PrefixSearchSettings settings = search.settings();
        return SearchPrefixesStart.newBuilder()
                .setSource(source(search.source()))
                .addAllProblemIds(search.problemIds())
                .setTemplates(templates(search.prompts()))
                .setMode(PrefixSearchMode.valueOf(
                        "PREFIX_SEARCH_MODE_" + settings.mode().name()))
                .setRolloutsPerCandidate(settings.rollouts())
                .setMinPasses(settings.minPasses())
                .setFallback(PrefixFallback.valueOf(
                        "PREFIX_FALLBACK_" + settings.fallback().name()))
                .setSeed(search.seed())
                .build();
    }

    static Augmentation.Probe probe(Probe probe) {
        return new Augmentation.Probe(
                RolloutMessages.start(probe.getStart()), probe.getRollouts(), probe.getEarlierLooks());
    }

    static ProbeOutcome outcome(Probe probe, SetStatistics.Count count) {
        return ProbeOutcome.newBuilder()
                .setProbeId(probe.getProbeId())
                .setPasses(count.passes())
                .setJudged(count.judged())
                .build();
    }
}
