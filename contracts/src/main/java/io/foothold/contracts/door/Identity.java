package io.foothold.contracts.door;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.flow.StreamTimer;
import io.grpc.ChannelCredentials;
import io.grpc.InsecureChannelCredentials;
import io.grpc.TlsChannelCredentials;
import io.grpc.util.AdvancedTlsX509KeyManager;
import io.grpc.util.AdvancedTlsX509TrustManager;
import io.grpc.util.CertificateUtils;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.PrivateKey;
import java.security.Signature;
import java.security.cert.CertPathValidator;
import java.security.cert.CertificateFactory;
import java.security.cert.PKIXParameters;
import java.security.cert.TrustAnchor;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.Arrays;
import java.util.Date;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import javax.net.ssl.X509KeyManager;
import javax.net.ssl.X509TrustManager;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * The certificate that this service shows to its peers and at its ports, or none. Its files are read again every few seconds, so that a new certificate
 * counts from the next connection on. Thread-safe.
 */
public final class Identity implements AutoCloseable {
    private static final Logger LOG = Logger.getLogger(Identity.class);
    private static final String CERTIFICATE = TlsConfig.PREFIX + ".certificate";
    private static final String KEY = TlsConfig.PREFIX + ".key";
    private static final String AUTHORITIES = TlsConfig.PREFIX + ".authorities";

    /** The files, and the managers that connections ask; null without TLS. */
    private final @Nullable Pems files;

    private final AdvancedTlsX509KeyManager keys = new AdvancedTlsX509KeyManager();
    private final AdvancedTlsX509TrustManager trust;
    private final @Nullable StreamTimer timer;
    private volatile List<X509Certificate> chain = List.of();
    private volatile Set<X509Certificate> authorities = Set.of();
    private volatile String trouble = "";

    private record Pems(Path certificate, Path key, Path authorities) {}

    private Identity(@Nullable Pems files, @Nullable StreamTimer timer) {
        this.files = files;
        this.timer = timer;
        try {
            this.trust = AdvancedTlsX509TrustManager.newBuilder()
                    .setVerification(AdvancedTlsX509TrustManager.Verification.CERTIFICATE_AND_HOST_NAME_VERIFICATION)
                    .build();
        } catch (GeneralSecurityException e) {
            throw new FootholdException(ErrorCode.INTERNAL, "this JVM has no TLS: " + e.getMessage(), e);
        }
    }

    /** Nobody in particular: connections are without TLS. */
    public static Identity none() {
        return new Identity(null, null);
    }

    /**
     * The identity that the settings name.
     *
     * @throws FootholdException INVALID_INPUT with the setting and its file when one is missing or cannot be used
     */
    static Identity of(TlsConfig config) {
        if (config.certificate().isEmpty()) {
            return none();
        }
        StreamTimer timer = StreamTimer.system("certificate-");
        Identity out = of(
                config.certificate().get(),
                config.key().orElseThrow(() -> missing(KEY)),
                config.authorities().orElseThrow(() -> missing(AUTHORITIES)),
                timer);
        timer.every(config.reload(), out::refresh);
        return out;
    }

    /** An identity in these PEM files; whoever has it calls {@link #refresh}. */
    static Identity of(Path certificate, Path key, Path authorities, @Nullable StreamTimer timer) {
        Identity out = new Identity(new Pems(certificate, key, authorities), timer);
        out.read();
        return out;
    }

    private static FootholdException missing(String setting) {
        return new FootholdException(ErrorCode.INVALID_INPUT, setting + " is missing beside " + CERTIFICATE);
    }

    /** Whether there is one. */
    boolean present() {
        return files != null;
    }

    /** Has the certificate of the moment. */
    X509KeyManager keys() {
        return keys;
    }

    /** Knows the authorities of the moment. */
    X509TrustManager trust() {
        return trust;
    }

    /** How connections to peers are made. */
    ChannelCredentials credentials() {
        return files == null
                ? InsecureChannelCredentials.create()
                : TlsChannelCredentials.newBuilder()
                        .keyManager(keys)
                        .trustManager(trust)
                        .build();
    }

    /** Reads the files again; what cannot be used is told once, and what was known holds. */
    void refresh() {
        try {
            read();
            trouble = "";
        } catch (FootholdException e) {
            if (!e.text().equals(trouble)) {
                trouble = e.text();
                LOG.warnf("%s; the certificate that was known holds", e.text());
            }
        }
    }

    private void read() {
        if (files == null) {
            return;
        }
        List<X509Certificate> nowChain = certificates(CERTIFICATE, files.certificate());
        Set<X509Certificate> nowAuthorities = Set.copyOf(certificates(AUTHORITIES, files.authorities()));
        PrivateKey nowKey = key(files.key());
        if (!belong(nowKey, nowChain.getFirst())) {
            throw new FootholdException(
                    ErrorCode.INVALID_INPUT,
                    KEY + " " + files.key() + " is not the key of " + CERTIFICATE + " " + files.certificate());
        }
        if (nowChain.equals(chain) && nowAuthorities.equals(authorities)) {
            return;
        }
        try {
            keys.updateIdentityCredentials(nowChain.toArray(X509Certificate[]::new), nowKey);
            trust.updateTrustCredentials(nowAuthorities.toArray(X509Certificate[]::new));
        } catch (IOException | GeneralSecurityException e) {
            throw unusable(AUTHORITIES, files.authorities(), e);
        }
        if (!chain.isEmpty()) {
            LOG.infof("%s changed: now %s, until %s", CERTIFICATE, name(nowChain.getFirst()), end(nowChain.getFirst()));
        }
        chain = nowChain;
        authorities = nowAuthorities;
    }

    private static List<X509Certificate> certificates(String setting, Path file) {
        try (InputStream in = Files.newInputStream(file)) {
            X509Certificate[] all = CertificateUtils.getX509Certificates(in);
            if (all.length == 0) {
                throw unusable(setting, file, new GeneralSecurityException("no certificate in it"));
            }
            return List.copyOf(Arrays.asList(all));
        } catch (IOException | GeneralSecurityException e) {
            throw unusable(setting, file, e);
        }
    }

    private static PrivateKey key(Path file) {
        try (InputStream in = Files.newInputStream(file)) {
            return CertificateUtils.getPrivateKey(in);
        } catch (IOException | GeneralSecurityException | IllegalArgumentException e) {
            // Its message might quote the file.
            throw new FootholdException(
                    ErrorCode.INVALID_INPUT,
                    KEY + " " + file + " cannot be used: " + e.getClass().getSimpleName()
                            + " (expected a key in PEM, BEGIN PRIVATE KEY)");
        }
    }

    private static FootholdException unusable(String setting, Path file, Exception why) {
        return new FootholdException(
                ErrorCode.INVALID_INPUT,
                setting + " " + file + " cannot be used: " + why.getClass().getSimpleName() + ": " + why.getMessage()
                        + " (expected certificates in PEM, BEGIN CERTIFICATE)",
                why);
    }

    private static boolean belong(PrivateKey key, X509Certificate certificate) {
        String algorithm =
                switch (key.getAlgorithm()) {
                    case "RSA" -> "SHA256withRSA";
                    case "EC" -> "SHA256withECDSA";
                    default -> key.getAlgorithm();
                };
        try {
            byte[] text = {1, 2, 3};
            Signature signature = Signature.getInstance(algorithm);
            signature.initSign(key);
            signature.update(text);
            byte[] signed = signature.sign();
            signature.initVerify(certificate.getPublicKey());
            signature.update(text);
            return signature.verify(signed);
        } catch (GeneralSecurityException e) {
            return false;
        }
    }

    /** What would have peers refuse this service, with the setting that is to blame; empty when nothing would. */
    Optional<String> trouble(Instant now) {
        if (files == null) {
            return Optional.empty();
        }
        if (!trouble.isEmpty()) {
            return Optional.of(trouble);
        }
        X509Certificate own = chain.getFirst();
        String what = CERTIFICATE + " " + files.certificate() + " (" + name(own) + ")";
        if (!now.isBefore(end(own))) {
            return Optional.of(what + " ended at " + end(own));
        }
        if (now.isBefore(own.getNotBefore().toInstant())) {
            return Optional.of(what + " begins at " + own.getNotBefore().toInstant());
        }
        try {
            PKIXParameters parameters = new PKIXParameters(
                    authorities.stream().map(a -> new TrustAnchor(a, null)).collect(Collectors.toSet()));
            parameters.setRevocationEnabled(false);
            parameters.setDate(Date.from(now));
            List<X509Certificate> path =
                    chain.stream().filter(c -> !authorities.contains(c)).toList();
            var unused = CertPathValidator.getInstance("PKIX")
                    .validate(CertificateFactory.getInstance("X.509").generateCertPath(path), parameters);
            return Optional.empty();
        } catch (GeneralSecurityException e) {
            return Optional.of(what + " is not of " + AUTHORITIES + " " + files.authorities() + ": " + e.getMessage());
        }
    }

    private static String name(X509Certificate certificate) {
        return certificate.getSubjectX500Principal().getName();
    }

    private static Instant end(X509Certificate certificate) {
        return certificate.getNotAfter().toInstant();
    }

    @Override
    public void close() {
        if (timer != null) {
            timer.close();
        }
    }
}
