using System.IO.Compression;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using UglyToad.PdfPig;

namespace CloudTab.UploadApi;

/// <summary>
/// Confines the process that reads PDFs to what it has: its memory, and the pipes to the service. The kernel then refuses it sockets, the
/// content of files and changes to them, programs, and whatever reaches other processes: their memory, signals, shared memory and messages,
/// and how they are scheduled. It can still ask which files and processes there are. A filter of system calls (seccomp) needs no rights
/// and no other user, and works in containers; once given, it cannot be taken back.
/// </summary>
internal static class PdfConfinement
{
    private const int SetNoNewPrivileges = 38;
    private const int SetFilter = 1;
    private const int AllThreads = 1;

    // linux/filter.h, linux/seccomp.h. Operations on one 32-bit word; offsets in `struct seccomp_data`.
    private const ushort Load = 0x20;
    private const ushort JumpIfEqual = 0x15;
    private const ushort JumpIfAtLeast = 0x35;
    private const ushort JumpIfSet = 0x45;
    private const ushort Return = 0x06;
    private const uint CallNumber = 0;
    private const uint CallAbi = 4;
    private const uint FirstArgument = 16;
    private const uint SecondArgument = 24;
    private const uint Allow = 0x7FFF0000;
    private const uint KillProcess = 0x80000000;
    private const uint NotPermitted = 0x00050000 | 1;
    private const uint NotImplemented = 0x00050000 | 38;
    private const uint SecondAbi = 0x40000000; // the x32 calls of x86-64
    private const uint SameProcess = 0x00010000; // CLONE_THREAD
    private const uint FirstUnknown = 453; // newer calls have the same numbers everywhere

    // Numbers on x86-64 and on arm64; 0 where a call does not exist.
    private static readonly (uint X64, uint Arm64)[] Refused =
    [
        // Network: socket, connect, accept, sendto, recvfrom, sendmsg, recvmsg, bind, listen, socketpair, accept4, recvmmsg, sendmmsg.
        (41, 198), (42, 203), (43, 202), (44, 206), (45, 207), (46, 211), (47, 212), (49, 200), (50, 201), (53, 199), (288, 242), (299, 243), (307, 269),
        // Files: open, openat, openat2, creat, name_to_handle_at, open_by_handle_at, memfd_secret, truncate, rename(at, at2), mkdir(at), rmdir, link(at).
        (2, 0), (257, 56), (437, 437), (85, 0), (303, 264), (304, 265), (447, 447), (76, 45), (82, 0), (264, 38), (316, 276), (83, 0), (258, 34), (84, 0), (86, 0), (265, 37),
        // unlink(at), symlink(at), chmod, fchmodat(2), chown, lchown, fchownat, mknod(at), chroot, pivot_root, mount, umount2, and the newer calls of mounting.
        (87, 0), (263, 35), (88, 0), (266, 36), (90, 0), (268, 53), (452, 452), (92, 0), (94, 0), (260, 54), (133, 0), (259, 33), (161, 51), (155, 41), (165, 40), (166, 39),
        (428, 428), (429, 429), (430, 430), (431, 431), (432, 432), (433, 433), (442, 442),
        // utime(s, nsat), futimesat, (l)setxattr, (l)removexattr, uselib, acct, swapon, swapoff, quotactl(_fd), inotify_init(1), fanotify_init, vhangup.
        (132, 0), (235, 0), (280, 88), (261, 0), (188, 5), (189, 6), (197, 14), (198, 15), (134, 0), (163, 89), (167, 224), (168, 225), (179, 60), (443, 443), (253, 0), (294, 26), (300, 262), (153, 58),
        // Programs: fork, vfork, execve, execveat, unshare, setns.
        (57, 0), (58, 0), (59, 221), (322, 281), (272, 97), (308, 268),
        // Other processes: ptrace, get_robust_list, process_vm_readv, process_vm_writev, kcmp, pidfd_send_signal, pidfd_open, pidfd_getfd, process_madvise, process_mrelease.
        (101, 117), (274, 100), (310, 270), (311, 271), (312, 272), (424, 424), (434, 434), (438, 438), (440, 440), (448, 448),
        // tkill, rt_sigqueueinfo, rt_tgsigqueueinfo, prlimit64, setpriority, sched_setparam, sched_setscheduler, sched_setattr, ioprio_set, migrate_pages, move_pages.
        (200, 130), (129, 138), (297, 240), (302, 261), (141, 140), (142, 118), (144, 119), (314, 274), (251, 30), (256, 238), (279, 239),
        // shmget, shmat, shmctl, semget, semop, semctl, semtimedop, msgget, msgsnd, msgrcv, msgctl, mq_open, mq_unlink.
        (29, 194), (30, 196), (31, 195), (64, 190), (65, 193), (66, 191), (220, 192), (68, 186), (69, 189), (70, 188), (71, 187), (240, 180), (241, 181),
        // The kernel: io_uring (which opens and connects by itself), bpf, perf_event_open, userfaultfd, keys, modules, kexec, reboot, ioperm, iopl.
        (425, 425), (426, 426), (427, 427), (321, 280), (298, 241), (323, 282), (248, 217), (249, 218), (250, 219), (175, 105), (313, 273), (246, 104), (320, 294), (169, 142), (173, 0), (172, 0),
        // Clocks, names, the kernel's log.
        (159, 171), (164, 170), (227, 112), (305, 266), (176, 106), (170, 161), (171, 162), (103, 116),
    ];

    // PDFs are read on one thread, and the runtime tells of a failure on the thread where it is thrown.
    [ThreadStatic]
    private static bool _missed;

    /// <summary>Loads what reading a PDF can need, since no file can be opened later.</summary>
    public static void Prepare()
    {
        HashSet<string> seen = [];
        Queue<Assembly> open = new([typeof(PdfDocument).Assembly]);
        while (open.TryDequeue(out var assembly))
        {
            foreach (var name in assembly.GetReferencedAssemblies().Where(name => seen.Add(name.FullName)))
                open.Enqueue(Assembly.Load(name));
        }

        // Native libraries are loaded on first use: those of compression and of encryption.
        using (var compressed = new ZLibStream(new MemoryStream(), CompressionLevel.Fastest))
            compressed.Write(SHA256.HashData([]));
        using var aes = Aes.Create();
        aes.EncryptCbc(new byte[1], new byte[16]);
        // The runtime keeps its source of seeds open; without it, those of hash tables could be guessed.
        Random.Shared.Next();
    }

    /// <summary>Refuses this process, from now on, everything beyond it.</summary>
    /// <param name="wholeProcess">Else the calling thread alone.</param>
    /// <returns>Whether it is confined: the kernel or the platform may not be able to.</returns>
    public static bool Enter(bool wholeProcess = true)
    {
        if (!OperatingSystem.IsLinux() || FilterOf(RuntimeInformation.ProcessArchitecture, (uint)Environment.ProcessId) is not { } filter)
            return false;
        if (Prctl(SetNoNewPrivileges, 1, 0, 0, 0) != 0)
            return false;
        var pinned = GCHandle.Alloc(filter, GCHandleType.Pinned);
        try
        {
            var program = new FilterProgram((ushort)filter.Length, pinned.AddrOfPinnedObject());
            var seccomp = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 317 : 277;
            AppDomain.CurrentDomain.FirstChanceException += (_, failure) => _missed |= IsOfMissingFile(failure.Exception);
            return Syscall(seccomp, SetFilter, wholeProcess ? AllThreads : 0, ref program) == 0;
        }
        finally
        {
            pinned.Free();
        }
    }

    /// <summary>Whether this thread needed a file since it was last asked, also if the failure was handled: then <see cref="Prepare"/> is incomplete.</summary>
    public static bool HasMissedFile()
    {
        var missed = _missed;
        _missed = false;
        return missed;
    }

    private static bool IsOfMissingFile(Exception failure) =>
        failure is FileNotFoundException or FileLoadException or BadImageFormatException or DllNotFoundException or UnauthorizedAccessException;

    private static Instruction[]? FilterOf(Architecture architecture, uint process)
    {
        var isX64 = architecture == Architecture.X64;
        if (!isX64 && architecture != Architecture.Arm64)
            return null;
        var (audited, clone, kill, tgkill) = isX64 ? (0xC000003E, 56u, 62u, 234u) : (0xC00000B7, 220u, 129u, 131u);
        var (setAffinity, control) = isX64 ? (203u, 72u) : (122u, 25u);
        List<Instruction> filter =
        [
            new(Load, 0, 0, CallAbi), new(JumpIfEqual, 1, 0, audited), new(Return, 0, 0, KillProcess),
            new(Load, 0, 0, CallNumber), new(JumpIfAtLeast, 0, 1, SecondAbi), new(Return, 0, 0, NotPermitted),
        ];
        foreach (var (x64, arm64) in Refused)
        {
            if ((isX64 ? x64 : arm64) is not 0 and var call)
                filter.AddRange([new(JumpIfEqual, 0, 1, call), new(Return, 0, 0, NotPermitted)]);
        }

        // Calls that are newer than this list, whatever they do: libraries know what to do on kernels without them.
        filter.AddRange([new(JumpIfAtLeast, 0, 1, FirstUnknown), new(Return, 0, 0, NotImplemented)]);
        // Threads, but no processes. What clone3 would do is behind a pointer: without it, libraries take clone.
        filter.AddRange([new(JumpIfEqual, 0, 1, 435), new(Return, 0, 0, NotImplemented)]);
        filter.AddRange([new(JumpIfEqual, 0, 4, clone), new(Load, 0, 0, FirstArgument), new(JumpIfSet, 1, 0, SameProcess), new(Return, 0, 0, NotPermitted), new(Return, 0, 0, Allow)]);
        // A thread's own processors, but not those of others: the runtime sets them for each new thread.
        filter.AddRange([new(JumpIfEqual, 0, 4, setAffinity), new(Load, 0, 0, FirstArgument), new(JumpIfEqual, 1, 0, 0), new(Return, 0, 0, NotPermitted), new(Return, 0, 0, Allow)]);
        // fcntl, but not F_SETOWN, F_SETSIG and F_SETOWN_EX: a pipe would send signals to whichever process they name.
        filter.AddRange([new(JumpIfEqual, 0, 6, control), new(Load, 0, 0, SecondArgument), new(JumpIfEqual, 2, 0, 8), new(JumpIfEqual, 1, 0, 10), new(JumpIfEqual, 0, 1, 15), new(Return, 0, 0, NotPermitted), new(Return, 0, 0, Allow)]);
        // Signals to itself: the runtime stops its threads by them.
        filter.AddRange([new(JumpIfEqual, 1, 0, kill), new(JumpIfEqual, 0, 3, tgkill), new(Load, 0, 0, FirstArgument), new(JumpIfEqual, 1, 0, process), new(Return, 0, 0, NotPermitted)]);
        filter.Add(new(Return, 0, 0, Allow));
        return [.. filter];
    }

    [DllImport("libc", EntryPoint = "prctl"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Prctl(int option, nuint second, nuint third, nuint fourth, nuint fifth);

    [DllImport("libc", EntryPoint = "syscall"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern nint Syscall(nint call, nint first, nint second, ref FilterProgram third);

    /// <summary>`struct sock_filter`.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct Instruction(ushort Code, byte IfTrue, byte IfFalse, uint Operand);

    /// <summary>`struct sock_fprog`.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct FilterProgram(ushort Length, nint First);
}
