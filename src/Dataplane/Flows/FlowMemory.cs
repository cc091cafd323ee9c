// Memory of flow tables: zeroed, outside the garbage collector, in 2 MiB pages where the system gives them.
//
// A table of a million flows is touched at random, so most of its accesses miss the TLB when pages are of 4 KiB. On Linux a block of
// 2 MiB or more is aligned to 2 MiB and the kernel is asked for huge pages (madvise); it may refuse (transparent huge pages set to "never"), and other
// systems are not asked at all: then everything works as well, more slowly, and HugePages says why.
// Pages are committed by the first touch, so a large block costs address space until it is used.

using System;
using System.IO;
using System.Runtime.ConstrainedExecution;
using System.Runtime.InteropServices;
using System.Threading;

namespace Dataplane.Flows;

/// <summary>One block of zeroed memory. Freed by Dispose, or by the finaliser of a forgotten one.</summary>
internal sealed unsafe partial class FlowMemory : CriticalFinalizerObject, IDisposable
{
    private const nuint HugePage = 2 * 1024 * 1024;
    private const int ProtectReadWrite = 3;
    private const int MapPrivateAnonymous = 0x22;
    private const int MapNoReserve = 0x4000;
    private const int AdviseHugePages = 14;
    private const int AdvisePopulate = 23;

    private readonly nuint _mapped;
    private nint _block;

    /// <param name="bytes">1 or more.</param>
    /// <exception cref="InsufficientMemoryException">The system has not that much.</exception>
    public FlowMemory(nuint bytes)
    {
        if (!OperatingSystem.IsLinux())
        {
            _block = (nint)NativeMemory.AllocZeroed(bytes + 64);
            Start = (byte*)((_block + 63) & ~63);
            return;
        }

        bool isLarge = bytes >= HugePage;
        nuint unit = isLarge ? HugePage : 4096;
        nuint whole = (bytes + unit - 1) & ~(unit - 1);
        nuint mapped = isLarge ? whole + HugePage : whole;
        nint block = Map(0, mapped, ProtectReadWrite, MapPrivateAnonymous | MapNoReserve, -1, 0);
        if (block == -1)
        {
            GC.SuppressFinalize(this);
            throw new InsufficientMemoryException($"no memory for {bytes} bytes of flow table");
        }

        (_block, _mapped) = (block, mapped);
        Start = (byte*)(isLarge ? (block + (nint)HugePage - 1) & ~((nint)HugePage - 1) : block);
        if (isLarge)
        {
            _ = Advise((nint)Start, whole, AdviseHugePages);
        }
    }

    ~FlowMemory() => Free();

    /// <summary>The first byte, at a cache line's beginning; null after Dispose.</summary>
    public byte* Start { get; private set; }

    /// <summary>Whether large tables stand in 2 MiB pages, in words for a person.</summary>
    public static string HugePages
    {
        get
        {
            const string setting = "/sys/kernel/mm/transparent_hugepage/enabled";
            if (!OperatingSystem.IsLinux())
            {
                return "not asked for on this system";
            }

            try
            {
                return File.ReadAllText(setting).Contains("[never]", StringComparison.Ordinal)
                    ? $"refused: {setting} says never; large flow tables are up to a third slower. Set it to madvise."
                    : "in use for tables of 2 MiB and more";
            }
            catch (IOException)
            {
                return "unknown to this kernel";
            }
            catch (UnauthorizedAccessException)
            {
                return "unknown: the setting cannot be read";
            }
        }
    }

    /// <summary>Commits all of it now, so that no packet waits for a page. Costs as much time as the packets would have paid.</summary>
    public void Touch(nuint bytes)
    {
        if (_mapped != 0 && Advise((nint)Start, (bytes + 4095) & ~(nuint)4095, AdvisePopulate) == 0)
        {
            return;
        }

        for (nuint at = 0; at < bytes; at += 4096)
        {
            // Adding 0 writes the page and keeps what is there.
            Volatile.Write(ref Start[at], Volatile.Read(ref Start[at]));
        }
    }

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        if (_block == 0)
        {
            return;
        }

        if (_mapped == 0)
        {
            NativeMemory.Free((void*)_block);
        }
        else
        {
            _ = Unmap(_block, _mapped);
        }

        _block = 0;
        Start = null;
    }

    [LibraryImport("libc", EntryPoint = "mmap")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    private static partial nint Map(nint address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "munmap")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    private static partial int Unmap(nint address, nuint length);

    [LibraryImport("libc", EntryPoint = "madvise")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    private static partial int Advise(nint address, nuint length, int advice);
}
