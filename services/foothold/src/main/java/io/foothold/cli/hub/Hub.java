package io.foothold.cli.hub;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.foothold.cli.hub.HubClient.Listing;
import io.foothold.cli.hub.HubClient.RemoteFile;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Finds models and data sets by their names: in the cache, else at the hub. */
public final class Hub {
    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final String INDEX = "model.safetensors.index.json";
    private static final String ADAPTER = "adapter_config.json";
    private static final String CARD = "README.md";
    private static final Pattern PIECE = Pattern.compile("-of-(\\d{1,6})\\.");

    /** What a model is beside its weights. */
    private static final Pattern BESIDE_WEIGHTS = Pattern.compile(
            "config\\.json|generation_config\\.json|tokenizer\\.json|tokenizer_config\\.json|chat_template\\.jinja|special_tokens_map\\.json"
                    + "|added_tokens\\.json|vocab\\.json|merges\\.txt|tokenizer\\.model|" + Pattern.quote(ADAPTER));

    private final HubSettings settings;
    private final HubCache cache;
    private final HubClient client;
    private final PrintStream progress;

    /**
     * A hub.
     *
     * @param progress where long downloads are told
     */
    public Hub(HubSettings settings, PrintStream progress) {
        this.settings = settings;
        this.cache = new HubCache(settings.cache());
        this.client = new HubClient(settings);
        this.progress = progress;
    }

    /**
     * What was found.
     *
     * @param directory with the files
     * @param name at the commit that they are of
     */
    public record Found(Path directory, HubName name) {}

    /**
     * A model, whole.
     *
     * @throws FootholdException NOT_FOUND, FORBIDDEN, PEER_UNAVAILABLE, INVALID_DATA or STORAGE in words for people
     */
    public Found model(HubName name) {
        Optional<Found> kept = cache.commit(name)
                .map(commit -> new Found(cache.snapshot(name, commit), name.at(commit)))
                .filter(found -> whole(found.directory()));
        if (kept.isPresent()) {
            return kept.get();
        }
        Listing listing = listing(name);
        HubName pinned = name.at(listing.commit());
        HubDownload download = new HubDownload(client, cache, settings.patience(), progress);
        List<RemoteFile> beside = listing.files().stream()
                .filter(f -> BESIDE_WEIGHTS.matcher(f.path()).matches())
                .toList();
        List<String> all = listing.files().stream().map(RemoteFile::path).toList();
        if (!all.contains("config.json") && !all.contains(ADAPTER)) {
            throw new FootholdException(
                    ErrorCode.INVALID_DATA, "model " + pinned + " has no config.json; it has " + shown(all));
        }
        Path directory = cache.snapshot(name, listing.commit());
        beside.forEach(file -> download.fetch(pinned, file));
        for (String weights : weights(pinned, listing, download, directory)) {
            RemoteFile file = listing.files().stream()
                    .filter(f -> f.path().equals(weights))
                    .findFirst()
                    .orElseThrow(() -> new FootholdException(
                            ErrorCode.INVALID_DATA,
                            "model " + pinned + " has no file " + weights + ", which its index names"));
            if (!Files.exists(directory.resolve(weights)) && file.size() > 0) {
                progress.printf(Locale.ROOT, "%s: %s, %,d MB%n", pinned, weights, file.size() / 1_000_000);
            }
            download.fetch(pinned, file);
        }
        cache.remember(name, listing.commit());
        return new Found(directory, pinned);
    }

    /**
     * Files of rows.
     *
     * @param files in order
     * @param name of the data set at its commit
     */
    public record Rows(List<Path> files, HubName name) {
        /** Copies. */
        public Rows {
            files = List.copyOf(files);
        }
    }

    /** A repository at the commit that the cache knows it by, if it does. */
    Optional<HubName> pinned(HubName name) {
        return cache.commit(name).map(name::at);
    }

    /**
     * The files that hold a split of a data set. The hub is asked what there is, what the cache has is not fetched again.
     *
     * @param config one of several sets that a repository holds; empty for the only one
     * @throws FootholdException as {@link #model}
     */
    public Rows rows(HubName name, String config, String split) {
        if (settings.offline()) {
            return kept(name, config, split);
        }
        Listing listing = listing(name);
        HubName pinned = name.at(listing.commit());
        HubDownload download = new HubDownload(client, cache, settings.patience(), progress);
        Path directory = cache.snapshot(name, listing.commit());
        List<String> all = listing.files().stream().map(RemoteFile::path).toList();
        listing.files().stream().filter(f -> f.path().equals(CARD)).forEach(f -> download.fetch(pinned, f));
        List<String> wanted = new DataFiles(pinned, all).of(card(directory), config, split);
        listing.files().stream().filter(f -> wanted.contains(f.path())).forEach(f -> download.fetch(pinned, f));
        cache.remember(name, listing.commit());
        return new Rows(wanted.stream().map(directory::resolve).toList(), pinned);
    }

    /** The same of what the cache holds alone. Files that say how many they are have to be all there. */
    private Rows kept(HubName name, String config, String split) {
        HubName pinned = pinned(name).orElseThrow(() -> offline(name));
        Path directory = cache.snapshot(name, pinned.revision());
        if (!Files.isDirectory(directory)) {
            throw offline(name);
        }
        List<String> all;
        try (Stream<Path> files = Files.walk(directory)) {
            all = files.filter(Files::isRegularFile)
                    .map(f -> directory.relativize(f).toString())
                    .toList();
        } catch (IOException e) {
            throw cache.storage(e);
        }
        List<String> found = new DataFiles(pinned, all).of(card(directory), config, split);
        for (String file : found) {
            Matcher piece = PIECE.matcher(file);
            if (piece.find() && found.size() < Integer.parseInt(piece.group(1))) {
                throw offline(name);
            }
        }
        return new Rows(found.stream().map(directory::resolve).toList(), pinned);
    }

    private String card(Path directory) {
        Path card = directory.resolve(CARD);
        try {
            return Files.exists(card) ? Files.readString(card) : "";
        } catch (IOException e) {
            throw new FootholdException(ErrorCode.INVALID_DATA, card + " cannot be read: " + e.getMessage(), e);
        }
    }

    private FootholdException offline(HubName name) {
        return new FootholdException(
                ErrorCode.NOT_FOUND,
                name + " is not (whole) in the cache " + settings.cache() + ", and HF_HUB_OFFLINE forbids to ask "
                        + settings.endpoint());
    }

    /** The files of the weights: those of the index, or the only one. */
    private List<String> weights(HubName pinned, Listing listing, HubDownload download, Path directory) {
        Optional<RemoteFile> index =
                listing.files().stream().filter(f -> f.path().equals(INDEX)).findFirst();
        if (index.isPresent()) {
            download.fetch(pinned, index.get());
            return shards(directory.resolve(INDEX));
        }
        List<String> all = listing.files().stream().map(RemoteFile::path).toList();
        for (String single : List.of("model.safetensors", "adapter_model.safetensors")) {
            if (all.contains(single)) {
                return List.of(single);
            }
        }
        throw new FootholdException(
                ErrorCode.INVALID_DATA,
                "model " + pinned + " has no model.safetensors (weights in other formats are not read); it has "
                        + shown(all));
    }

    private List<String> shards(Path index) {
        Set<String> out = new TreeSet<>();
        try {
            JsonNode map = MAPPER.readTree(Files.readString(index)).path("weight_map");
            map.forEach(file -> out.add(file.asText()));
        } catch (IOException e) {
            throw new FootholdException(ErrorCode.INVALID_DATA, index + " cannot be read: " + e.getMessage(), e);
        }
        return List.copyOf(out);
    }

    /** Whether a snapshot has all of a model: others may have fetched only some of its files. */
    private boolean whole(Path directory) {
        if (Files.exists(directory.resolve(ADAPTER)) && !Files.exists(directory.resolve("config.json"))) {
            return Files.exists(directory.resolve("adapter_model.safetensors"));
        }
        if (!Files.exists(directory.resolve("config.json")) || !Files.exists(directory.resolve("tokenizer.json"))) {
            return false;
        }
        Path index = directory.resolve(INDEX);
        return Files.exists(index)
                ? shards(index).stream().allMatch(file -> Files.exists(directory.resolve(file)))
                : Files.exists(directory.resolve("model.safetensors"));
    }

    private Listing listing(HubName name) {
        if (settings.offline()) {
            throw offline(name);
        }
        try {
            return client.list(name);
        } catch (IOException e) {
            throw new FootholdException(
                    ErrorCode.PEER_UNAVAILABLE,
                    name + " is not (whole) in the cache " + settings.cache() + ", and the hub " + settings.endpoint()
                            + " (HF_ENDPOINT) cannot be asked: "
                            + (e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage()),
                    e);
        }
    }

    /** The first of some files, for a message. */
    static String shown(List<String> files) {
        List<String> few = files.subList(0, Math.min(12, files.size()));
        return files.isEmpty() ? "no files" : String.join(", ", few) + (files.size() > few.size() ? ", …" : "");
    }
}
