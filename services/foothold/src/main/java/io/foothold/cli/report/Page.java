package io.foothold.cli.report;

import io.foothold.cli.machine.Workspace;
import io.quarkus.qute.Engine;
import io.quarkus.qute.HtmlEscaper;
import io.quarkus.qute.ReflectionValueResolver;
import io.quarkus.qute.TemplateInstance;
import io.quarkus.qute.TemplateLocator.TemplateLocation;
import io.quarkus.qute.Variant;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A page of HTML that needs nothing else, made by a Qute template beside this class. The engine is Qute's own and not the container's:
 * commands write pages that start none.
 *
 * @param template its name
 * @param title of the page
 * @param data what it shows
 */
public record Page(String template, String title, Map<String, Object> data) {
    private static final Engine ENGINE = Engine.builder()
            .addDefaults()
            .addValueResolver(new ReflectionValueResolver())
            .addResultMapper(new HtmlEscaper(List.of(Variant.TEXT_HTML)))
            .addLocator(name ->
                    Optional.ofNullable(Page.class.getResource(name + ".html")).map(Page::located))
            .strictRendering(true)
            .build();

    /** Cells that are texts. */
    public record Table(List<String> header, List<List<String>> rows) {}

    private static TemplateLocation located(URL resource) {
        return new TemplateLocation() {
            @Override
            public Reader read() {
                try {
                    return new InputStreamReader(resource.openStream(), StandardCharsets.UTF_8);
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            }

            @Override
            public Optional<Variant> getVariant() {
                return Optional.of(Variant.forContentType(Variant.TEXT_HTML));
            }
        };
    }

    /** The text of the page. */
    public String html() {
        TemplateInstance page = ENGINE.getTemplate(template).data("title", title);
        data.forEach(page::data);
        return page.render();
    }

    /** Writes it to a file. */
    public void write(Path file) {
        Workspace.write(file, html());
    }
}
