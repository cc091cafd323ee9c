using System;
using System.Globalization;

namespace Dataplane.Packets;

/// <summary>A block of addresses: a first address and the number of its bits that are fixed.</summary>
/// <remarks>Host bits are cleared when it is made, as the EC2 API does (SG-23, ACL-15). The default value is 0.0.0.0/0.</remarks>
public readonly struct IpPrefix : IEquatable<IpPrefix>, IComparable<IpPrefix>
{
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="length"/> is not in 0 to 32 (IPv4) or 0 to 128 (IPv6).</exception>
    public IpPrefix(IpAddress address, int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, address.Bits);
        Length = length;
        Address = address.IsIpv6
            ? IpAddress.V6(address.High & HighMask(length), address.Low & LowMask(length))
            : IpAddress.V4((uint)address.Low & V4Mask(length));
    }

    public static IpPrefix AnyV4 => new(IpAddress.V4(0), 0);

    public static IpPrefix AnyV6 => new(IpAddress.V6(0, 0), 0);

    /// <summary>The first address of the block.</summary>
    public IpAddress Address { get; }

    /// <summary>0 to 32, or 0 to 128 for IPv6.</summary>
    public int Length { get; }

    public bool IsIpv6 => Address.IsIpv6;

    /// <summary>True for 0.0.0.0/0 and ::/0.</summary>
    public bool IsAny => Length == 0;

    /// <summary>The last address of the block.</summary>
    public IpAddress Last => IsIpv6
        ? IpAddress.V6(Address.High | ~HighMask(Length), Address.Low | ~LowMask(Length))
        : IpAddress.V4((uint)Address.Low | ~V4Mask(Length));

    /// <summary>Reads ADDRESS/LENGTH. Host bits may be set; they are cleared.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out IpPrefix prefix)
    {
        prefix = default;
        int slash = text.IndexOf('/');
        if (slash < 0 || !IpAddress.TryParse(text[..slash], out IpAddress address))
        {
            return false;
        }

        ReadOnlySpan<char> length = text[(slash + 1)..];
        if (length.Length is 0 or > 3
            || (length.Length > 1 && length[0] == '0')
            || !int.TryParse(length, NumberStyles.None, CultureInfo.InvariantCulture, out int bits)
            || bits > address.Bits)
        {
            return false;
        }

        prefix = new IpPrefix(address, bits);
        return true;
    }

    /// <exception cref="FormatException">The text writes no block.</exception>
    public static IpPrefix Parse(string text) =>
        TryParse(text, out IpPrefix prefix) ? prefix : throw new FormatException($"'{text}' is not a CIDR block");

    public bool Contains(IpAddress address) =>
        address.IsIpv6 == IsIpv6
        && (IsIpv6
            ? (address.High & HighMask(Length)) == Address.High && (address.Low & LowMask(Length)) == Address.Low
            : ((uint)address.Low & V4Mask(Length)) == (uint)Address.Low);

    /// <summary>True when every address of <paramref name="other"/> is in this block.</summary>
    public bool Covers(IpPrefix other) => other.IsIpv6 == IsIpv6 && other.Length >= Length && Contains(other.Address);

    public bool Overlaps(IpPrefix other) => Covers(other) || other.Covers(this);

    public bool Equals(IpPrefix other) => Address == other.Address && Length == other.Length;

    public override bool Equals(object? obj) => obj is IpPrefix other && Equals(other);

    public override int GetHashCode() => HashCode.Combine(Address, Length);

    /// <summary>By first address, the wider block first.</summary>
    public int CompareTo(IpPrefix other)
    {
        int address = Address.CompareTo(other.Address);
        return address != 0 ? address : Length.CompareTo(other.Length);
    }

    public static bool operator ==(IpPrefix left, IpPrefix right) => left.Equals(right);

    public static bool operator !=(IpPrefix left, IpPrefix right) => !left.Equals(right);

    public static bool operator <(IpPrefix left, IpPrefix right) => left.CompareTo(right) < 0;

    public static bool operator >(IpPrefix left, IpPrefix right) => left.CompareTo(right) > 0;

    public static bool operator <=(IpPrefix left, IpPrefix right) => left.CompareTo(right) <= 0;

    public static bool operator >=(IpPrefix left, IpPrefix right) => left.CompareTo(right) >= 0;

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Address}/{Length}");

    private static uint V4Mask(int length) => length == 0 ? 0 : uint.MaxValue << (32 - length);

    private static ulong HighMask(int length) => length == 0 ? 0 : length >= 64 ? ulong.MaxValue : ulong.MaxValue << (64 - length);

    private static ulong LowMask(int length) => length <= 64 ? 0 : ulong.MaxValue << (128 - length);
}
