namespace Dataplane.Capture.Live;

/// <summary>How long frames are.</summary>
internal static class InterfaceLimits
{
    private const int EthernetBytes = 14;
    private const int TagBytes = 4;

    /// <summary>The longest frame that any back-end hands on: an IP packet of 64 KiB with its headers, which receive offload makes.</summary>
    internal const int LongestFrame = 65_536 + 64;

    /// <summary>The longest frame that an interface sends: Ethernet adds a header, and one tag that does not count for the MTU.</summary>
    internal static int FrameBytes(int mtu) => mtu + EthernetBytes + TagBytes;
}
