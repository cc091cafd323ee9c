// The system calls of the Linux back-ends. Each returns what the C function returns; errno is Marshal.GetLastPInvokeError() right afterwards.

using System.ComponentModel;
using System.Runtime.InteropServices;

namespace Dataplane.Capture.Live.Linux;

internal static unsafe partial class Libc
{
    internal const int AddressFamilyPacket = 17;
    internal const int AddressFamilyXdp = 44;
    internal const int AddressFamilyInternet = 2;
    internal const int SocketRaw = 3;
    internal const int SocketDatagram = 2;
    internal const int SocketCloseOnExec = 0x80000;

    internal const int LevelSocket = 1;
    internal const int OptionError = 4;
    internal const int OptionSendBufferForce = 32;

    internal const int MessageDontWait = 0x40;
    internal const int MessageTruncated = 0x20;

    internal const int ProtectReadWrite = 3;
    internal const int MapShared = 1;
    internal const int MapPrivateAnonymous = 0x22;
    internal const int MapPopulate = 0x8000;

    internal const int ProcessTimerSlack = 29;
    internal const short PollIn = 1;
    internal const short PollError = 8;
    internal const short PollHangUp = 16;
    internal const int AdviseHugePage = 14;

    internal const short PollInvalid = 32;

    private const int ClockRealTime = 0;
    private const int EventFdNonBlockCloseOnExec = 0x800 | 0x80000;

    internal static int LastError => Marshal.GetLastPInvokeError();

    /// <summary>Nanoseconds since 1970-01-01 UTC by the wall clock.</summary>
    internal static long RealTime()
    {
        TimeSpec time;
        _ = ClockGetTime(ClockRealTime, &time);
        return (time.Seconds * 1_000_000_000L) + time.Nanoseconds;
    }

    /// <summary>An event counter: readable once something was written, until it is read.</summary>
    internal static int EventFd() => EventFd(0, EventFdNonBlockCloseOnExec);

    /// <summary>What the system says about an error number: <c>Operation not permitted</c>.</summary>
    internal static string Describe(int error) => new Win32Exception(error).Message;

    internal static int SetOption(int descriptor, int level, int option, int value) => SetSocketOption(descriptor, level, option, &value, sizeof(int));

    [LibraryImport("libc", EntryPoint = "socket", SetLastError = true)]
    internal static partial int Socket(int family, int type, int protocol);

    [LibraryImport("libc", EntryPoint = "bind", SetLastError = true)]
    internal static partial int Bind(int descriptor, void* address, uint length);

    [LibraryImport("libc", EntryPoint = "setsockopt", SetLastError = true)]
    internal static partial int SetSocketOption(int descriptor, int level, int option, void* value, uint length);

    [LibraryImport("libc", EntryPoint = "getsockopt", SetLastError = true)]
    internal static partial int GetSocketOption(int descriptor, int level, int option, void* value, uint* length);

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    internal static partial void* Map(void* address, nuint length, int protection, int flags, int descriptor, long offset);

    [LibraryImport("libc", EntryPoint = "madvise", SetLastError = true)]
    internal static partial int Advise(void* address, nuint length, int advice);

    [LibraryImport("libc", EntryPoint = "munmap", SetLastError = true)]
    internal static partial int Unmap(void* address, nuint length);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    internal static partial int Close(int descriptor);

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    internal static partial int Control(int descriptor, nuint request, void* argument);

    [LibraryImport("libc", EntryPoint = "nanosleep", SetLastError = true)]
    internal static partial int Sleep(TimeSpec* span, TimeSpec* left);

    [LibraryImport("libc", EntryPoint = "prctl", SetLastError = true)]
    internal static partial int SetProcess(int option, nuint value, nuint a, nuint b, nuint c);

    [LibraryImport("libc", EntryPoint = "ppoll", SetLastError = true)]
    internal static partial int Poll(PollDescriptor* descriptors, nuint count, TimeSpec* timeout, void* signals);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    internal static partial nint Read(int descriptor, void* buffer, nuint length);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    internal static partial nint Write(int descriptor, void* buffer, nuint length);

    [LibraryImport("libc", EntryPoint = "recv", SetLastError = true)]
    internal static partial nint Receive(int descriptor, void* buffer, nuint length, int flags);

    [LibraryImport("libc", EntryPoint = "sendto", SetLastError = true)]
    internal static partial nint SendTo(int descriptor, void* buffer, nuint length, int flags, void* address, uint addressLength);

    [LibraryImport("libc", EntryPoint = "sendmmsg", SetLastError = true)]
    internal static partial int SendMany(int descriptor, Message* messages, uint count, int flags);

    [LibraryImport("libc", EntryPoint = "if_nametoindex", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial uint InterfaceIndex(string name);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    internal static partial nint SystemCall(nint number, nint first, void* second, nint third);

    [LibraryImport("libc", EntryPoint = "eventfd", SetLastError = true)]
    private static partial int EventFd(uint initial, int flags);

    // It is a read of shared memory most of the time: too short for telling the garbage collector that we are away.
    [LibraryImport("libc", EntryPoint = "clock_gettime"), SuppressGCTransition]
    private static partial int ClockGetTime(int clock, TimeSpec* time);
}
