package io.foothold.policy;

import ai.djl.engine.Engine;
import ai.djl.pytorch.jni.JniUtils;

/** Starts libtorch once a process, checks it, and sets up each thread that uses it. */
public final class NativeRuntime {
    private static boolean started;

    private NativeRuntime() {}

    /**
     * Starts the engine if it is not running. The number of intra-op threads is {@code ai.djl.pytorch.num_threads}, 1 unless
     * set: more threads than free cores make small models many times slower.
     *
     * @throws PolicyException when libtorch cannot be loaded
     */
    public static synchronized void start() {
        if (started) {
            return;
        }
        setDefault("DJL_OFFLINE", "true");
        setDefault("OPT_OUT_TRACKING", "true");
        setDefault("ai.djl.pytorch.num_threads", "1");
        setDefault("ai.djl.pytorch.num_interop_threads", "1");
        try {
            Engine.getEngine("PyTorch");
            // Other hooks run beside this one; the process ends when the last is through.
            Runtime.getRuntime()
                    .addShutdownHook(new Thread(
                            () -> NativeSteps.end(what -> System.err.println("foothold: " + what)), "native-steps"));
        } catch (RuntimeException | LinkageError e) {
            throw new PolicyException("libtorch cannot be loaded: " + e.getMessage(), e);
        }
        started = true;
    }

    /** Prepares the calling thread: no gradients unless asked for, no graph optimiser (it is slower here, and unsafe). */
    public static void enterThread() {
        start();
        JniUtils.setGradMode(false);
        JniUtils.setGraphExecutorOptimize(false);
    }

    private static void setDefault(String key, String value) {
        if (System.getProperty(key) == null && System.getenv(key) == null) {
            System.setProperty(key, value);
        }
    }
}
