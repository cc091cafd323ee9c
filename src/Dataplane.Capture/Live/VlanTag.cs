using System;
using System.Buffers.Binary;

namespace Dataplane.Capture.Live;

/// <summary>The 802.1Q tag of a frame, which a kernel takes out of it and reports beside it.</summary>
internal static class VlanTag
{
    internal const int Length = 4;

    /// <summary>The EtherType of a tag, unless it is said to be another.</summary>
    internal const ushort Protocol = 0x8100;

    private const int AddressBytes = 12;

    /// <summary>Copies a frame and puts its tag back, behind the two addresses.</summary>
    /// <param name="to">Four bytes longer than the frame.</param>
    internal static void CopyWith(ReadOnlySpan<byte> frame, ushort protocol, ushort control, Span<byte> to)
    {
        int addresses = Math.Min(AddressBytes, frame.Length);
        frame[..addresses].CopyTo(to);
        BinaryPrimitives.WriteUInt16BigEndian(to[addresses..], protocol);
        BinaryPrimitives.WriteUInt16BigEndian(to[(addresses + 2)..], control);
        frame[addresses..].CopyTo(to[(addresses + Length)..]);
    }
}
