package io.foothold.cli.process;

import io.foothold.augmentation.problems.Recipe;
import io.foothold.cli.hub.Hub;
import io.foothold.cli.hub.HubName;
import io.foothold.cli.hub.HubProblems;
import io.foothold.cli.hub.HubSettings;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.settings.ProblemSettings;
import io.foothold.orchestrator.runfile.RunFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What run files and options name as on a hub, as paths on this machine; what is not here is fetched, told on standard error. */
public final class HubNames {
    private final Map<String, String> environment;

    /** Names under these variables; nothing is looked at before something is named. */
    public HubNames(Map<String, String> environment) {
        this.environment = environment;
    }

    private Hub hub() {
        return new Hub(HubSettings.of(environment), System.err);
    }

    /**
     * Settings that put paths in the place of a run file's names, with the commits that they are of.
     *
     * @throws FootholdException with the place of the key, for a name that leads nowhere
     */
    List<String> of(RunFile asked) {
        List<String> out = new ArrayList<>();
        String base = asked.settings().policy().base();
        named(base).ifPresent(name -> {
            Hub.Found found;
            try {
                found = hub().model(name);
            } catch (FootholdException e) {
                throw at(asked, "policy.base", "there is no directory " + base + ", and " + e.text(), e);
            }
            out.add("policy.base=" + found.directory());
            out.add("policy.hub=" + found.name());
        });
        for (String source : asked.problemSources()) {
            ProblemSettings.Source own = asked.settings().problems().at(source);
            if (!own.hub().isEmpty() && own.jsonl().isEmpty()) {
                Hub.Found found = problems(asked, source, own);
                out.add(source + ".jsonl=" + found.directory());
                out.add(source + ".hub=" + found.name());
            }
        }
        return out;
    }

    private Hub.Found problems(RunFile asked, String source, ProblemSettings.Source own) {
        try {
            Recipe.named(own.recipe());
        } catch (FootholdException e) {
            throw at(asked, source + ".recipe", e.text(), e);
        }
        try {
            HubName name = HubName.parse(HubName.Kind.DATASET, own.hub())
                    .orElseThrow(() -> new FootholdException(
                            ErrorCode.INVALID_INPUT,
                            "'" + own.hub() + "' is no ORGANISATION/NAME, nor one with @REVISION"));
            return new HubProblems(hub(), HubProblems.cache(environment).resolve("problems"), System.err)
                    .of(name, own, asked.settings().prompting().thoughtDelimiter());
        } catch (FootholdException e) {
            throw at(asked, source + ".hub", e.text(), e);
        }
    }

    private static FootholdException at(RunFile asked, String key, String why, FootholdException cause) {
        return new FootholdException(cause.code(), asked.at(key) + ": '" + key + "': " + why, cause);
    }

    /** The directory of a policy that an option names: itself, or where the model of that name lies. */
    public Path policy(Path given) {
        return named(given.toString())
                .map(name -> hub().model(name).directory())
                .orElse(given);
    }

    private static Optional<HubName> named(String base) {
        return Files.isDirectory(Path.of(base)) ? Optional.empty() : HubName.parse(HubName.Kind.MODEL, base);
    }
}
