using System;
using System.Buffers.Binary;
using System.Globalization;
using Dataplane.Packets;

namespace Dataplane.Live;

/// <summary>An IEEE 802 MAC address, 48 bits.</summary>
public readonly record struct MacAddress
{
    /// <summary>Bytes of one.</summary>
    public const int Length = 6;

    private readonly ulong _bits;

    /// <param name="bits">The first byte on the wire is the highest of the low 48 bits; the upper 16 are not looked at.</param>
    public MacAddress(ulong bits) => _bits = bits & 0xFFFF_FFFF_FFFF;

    public static MacAddress Broadcast => new(0xFFFF_FFFF_FFFF);

    public ulong Bits => _bits;

    /// <summary>Addressed to several stations; broadcast is.</summary>
    public bool IsGroup => (_bits >> 40 & 1) != 0;

    /// <summary>The IPv6 link-local address that a station with it has: modified EUI-64 (RFC 4291 appendix A).</summary>
    public IpAddress LinkLocal => IpAddress.V6(0xFE80UL << 48, (((_bits >> 24) ^ 0x02_0000) << 40) | 0xFF_FE00_0000 | (_bits & 0xFF_FFFF));

    /// <param name="bytes">6 bytes or more.</param>
    public static MacAddress Read(ReadOnlySpan<byte> bytes) =>
        new(((ulong)BinaryPrimitives.ReadUInt16BigEndian(bytes) << 32) | BinaryPrimitives.ReadUInt32BigEndian(bytes[2..]));

    /// <param name="bytes">6 bytes or more.</param>
    public void Write(Span<byte> bytes)
    {
        BinaryPrimitives.WriteUInt16BigEndian(bytes, (ushort)(_bits >> 32));
        BinaryPrimitives.WriteUInt32BigEndian(bytes[2..], (uint)_bits);
    }

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{(byte)(_bits >> 40):x2}:{(byte)(_bits >> 32):x2}:{(byte)(_bits >> 24):x2}:{(byte)(_bits >> 16):x2}:{(byte)(_bits >> 8):x2}:{(byte)_bits:x2}");
}
