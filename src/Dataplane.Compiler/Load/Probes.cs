// The packets that a compiled filter is checked with: the boundaries of its rules.
//
// Services are (protocol, ports): each edge of each rule's ports, one below, one above, ports unknown, a protocol that no rule names. Remotes are the
// first and last address of each block (and of the blocks of address sets), one below, one above. First every rule's services meet its own remotes,
// then services and remotes cross: all of them when the budget holds them, else a sample drawn with a fixed seed. Lists with group references are asked with references lost as well.

using System;
using System.Collections.Generic;
using System.Linq;
using Dataplane.Compiler.Lower;
using Dataplane.Packets;

namespace Dataplane.Compiler.Load;

/// <summary>Makes the probes of one list.</summary>
public static class Probes
{
    private const int BlocksOfASet = 8;

    /// <summary>At most <paramref name="budget"/> packets, the same ones each time.</summary>
    public static List<Headers> Of(RuleList list, int budget)
    {
        List<Service> allServices = [.. list.Rules.SelectMany(ServicesOf).Distinct()];
        allServices.Add(new Service(UnnamedProtocol(list), 0, false));
        List<IpAddress> allRemotes = [.. list.Rules.SelectMany(rule => RemotesOf(list, rule)).Distinct()];
        allRemotes.Add(IpAddress.V4(0xC6336407));
        allRemotes.Add(IpAddress.V6(0x2001_0DB8_FFFF_0000, 7));
        bool hasGroups = list.Rules.Any(rule => rule.IsGroup);

        List<Headers> probes = [];
        HashSet<(Service, IpAddress, bool)> seen = [];

        // Half of the budget for the edges, spread over all rules when they do not fit.
        int share = Math.Max(2, budget / 2 / Math.Max(1, list.Rules.Length));

        // When not even two of each fit, every so many a rule.
        int stride = Math.Max(1, (4 * list.Rules.Length) / Math.Max(1, budget));
        for (int number = 0; number < list.Rules.Length; number += stride)
        {
            LoweredRule rule = list.Rules[number];

            // A rule that does not get all of its pairs begins at another one than its neighbour.
            List<IpAddress> remotes = [.. RemotesOf(list, rule)];
            List<Service> services = [.. ServicesOf(rule)];
            int pairs = remotes.Count * services.Count;
            for (int i = 0, left = share; i < pairs && left > 0; i++)
            {
                int pair = (i + rule.Index) % pairs;
                Service service = services[pair / remotes.Count];
                IpAddress remote = remotes[pair % remotes.Count];
                left -= Add(service, remote, false) ? 1 : 0;
                left -= rule.IsGroup && Add(service, remote, true) ? 1 : 0;
            }
        }

        long crossings = (long)allServices.Count * allRemotes.Count * (hasGroups ? 2 : 1);
        if (crossings <= budget)
        {
            foreach (Service service in allServices)
            {
                foreach (IpAddress remote in allRemotes)
                {
                    Add(service, remote, false);
                    if (hasGroups)
                    {
                        Add(service, remote, true);
                    }
                }
            }
        }
        else
        {
            // CA5394: not a secret; the sample must be the same each time.
#pragma warning disable CA5394
            Random random = new(1);
            for (int tries = budget; tries > 0 && probes.Count < budget; tries--)
            {
                Add(allServices[random.Next(allServices.Count)], allRemotes[random.Next(allRemotes.Count)], hasGroups && random.Next(4) == 0);
            }
#pragma warning restore CA5394
        }

        return probes;

        bool Add(Service service, IpAddress remote, bool lost)
        {
            if (probes.Count >= budget || !seen.Add((service, remote, lost)))
            {
                return false;
            }

            // The near end is an edge as well, of another rule: code that looks at the wrong end does not get by.
            IpAddress near = allRemotes[(probes.Count * 7 + 3) % allRemotes.Count];
            near = near.IsIpv6 == remote.IsIpv6 ? near : remote.Plus(1);
            probes.Add(Packet(service, list.Key.IsIngress ? remote : near, list.Key.IsIngress ? near : remote, lost));
            return true;
        }
    }

    private static Headers Packet(Service service, IpAddress source, IpAddress destination, bool lost) => new()
    {
        Source = source,
        Destination = destination,
        Protocol = service.Protocol,
        SourcePort = service.Known ? (ushort)40_000 : (ushort)0,
        DestinationPort = service.Port,
        Flags = (source.IsIpv6 ? HeaderFlags.Ipv6 : HeaderFlags.None)
            | (service.Known ? HeaderFlags.PortsKnown : HeaderFlags.LaterFragment)
            | (lost ? HeaderFlags.ReferencesLost : HeaderFlags.None),
    };

    private static IEnumerable<Service> ServicesOf(LoweredRule rule)
    {
        byte protocol = (byte)(rule.Protocol < 0 ? 6 : rule.Protocol);
        ushort first = rule.Ports?.First ?? 0, last = rule.Ports?.Last ?? ushort.MaxValue;
        yield return new Service(protocol, first, true);
        yield return new Service(protocol, last, true);
        yield return new Service(protocol, (ushort)(first - 1), true);
        yield return new Service(protocol, (ushort)(last + 1), true);
        yield return new Service(protocol, 0, false);
        if (rule.CodeOfAnyType is { } code)
        {
            yield return new Service(protocol, code, true);
            yield return new Service(protocol, (ushort)(0xFF00 | code), true);
            yield return new Service(protocol, (ushort)(code ^ 1), true);
        }
    }

    private static IEnumerable<IpAddress> RemotesOf(RuleList list, LoweredRule rule)
    {
        IEnumerable<IpPrefix> blocks = rule.Block is { } own ? [own] : list.Sets[rule.Set].Blocks.Take(BlocksOfASet);
        foreach (IpPrefix block in blocks)
        {
            yield return block.Address;
            yield return block.Last;
            yield return block.Address.Plus(ulong.MaxValue);
            yield return block.Last.Plus(1);

            // Adding 2^64 - 1 to an IPv6 address is not one less; this one is.
            if (block.IsIpv6)
            {
                yield return IpAddress.V6(block.Address.Low == 0 ? unchecked(block.Address.High - 1) : block.Address.High, unchecked(block.Address.Low - 1));
            }
        }
    }

    private static byte UnnamedProtocol(RuleList list)
    {
        HashSet<int> named = [.. list.Rules.Select(rule => rule.Protocol)];
        return (byte)Enumerable.Range(2, 254).First(protocol => protocol == 255 || !named.Contains(protocol));
    }

    private readonly record struct Service(byte Protocol, ushort Port, bool Known);
}
