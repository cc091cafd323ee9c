using System.Runtime.InteropServices;

namespace Dataplane.Capture.Live.Linux;

/// <summary>struct tpacket2_hdr and the sockaddr_ll behind it: what stands before each frame in the ring.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct PacketFrame
{
    /// <summary>The frame is ours.</summary>
    internal const uint StatusUser = 1;

    /// <summary>It is longer than its place: the whole of it waits in the socket's queue.</summary>
    internal const uint StatusCopy = 2;

    /// <summary>Its sender left the checksum to hardware.</summary>
    internal const uint StatusChecksumNotReady = 1 << 3;

    internal const uint StatusTagValid = 1 << 4;
    internal const uint StatusTagProtocolValid = 1 << 6;

    /// <summary>PACKET_OUTGOING: this machine sent it.</summary>
    internal const byte OutgoingType = 4;

    internal uint Status;

    /// <summary>Bytes of the frame.</summary>
    internal uint Length;

    /// <summary>Bytes of it that are here.</summary>
    internal uint Captured;

    /// <summary>From this structure to the frame.</summary>
    internal ushort Offset;

    internal ushort NetworkOffset;
    internal uint Seconds;
    internal uint Nanoseconds;

    /// <summary>The 802.1Q tag that the kernel took out of the frame: priority and VLAN.</summary>
    internal ushort TagControl;

    /// <summary>Its EtherType: 0x8100 or 0x88a8.</summary>
    internal ushort TagProtocol;

    internal uint Padding;

    internal ushort Family;
    internal ushort Protocol;
    internal int Interface;
    internal ushort Hardware;
    internal byte PacketType;
}
