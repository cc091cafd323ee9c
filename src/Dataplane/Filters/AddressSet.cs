// The addresses that a rule's peer stands for when it is a group or a prefix list: data beside the code.
//
// Sorted disjoint ranges per family, first and last address inclusive. Made once, never changed; a change of membership is another set.

using System;
using System.Collections.Generic;
using Dataplane.Packets;

namespace Dataplane.Filters;

/// <summary>An immutable set of addresses of both families.</summary>
/// <remarks>8 bytes an IPv4 range, 32 an IPv6 range, and 1 KiB from 33 IPv4 ranges on, 256 KiB from 2,048 on. Thread-safe.</remarks>
public sealed class AddressSet
{
    private readonly SortedStarts _firstV4;
    private readonly uint[] _lastV4;
    private readonly SortedStartsV6 _firstV6;
    private readonly UInt128[] _lastV6;

    public AddressSet(IEnumerable<IpPrefix> blocks)
    {
        List<IpPrefix> sorted = [.. blocks];
        sorted.Sort();
        List<uint> firstV4 = [], lastV4 = [];
        List<UInt128> firstV6 = [], lastV6 = [];
        foreach (IpPrefix block in sorted)
        {
            if (!block.IsIpv6)
            {
                uint first = (uint)block.Address.Low, last = (uint)block.Last.Low;
                if (lastV4.Count > 0 && first <= lastV4[^1])
                {
                    lastV4[^1] = Math.Max(lastV4[^1], last);
                    continue;
                }

                firstV4.Add(first);
                lastV4.Add(last);
            }
            else
            {
                UInt128 first = new(block.Address.High, block.Address.Low), last = new(block.Last.High, block.Last.Low);
                if (lastV6.Count > 0 && first <= lastV6[^1])
                {
                    lastV6[^1] = UInt128.Max(lastV6[^1], last);
                    continue;
                }

                firstV6.Add(first);
                lastV6.Add(last);
            }
        }

        _firstV4 = new SortedStarts([.. firstV4]);
        _lastV4 = [.. lastV4];
        _firstV6 = new SortedStartsV6([.. firstV6]);
        _lastV6 = [.. lastV6];
    }

    /// <summary>Disjoint IPv4 ranges.</summary>
    public int CountV4 => _lastV4.Length;

    /// <summary>Disjoint IPv6 ranges.</summary>
    public int CountV6 => _lastV6.Length;

    /// <summary>The disjoint ranges of a family, ascending: first and last address.</summary>
    public IEnumerable<(UInt128 First, UInt128 Last)> Ranges(bool isIpv6)
    {
        for (int i = 0; i < (isIpv6 ? CountV6 : CountV4); i++)
        {
            yield return isIpv6 ? (new UInt128(_firstV6[i].High, _firstV6[i].Low), _lastV6[i]) : (_firstV4[i], _lastV4[i]);
        }
    }

    public bool ContainsV4(uint address)
    {
        int at = _firstV4.UpTo(address) - 1;
        return at >= 0 && address <= _lastV4[at];
    }

    public bool ContainsV6(ulong high, ulong low)
    {
        int at = _firstV6.UpTo(high, low) - 1;
        return at >= 0 && new UInt128(high, low) <= _lastV6[at];
    }

    public bool Contains(IpAddress address) =>
        address.IsIpv6 ? ContainsV6(address.High, address.Low) : ContainsV4((uint)address.Low);

    public bool ContainsSource(in Headers packet) =>
        packet.IsIpv6 ? ContainsV6(packet.SourceHigh, packet.SourceLow) : ContainsV4((uint)packet.SourceLow);

    public bool ContainsDestination(in Headers packet) =>
        packet.IsIpv6 ? ContainsV6(packet.DestinationHigh, packet.DestinationLow) : ContainsV4((uint)packet.DestinationLow);
}
