package io.foothold.contracts.door;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.smallrye.config.ConfigSourceContext;
import io.smallrye.config.ConfigSourceFactory;
import io.smallrye.config.ConfigValue;
import io.smallrye.config.PropertiesConfigSource;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.eclipse.microprofile.config.spi.ConfigSource;

/**
 * Makes settings of Quarkus' HTTP servers of {@link TlsConfig}: with a certificate the service's port and the management port speak TLS, as
 * {@link ServedIdentity} has it, and nothing else. Whoever sets those of Quarkus in the environment or on the command line has them win.
 */
public final class TlsSettings implements ConfigSourceFactory {
    /** Name in the TLS registry. */
    static final String NAME = "foothold";

    /** Above application.properties, below the environment. */
    private static final int ORDINAL = 260;

    private static final List<String> FILES = List.of("certificate", "key", "authorities");

    @Override
    public Iterable<ConfigSource> getConfigSources(ConfigSourceContext context) {
        Map<String, String> given = new LinkedHashMap<>();
        for (String file : FILES) {
            String value = value(context, TlsConfig.PREFIX + "." + file, "");
            if (!value.isEmpty()) {
                given.put(file, value);
            }
        }
        if (given.isEmpty()) {
            return List.of();
        }
        for (String file : FILES) {
            if (!given.containsKey(file)) {
                throw new FootholdException(
                        ErrorCode.INVALID_INPUT,
                        TlsConfig.PREFIX + "." + file
                                + " is missing: TLS needs .certificate, .key and .authorities, got " + given.keySet());
            }
        }
        Map<String, String> out = new LinkedHashMap<>();
        out.put("quarkus.http.tls-configuration-name", NAME);
        out.put("quarkus.management.tls-configuration-name", NAME);
        out.put("quarkus.http.insecure-requests", "disabled");
        out.put("quarkus.http.ssl-port", value(context, "quarkus.http.port", "8443"));
        return List.of(new PropertiesConfigSource(out, TlsConfig.PREFIX, ORDINAL));
    }

    private static String value(ConfigSourceContext context, String key, String absent) {
        ConfigValue value = context.getValue(key);
        return value == null || value.getValue() == null || value.getValue().isEmpty() ? absent : value.getValue();
    }
}
