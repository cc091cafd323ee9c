using System;
using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Dataplane.Packets;

/// <summary>An IPv4 or IPv6 address as two integers in host byte order.</summary>
/// <remarks>
/// An IPv4 address stands in the low 32 bits of <see cref="Low"/>. The default value is 0.0.0.0.
/// Parsing is strict: dotted decimal of four numbers without leading zeros, or RFC 4291 text. System.Net's parser
/// would read 010.0.0.1 as 8.0.0.1 and 1 as 0.0.0.1.
/// </remarks>
public readonly struct IpAddress : IEquatable<IpAddress>, IComparable<IpAddress>
{
    public IpAddress(ulong high, ulong low, bool isIpv6)
    {
        High = high;
        Low = low;
        IsIpv6 = isIpv6;
    }

    /// <summary>Bits 127 to 64; 0 for IPv4.</summary>
    public ulong High { get; }

    /// <summary>Bits 63 to 0.</summary>
    public ulong Low { get; }

    public bool IsIpv6 { get; }

    /// <summary>32 or 128.</summary>
    public int Bits => IsIpv6 ? 128 : 32;

    public static IpAddress V4(uint address) => new(0, address, false);

    public static IpAddress V6(ulong high, ulong low) => new(high, low, true);

    /// <summary>Reads an address from 4 or 16 bytes in network order.</summary>
    /// <exception cref="ArgumentException">The span has another length.</exception>
    public static IpAddress Read(ReadOnlySpan<byte> bytes) => bytes.Length switch
    {
        4 => V4(BinaryPrimitives.ReadUInt32BigEndian(bytes)),
        16 => V6(BinaryPrimitives.ReadUInt64BigEndian(bytes), BinaryPrimitives.ReadUInt64BigEndian(bytes[8..])),
        _ => throw new ArgumentException("an address has 4 or 16 bytes", nameof(bytes)),
    };

    /// <summary>Writes 4 or 16 bytes in network order and returns how many.</summary>
    public int Write(Span<byte> bytes)
    {
        if (!IsIpv6)
        {
            BinaryPrimitives.WriteUInt32BigEndian(bytes, (uint)Low);
            return 4;
        }

        BinaryPrimitives.WriteUInt64BigEndian(bytes, High);
        BinaryPrimitives.WriteUInt64BigEndian(bytes[8..], Low);
        return 16;
    }

    /// <summary>Reads the text of an address; false for anything that is not exactly one.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out IpAddress address)
    {
        address = default;
        if (text.Length is 0 or > 45)
        {
            return false;
        }

        if (text.IndexOf(':') < 0)
        {
            if (!TryParseDotted(text, out uint v4))
            {
                return false;
            }

            address = V4(v4);
            return true;
        }

        // Zones, brackets and ports belong to sockets, not to rules; an embedded dotted part must be strict as well.
        if (text.IndexOfAny("%[]/ ") >= 0)
        {
            return false;
        }

        int dot = text.IndexOf('.');
        if (dot >= 0 && !TryParseDotted(text[(text[..dot].LastIndexOf(':') + 1)..], out _))
        {
            return false;
        }

        if (!IPAddress.TryParse(text, out IPAddress? parsed) || parsed.AddressFamily != AddressFamily.InterNetworkV6)
        {
            return false;
        }

        Span<byte> bytes = stackalloc byte[16];
        parsed.TryWriteBytes(bytes, out _);
        address = Read(bytes);
        return true;
    }

    /// <summary>The address that <paramref name="text"/> writes.</summary>
    /// <exception cref="FormatException">It writes none.</exception>
    public static IpAddress Parse(string text) =>
        TryParse(text, out IpAddress address) ? address : throw new FormatException($"'{text}' is not an IP address");

    /// <summary>The address that lies <paramref name="offset"/> further, wrapping at the end of the family's space.</summary>
    public IpAddress Plus(ulong offset)
    {
        if (!IsIpv6)
        {
            return V4((uint)(Low + offset));
        }

        ulong low = unchecked(Low + offset);
        return V6(low < Low ? unchecked(High + 1) : High, low);
    }

    public bool Equals(IpAddress other) => High == other.High && Low == other.Low && IsIpv6 == other.IsIpv6;

    public override bool Equals(object? obj) => obj is IpAddress other && Equals(other);

    public override int GetHashCode() => HashCode.Combine(High, Low, IsIpv6);

    /// <summary>IPv4 before IPv6, then by number.</summary>
    public int CompareTo(IpAddress other)
    {
        int family = IsIpv6.CompareTo(other.IsIpv6);
        int high = family != 0 ? family : High.CompareTo(other.High);
        return high != 0 ? high : Low.CompareTo(other.Low);
    }

    public static bool operator ==(IpAddress left, IpAddress right) => left.Equals(right);

    public static bool operator !=(IpAddress left, IpAddress right) => !left.Equals(right);

    public static bool operator <(IpAddress left, IpAddress right) => left.CompareTo(right) < 0;

    public static bool operator >(IpAddress left, IpAddress right) => left.CompareTo(right) > 0;

    public static bool operator <=(IpAddress left, IpAddress right) => left.CompareTo(right) <= 0;

    public static bool operator >=(IpAddress left, IpAddress right) => left.CompareTo(right) >= 0;

    /// <summary>Dotted decimal, or RFC 5952 for IPv6.</summary>
    public override string ToString()
    {
        if (!IsIpv6)
        {
            return string.Create(CultureInfo.InvariantCulture, $"{(Low >> 24) & 255}.{(Low >> 16) & 255}.{(Low >> 8) & 255}.{Low & 255}");
        }

        Span<byte> bytes = stackalloc byte[16];
        Write(bytes);
        return new IPAddress(bytes).ToString();
    }

    private static bool TryParseDotted(ReadOnlySpan<char> text, out uint address)
    {
        address = 0;
        int parts = 0;
        int value = -1;
        int digits = 0;
        for (int i = 0; i <= text.Length; i++)
        {
            char c = i < text.Length ? text[i] : '.';
            if (c is >= '0' and <= '9')
            {
                if (digits > 0 && value == 0)
                {
                    return false;    // a leading zero: octal to some readers, decimal to others
                }

                value = (digits == 0 ? 0 : value * 10) + (c - '0');
                if (++digits > 3 || value > 255)
                {
                    return false;
                }
            }
            else if (c == '.' && digits > 0 && parts < 4)
            {
                address = address << 8 | (uint)value;
                parts++;
                digits = 0;
                value = -1;
            }
            else
            {
                return false;
            }
        }

        return parts == 4;
    }
}
