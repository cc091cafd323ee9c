using System;
using System.Buffers.Binary;
using System.IO;
using System.Runtime.InteropServices;

namespace Dataplane.Capture;

/// <summary>Which file a path leads to, whatever it is called there: links of both kinds lead to one file.</summary>
public static partial class FileIdentity
{
    private const int CurrentFolder = -100;
    private const uint MaskInode = 0x100;
    private const int StatxBytes = 256;

    /// <summary>Equal for two paths of one file; null when there is none, or none that can be looked at.</summary>
    /// <remarks>On Linux the device and the number of the file (statx(2)), elsewhere the path behind symbolic links: a hard link is not seen there.</remarks>
    public static string? Of(string path)
    {
        if (!OperatingSystem.IsLinux())
        {
            try
            {
                return File.Exists(path) ? File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? Path.GetFullPath(path) : null;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                return null;
            }
        }

        byte[] found = new byte[StatxBytes];
        if (Statx(CurrentFolder, path, 0, MaskInode, found) != 0)
        {
            return null;
        }

        // struct statx is the same on every processor: stx_ino at 32, stx_dev_major and stx_dev_minor at 136.
        ulong inode = Native64(found.AsSpan(32)), device = Native64(found.AsSpan(136));
        return $"{device:x}:{inode:x}";
    }

    private static ulong Native64(ReadOnlySpan<byte> bytes) => BitConverter.IsLittleEndian ? BinaryPrimitives.ReadUInt64LittleEndian(bytes) : BinaryPrimitives.ReadUInt64BigEndian(bytes);

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Statx(int folder, string path, int flags, uint mask, [Out] byte[] found);
}
