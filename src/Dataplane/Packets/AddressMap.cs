using System;
using System.Collections.Generic;

namespace Dataplane.Packets;

/// <summary>Rewrites of captured addresses (<c>--map CIDR=CIDR</c>): the block changes, the host part stays.</summary>
/// <remarks>The first pair whose left block holds an address decides; an address is rewritten once. Immutable, thread-safe, allocates nothing in use.</remarks>
public sealed class AddressMap
{
    private readonly (IpPrefix From, IpPrefix To)[] _pairs;

    private AddressMap((IpPrefix From, IpPrefix To)[] pairs) => _pairs = pairs;

    /// <summary>Reads the pairs in the order given.</summary>
    /// <returns>Null when there are none, so that nothing needs to be asked per packet.</returns>
    /// <exception cref="FormatException">A text is not CIDR=CIDR with equal families and prefix lengths; the message says where, what and how to mend.</exception>
    public static AddressMap? Parse(IReadOnlyList<string> texts)
    {
        ArgumentNullException.ThrowIfNull(texts);
        var pairs = new (IpPrefix From, IpPrefix To)[texts.Count];
        for (int i = 0; i < pairs.Length; i++)
        {
            string text = texts[i];
            int equals = text.IndexOf('=', StringComparison.Ordinal);
            if (equals < 0)
            {
                throw Fault(text, "there is no '=' between two blocks", "Write --map CAPTURED=HERE, for example --map 192.168.1.0/24=10.0.1.0/24");
            }

            pairs[i] = (Block(text, text[..equals]), Block(text, text[(equals + 1)..]));
            if (pairs[i].From.IsIpv6 != pairs[i].To.IsIpv6)
            {
                throw Fault(text, "one block is IPv4 and the other IPv6", "Map a block to one of the same family");
            }

            if (pairs[i].From.Length != pairs[i].To.Length)
            {
                throw Fault(text, $"/{pairs[i].From.Length} and /{pairs[i].To.Length} differ in length", "Give both blocks the same prefix length; the host part is kept");
            }
        }

        return pairs.Length == 0 ? null : new AddressMap(pairs);
    }

    /// <summary>The address that stands for <paramref name="address"/> on this topology.</summary>
    public IpAddress Apply(IpAddress address)
    {
        foreach ((IpPrefix from, IpPrefix to) in _pairs)
        {
            if (from.Contains(address))
            {
                // The bits that are the same in the block's first and last address are fixed, the others are the host part.
                IpAddress first = from.Address;
                IpAddress last = from.Last;
                return new IpAddress(
                    to.Address.High | (address.High & (first.High ^ last.High)),
                    to.Address.Low | (address.Low & (first.Low ^ last.Low)),
                    address.IsIpv6);
            }
        }

        return address;
    }

    /// <summary>Rewrites source and destination.</summary>
    public void Apply(ref Headers headers)
    {
        headers.Source = Apply(headers.Source);
        headers.Destination = Apply(headers.Destination);
    }

    private static IpPrefix Block(string text, string block) => IpPrefix.TryParse(block, out IpPrefix prefix)
        ? prefix
        : throw Fault(text, $"'{block}' is not a CIDR block", "Write ADDRESS/LENGTH, for example 10.0.1.0/24; a single address is /32 or /128");

    private static FormatException Fault(string text, string what, string mend) => new($"--map {text}: {what}. {mend}.");
}
