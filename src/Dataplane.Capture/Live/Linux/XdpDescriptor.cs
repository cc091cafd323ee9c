using System.Runtime.InteropServices;

namespace Dataplane.Capture.Live.Linux;

/// <summary>struct xdp_desc.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct XdpDescriptor
{
    /// <summary>Where the frame begins in the shared memory.</summary>
    internal ulong Address;

    internal uint Length;
    internal uint Options;
}
