package io.foothold.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.auto.service.processor.AutoServiceProcessor;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.lang.reflect.Constructor;
import java.lang.reflect.Method;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;

/**
 * The program with some source files changed, as somebody who follows a page would have it: they are compiled against what is there, and
 * the program's packages are loaded anew beside the running ones. Libraries are shared.
 */
final class PatchedProgram extends URLClassLoader {
    private PatchedProgram(Path classes) throws IOException {
        super(urls(classes), PatchedProgram.class.getClassLoader());
    }

    /**
     * Compiles and loads.
     *
     * @param directory an empty one
     * @param sources texts by the names of their files
     */
    static PatchedProgram of(Path directory, Map<String, String> sources) throws IOException {
        Path written = Files.createDirectories(directory.resolve("sources"));
        Path classes = Files.createDirectories(directory.resolve("classes"));
        List<String> arguments = new ArrayList<>(List.of(
                "-processor",
                AutoServiceProcessor.class.getName(),
                "-cp",
                System.getProperty("java.class.path"),
                "-d",
                classes.toString()));
        for (Map.Entry<String, String> source : sources.entrySet()) {
            arguments.add(Files.writeString(written.resolve(source.getKey()), source.getValue())
                    .toString());
        }
        ByteArrayOutputStream said = new ByteArrayOutputStream();
        assertThat(ToolProvider.getSystemJavaCompiler().run(null, said, said, arguments.toArray(String[]::new)))
                .as(() -> said.toString(StandardCharsets.UTF_8))
                .isZero();
        return new PatchedProgram(classes);
    }

    /** Runs every test of a class that needs no extension; gives how many there were. */
    int runTests(String name) throws ReflectiveOperationException {
        Class<?> test = loadClass(name);
        Constructor<?> constructor = test.getDeclaredConstructor();
        constructor.setAccessible(true);
        int run = 0;
        for (Method method : test.getDeclaredMethods()) {
            if (method.isAnnotationPresent(Test.class)) {
                method.setAccessible(true);
                method.invoke(constructor.newInstance());
                run++;
            }
        }
        return run;
    }

    private static URL[] urls(Path classes) throws MalformedURLException {
        List<URL> out = new ArrayList<>(List.of(classes.toUri().toURL()));
        for (String entry : System.getProperty("java.class.path").split(File.pathSeparator)) {
            out.add(Path.of(entry).toUri().toURL());
        }
        return out.toArray(URL[]::new);
    }

    @Override
    protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
        if (!name.startsWith("io.foothold.")) {
            return super.loadClass(name, resolve);
        }
        synchronized (getClassLoadingLock(name)) {
            Class<?> loaded = findLoadedClass(name);
            return loaded != null ? loaded : findClass(name);
        }
    }
}
