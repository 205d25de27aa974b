package io.foothold.contracts.door;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;

/** An authority that a test makes, with the JDK's keytool, and certificates of it in PEM files. */
public final class TestAuthority {
    private static final String PASSWORD = "changeit";

    /** A certificate's files. */
    public record Pem(Path certificate, Path key) {
        /** Puts these in the place of others, as whoever renews certificates does. */
        public void replace(Pem old) throws IOException {
            Files.copy(key, old.key(), StandardCopyOption.REPLACE_EXISTING);
            Files.copy(certificate, old.certificate(), StandardCopyOption.REPLACE_EXISTING);
        }
    }

    private final Path directory;
    private final String name;
    private final Path store;

    /** A new authority, whose files lie there. */
    public TestAuthority(Path directory, String name) throws IOException {
        this.directory = directory;
        this.name = name;
        this.store = directory.resolve(name + ".p12");
        Files.createDirectories(directory);
        Files.deleteIfExists(store);
        keytool("-alias", name, "-dname", "CN=" + name, "-ext", "bc:c", "-validity", "3650");
    }

    /** Its own certificate. */
    public Path certificate() throws IOException {
        return write(name + ".crt", "CERTIFICATE", certificate(name));
    }

    /** A certificate for localhost that begins so many days from now and is good for ten. */
    public Pem issue(String to, int days) throws IOException {
        keytool(
                "-alias",
                to,
                "-dname",
                "CN=" + to,
                "-signer",
                name,
                "-signerkeypass",
                PASSWORD,
                "-ext",
                "san=dns:localhost,ip:127.0.0.1",
                "-startdate",
                (days < 0 ? "" : "+") + days + "d",
                "-validity",
                "10");
        try {
            byte[] key = open().getKey(to, PASSWORD.toCharArray()).getEncoded();
            return new Pem(write(to + ".crt", "CERTIFICATE", certificate(to)), write(to + ".key", "PRIVATE KEY", key));
        } catch (GeneralSecurityException e) {
            throw new IOException(e);
        }
    }

    private byte[] certificate(String alias) throws IOException {
        try {
            Certificate certificate = open().getCertificate(alias);
            return certificate.getEncoded();
        } catch (GeneralSecurityException e) {
            throw new IOException(e);
        }
    }

    private KeyStore open() throws IOException, GeneralSecurityException {
        KeyStore out = KeyStore.getInstance("PKCS12");
        try (InputStream in = Files.newInputStream(store)) {
            out.load(in, PASSWORD.toCharArray());
        }
        return out;
    }

    private Path write(String file, String kind, byte[] der) throws IOException {
        String text = Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(der);
        return Files.writeString(
                directory.resolve(file), "-----BEGIN " + kind + "-----\n" + text + "\n-----END " + kind + "-----\n");
    }

    private void keytool(String... arguments) throws IOException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "keytool").toString(),
                "-genkeypair",
                "-keyalg",
                "EC",
                "-keystore",
                store.toString(),
                "-storetype",
                "PKCS12",
                "-storepass",
                PASSWORD,
                "-keypass",
                PASSWORD));
        command.addAll(Arrays.asList(arguments));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String said = new String(process.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
        try {
            if (process.waitFor() != 0) {
                throw new IOException(command + ": " + said);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException(e);
        }
    }
}
