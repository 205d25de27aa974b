package io.foothold.orchestrator.ledger;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import java.io.IOException;
import java.io.InputStream;
import java.io.Reader;
import java.io.StringReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import javax.sql.DataSource;
import org.flywaydb.core.Flyway;
import org.flywaydb.core.api.MigrationInfo;
import org.flywaydb.core.api.MigrationVersion;
import org.flywaydb.core.api.ResourceProvider;
import org.flywaydb.core.api.resource.LoadableResource;
import org.jspecify.annotations.Nullable;

/**
 * The ledger's schema: one sequence of migrations for every database, in SQL that all of them read. Two types have no common name and are
 * placeholders.
 */
public final class LedgerSchema {
    private static final String DIRECTORY = "db/migration/";

    /** By name, not by looking around: a native executable has no class path. */
    private static final List<String> MIGRATIONS = List.of(
            "V1__ledger.sql",
            "V2__long_preparations.sql",
            "V20__settings_as_data.sql",
            "V21__writers.sql",
            "V22__leases.sql",
            "V24__lookups.sql",
            "V25__event_cursors.sql",
            "V26__rollouts_by_problem.sql");

    private static final Map<String, String> H2 =
            Map.of("binary", "varbinary(1000000000)", "text", "character large object");
    private static final Map<String, String> POSTGRESQL = Map.of("binary", "bytea", "text", "text");

    private LedgerSchema() {}

    /**
     * Brings a database to this version.
     *
     * @param database what it is called in messages
     * @throws FootholdException {@link ErrorCode#WRONG_STATE} when a newer version of ours made its schema
     */
    public static void migrate(DataSource source, String database) {
        // Not validated: the text of the first three was made to suit every database, which changes their checksums and
        // nothing else.
        Flyway flyway = Flyway.configure(LedgerSchema.class.getClassLoader())
                .dataSource(source)
                .resourceProvider(new Migrations())
                .javaMigrationClassProvider(List::of)
                .placeholders(postgresql(source) ? POSTGRESQL : H2)
                .validateOnMigrate(false)
                .load();
        MigrationInfo current = flyway.info().current();
        MigrationVersion newest = MigrationVersion.fromVersion(version(MIGRATIONS.getLast()));
        if (current != null
                && current.getVersion() != null
                && current.getVersion().isNewerThan(newest.getVersion())) {
            throw new FootholdException(
                    ErrorCode.WRONG_STATE,
                    "the ledger in " + database + " has schema version " + current.getVersion()
                            + ", this version of Foothold knows it up to " + newest
                            + ": start the newer version, or name another database (foothold.ledger.url)");
        }
        flyway.migrate();
    }

    private static boolean postgresql(DataSource source) {
        try (Connection c = source.getConnection()) {
            return c.getMetaData().getDatabaseProductName().equals("PostgreSQL");
        } catch (SQLException e) {
            throw new IllegalStateException(e);
        }
    }

    private static String version(String name) {
        return name.substring(1, name.indexOf("__"));
    }

    private static final class Migrations implements ResourceProvider {
        @Override
        public @Nullable LoadableResource getResource(String name) {
            String own = name.substring(name.lastIndexOf('/') + 1);
            return MIGRATIONS.contains(own) ? new Migration(own) : null;
        }

        @Override
        public Collection<LoadableResource> getResources(String prefix, String[] suffixes) {
            return MIGRATIONS.stream()
                    .filter(name -> name.startsWith(prefix))
                    .<LoadableResource>map(Migration::new)
                    .toList();
        }
    }

    private static final class Migration extends LoadableResource {
        private final String name;

        Migration(String name) {
            this.name = name;
        }

        @Override
        public Reader read() {
            String path = DIRECTORY + name;
            try (InputStream in = LedgerSchema.class.getClassLoader().getResourceAsStream(path)) {
                byte[] text = Objects.requireNonNull(in, path).readAllBytes();
                return new StringReader(new String(text, StandardCharsets.UTF_8));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        @Override
        public String getAbsolutePath() {
            return DIRECTORY + name;
        }

        @Override
        public String getAbsolutePathOnDisk() {
            return getAbsolutePath();
        }

        @Override
        public String getFilename() {
            return name;
        }

        @Override
        public String getRelativePath() {
            return name;
        }
    }
}
