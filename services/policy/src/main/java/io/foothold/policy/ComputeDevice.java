package io.foothold.policy;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.engine.StandardCapabilities;
import ai.djl.util.cuda.CudaUtils;
import java.lang.management.MemoryUsage;
import java.util.regex.Pattern;

/** Where the embedded transformer's tensors lie and are computed: {@code cpu}, or a CUDA device by its number, {@code cuda:0}. */
public final class ComputeDevice {
    /** What stands where no other device is asked for. */
    public static final ComputeDevice CPU = new ComputeDevice("cpu");

    private static final Pattern CUDA = Pattern.compile("cuda:(\\d{1,3})");

    private final String name;

    private ComputeDevice(String name) {
        this.name = name;
    }

    /**
     * A device by its name. Whether it is there is asked by {@link #require}.
     *
     * @param setting who names it, for the message
     * @throws PolicyException for another name
     */
    public static ComputeDevice of(String setting, String name) {
        if (!name.equals(CPU.name) && !CUDA.matcher(name).matches()) {
            throw new PolicyException(setting + " is '" + name + "' (expected cpu, or a CUDA device such as cuda:0)");
        }
        return named(name);
    }

    /** Any device that libtorch knows. */
    static ComputeDevice named(String name) {
        return new ComputeDevice(name);
    }

    /** As it stands in run files and as libtorch names it. */
    public String name() {
        return name;
    }

    /** Whether this is the host's memory and its cores. */
    public boolean host() {
        return name.equals(CPU.name);
    }

    /**
     * Starts libtorch and checks that it can compute here; touches no memory of the device.
     *
     * @param setting who asks for it, for the message
     * @throws PolicyException when there is no such device, or libtorch is one for CPUs
     */
    public void require(String setting) {
        var cuda = CUDA.matcher(name);
        if (!cuda.matches()) {
            return;
        }
        NativeRuntime.start();
        Engine engine = Engine.getEngine("PyTorch");
        boolean built = engine.hasCapability(StandardCapabilities.CUDA);
        int seen = CudaUtils.getGpuCount();
        if (built && Integer.parseInt(cuda.group(1)) < seen) {
            return;
        }
        String found = (built ? "libtorch " + engine.getVersion() + " for CUDA" : "a libtorch that is for CPUs")
                + " and "
                + (seen == 0 ? "no CUDA device (as far as libcudart can be loaded)" : "CUDA devices 0.." + (seen - 1));
        String remedy = built
                ? "name a device that is there, or put libcudart on LD_LIBRARY_PATH"
                : "give the process the libtorch of PyTorch 2.7.1 for CUDA 12.8 by PYTORCH_LIBRARY_PATH=DIR, PYTORCH_VERSION=2.7.1 "
                        + "and PYTORCH_FLAVOR=cu128, or DJL's native package for CUDA on the class path; or set it to cpu";
        throw new PolicyException(setting + " is " + name + ", and there is " + found + ": " + remedy);
    }

    /** All memory of a CUDA device, in bytes. */
    public long totalBytes() {
        return memory().getMax();
    }

    private MemoryUsage memory() {
        var cuda = CUDA.matcher(name);
        if (!cuda.matches()) {
            throw new IllegalStateException(name + " is no CUDA device");
        }
        return CudaUtils.getGpuMemory(Device.gpu(Integer.parseInt(cuda.group(1))));
    }

    /** What layers may keep for the backward pass, in bytes: half of what the device has left. */
    long keptBytes() {
        if (!CUDA.matcher(name).matches()) {
            return MachineMemory.available() / 2;
        }
        MemoryUsage memory = memory();
        return (memory.getMax() - memory.getUsed()) / 2;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof ComputeDevice d && d.name.equals(name);
    }

    @Override
    public int hashCode() {
        return name.hashCode();
    }

    @Override
    public String toString() {
        return name;
    }
}
