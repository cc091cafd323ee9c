using System;
using System.Buffers.Binary;
using Dataplane.Packets;

namespace Dataplane.Live;

/// <summary>The checksum of IP, TCP, UDP and ICMP, from scratch and updated in place.</summary>
/// <remarks>Pure; allocates nothing. Sources: RFC 1071; RFC 1624, equation 3. For a sound checksum the update equals what the whole bytes would give.</remarks>
public static class InternetChecksum
{
    /// <summary>Adds bytes to a sum, as words in network order; an odd last byte counts as if a zero followed. Only the last piece of several may be odd.</summary>
    /// <param name="bytes">At most 65,535.</param>
    public static ulong Sum(ReadOnlySpan<byte> bytes, ulong sum = 0)
    {
        // Two words at a time: 2^16 is 1 modulo 65,535, so the upper one counts where it stands.
        while (bytes.Length >= 4)
        {
            sum += BinaryPrimitives.ReadUInt32BigEndian(bytes);
            bytes = bytes[4..];
        }

        if (bytes.Length >= 2)
        {
            sum += BinaryPrimitives.ReadUInt16BigEndian(bytes);
            bytes = bytes[2..];
        }

        return bytes.Length == 0 ? sum : sum + (ulong)(bytes[0] << 8);
    }

    /// <summary>The sum of a pseudo header (RFC 9293, RFC 8200 section 8.1), to which the transport's bytes are added.</summary>
    public static ulong Pseudo(IpAddress source, IpAddress destination, byte protocol, int length) =>
        (source.High >> 32) + (uint)source.High + (source.Low >> 32) + (uint)source.Low
        + (destination.High >> 32) + (uint)destination.High + (destination.Low >> 32) + (uint)destination.Low
        + protocol + (ulong)length;

    /// <summary>The checksum field that belongs to a sum.</summary>
    public static ushort Finish(ulong sum)
    {
        while (sum >> 16 != 0)
        {
            sum = (sum & 0xFFFF) + (sum >> 16);
        }

        return (ushort)~sum;
    }

    /// <summary>The checksum after 32 of the bits that it covers have changed, two aligned words of 16.</summary>
    public static ushort Update(ushort checksum, uint before, uint after) => Finish(
        (ulong)(ushort)~checksum + (ushort)~(before >> 16) + (ushort)~before + (after >> 16) + (ushort)after);

    /// <summary>The same for 16 bits.</summary>
    public static ushort Update(ushort checksum, ushort before, ushort after) =>
        Finish((ulong)(ushort)~checksum + (ushort)~before + after);
}
