package io.foothold.verifier.code;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * The seccomp filter of the sandbox, as the array of {@code struct sock_filter} that bubblewrap reads. It refuses the system calls
 * by which memory can be held that no process maps (so that the memory watch would not see it), and those that reach kernel
 * facilities a program of a problem has no use for, families of sockets among them. Linux on x86-64 only.
 */
final class SystemCalls {
    private static final int AUDIT_ARCH_X86_64 = 0xC000003E;
    private static final int X32_BIT = 0x40000000;
    private static final int LOAD_WORD = 0x20;
    private static final int JUMP_EQUAL = 0x15;
    private static final int JUMP_AT_LEAST = 0x35;
    private static final int JUMP_ANY_BIT = 0x45;
    private static final int RETURN = 0x06;
    private static final int ALLOW = 0x7FFF0000;
    private static final int KILL = 0x80000000;
    private static final int ERROR = 0x00050000;
    private static final int EPERM = 1;
    private static final int ENOSYS = 38;
    private static final int NUMBER = 0;
    private static final int ARCHITECTURE = 4;
    private static final int FIRST_ARGUMENT = 16;
    private static final int CLONE = 56;
    private static final int CLONE3 = 435;
    private static final int SOCKET = 41;
    private static final int SOCKET_PAIR = 53;
    private static final int NO_SUCH_FAMILY = 97;
    /** AF_UNIX, AF_INET, AF_INET6: inside the sandbox's own network. AF_VSOCK, for one, would reach the machine around a guest. */
    private static final int[] FAMILIES = {1, 2, 10};
    /** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET. */
    private static final int NEW_NAMESPACES = 0x7E020000;

    /** By number: what holds memory, what makes namespaces or mounts, what looks into other processes, key rings, bpf, io_uring. */
    private static final int[] REFUSED = {
        29, // shmget
        64, // semget
        68, // msgget
        101, // ptrace
        135, // personality
        155, // pivot_root
        161, // chroot
        165, // mount
        166, // umount2
        240, // mq_open
        248, // add_key
        249, // request_key
        250, // keyctl
        272, // unshare
        298, // perf_event_open
        308, // setns
        310, // process_vm_readv
        311, // process_vm_writev
        319, // memfd_create
        321, // bpf
        323, // userfaultfd
        425, // io_uring_setup
        428, // open_tree
        429, // move_mount
        430, // fsopen
        442, // mount_setattr
        447 // memfd_secret
    };

    private SystemCalls() {}

    /** Whether this machine's system calls are the ones that the filter names. */
    static boolean known() {
        return System.getProperty("os.name").equals("Linux")
                && System.getProperty("os.arch").equals("amd64");
    }

    /** The filter. */
    static byte[] filter() {
        ByteBuffer out = ByteBuffer.allocate(8 * (REFUSED.length * 2 + FAMILIES.length + 18))
                .order(ByteOrder.LITTLE_ENDIAN);
        step(out, LOAD_WORD, 0, 0, ARCHITECTURE);
        step(out, JUMP_EQUAL, 1, 0, AUDIT_ARCH_X86_64);
        step(out, RETURN, 0, 0, KILL);
        step(out, LOAD_WORD, 0, 0, NUMBER);
        step(out, JUMP_AT_LEAST, 0, 1, X32_BIT);
        step(out, RETURN, 0, 0, ERROR | EPERM);
        // The C library falls back to clone, whose flags can be read.
        step(out, JUMP_EQUAL, 0, 1, CLONE3);
        step(out, RETURN, 0, 0, ERROR | ENOSYS);
        for (int call : REFUSED) {
            step(out, JUMP_EQUAL, 0, 1, call);
            step(out, RETURN, 0, 0, ERROR | EPERM);
        }
        step(out, JUMP_EQUAL, 1, 0, SOCKET);
        step(out, JUMP_EQUAL, 0, FAMILIES.length + 3, SOCKET_PAIR);
        step(out, LOAD_WORD, 0, 0, FIRST_ARGUMENT);
        for (int i = 0; i < FAMILIES.length; i++) {
            step(out, JUMP_EQUAL, FAMILIES.length - i, 0, FAMILIES[i]);
        }
        step(out, RETURN, 0, 0, ERROR | NO_SUCH_FAMILY);
        step(out, RETURN, 0, 0, ALLOW);
        step(out, JUMP_EQUAL, 0, 3, CLONE);
        step(out, LOAD_WORD, 0, 0, FIRST_ARGUMENT);
        step(out, JUMP_ANY_BIT, 0, 1, NEW_NAMESPACES);
        step(out, RETURN, 0, 0, ERROR | EPERM);
        step(out, RETURN, 0, 0, ALLOW);
        out.flip();
        byte[] program = new byte[out.remaining()];
        out.get(program);
        return program;
    }

    private static void step(ByteBuffer out, int code, int whenTrue, int whenFalse, int k) {
        out.putShort((short) code).put((byte) whenTrue).put((byte) whenFalse).putInt(k);
    }
}
