// A capture from elsewhere has no place on a topology until --map puts its networks where the topology's are. What hosts keep from one network to the other is
// the host part, so: for each block of the topology and each captured network of the same length, count the packets whose host part would meet
// an interface. The best few, without overlap, are proposed.

using System;
using System.Collections.Generic;
using System.Linq;
using Dataplane.Packets;
using Dataplane.Topology.Model;

namespace Dataplane.Analysis.Summary;

/// <summary>Proposes the --map options that would place a capture's addresses on a topology.</summary>
public static class MapProposal
{
    private const int MostMaps = 8;

    /// <summary>Captured network and the topology's block for it, best first; empty when nothing fits.</summary>
    /// <param name="unplaced">Address pairs that have no place, with packets.</param>
    public static IReadOnlyList<(IpPrefix From, IpPrefix To)> Find(
        Network network, IEnumerable<((IpAddress Source, IpAddress Destination) Pair, long Packets)> unplaced)
    {
        ArgumentNullException.ThrowIfNull(network);
        Dictionary<IpAddress, long> seen = [];
        foreach (((IpAddress source, IpAddress destination), long packets) in unplaced)
        {
            seen[source] = seen.GetValueOrDefault(source) + packets;
            seen[destination] = seen.GetValueOrDefault(destination) + packets;
        }

        HashSet<IpAddress> own = [.. network.Interfaces.SelectMany(i => i.Addresses).Select(a => a.Private)];
        // Where the capture has addresses of a block already, nothing else belongs onto it.
        IpPrefix[] blocks = [.. network.Subnets.SelectMany(s => s.Blocks).Concat(network.Vpcs.SelectMany(v => v.Blocks)).Distinct().Where(b => !seen.Keys.Any(b.Contains))];
        List<(IpPrefix From, IpPrefix To, long Score, int Hosts)> candidates = [];
        foreach (IpPrefix block in blocks)
        {
            IEnumerable<IGrouping<IpPrefix, KeyValuePair<IpAddress, long>>> networks = seen
                .Where(s => s.Key.IsIpv6 == block.IsIpv6)
                .GroupBy(s => new IpPrefix(s.Key, block.Length));
            foreach (IGrouping<IpPrefix, KeyValuePair<IpAddress, long>> captured in networks)
            {
                long score = 0;
                int hosts = 0;
                foreach ((IpAddress address, long packets) in captured)
                {
                    if (own.Contains(Moved(address, captured.Key, block)))
                    {
                        score += packets;
                        hosts++;
                    }
                }

                if (score > 0)
                {
                    candidates.Add((captured.Key, block, score, hosts));
                }
            }
        }

        List<(IpPrefix From, IpPrefix To)> chosen = [];
        foreach ((IpPrefix from, IpPrefix to, _, _) in candidates
            .OrderByDescending(c => c.Hosts).ThenByDescending(c => c.Score).ThenBy(c => c.From.Length).ThenBy(c => c.From).ThenBy(c => c.To))
        {
            if (chosen.Count < MostMaps && !chosen.Exists(c => c.From.Overlaps(from) || c.To.Overlaps(to)))
            {
                chosen.Add((from, to));
            }
        }

        return chosen;
    }

    private static IpAddress Moved(IpAddress address, IpPrefix from, IpPrefix to) => new(
        to.Address.High | (address.High ^ from.Address.High), to.Address.Low | (address.Low ^ from.Address.Low), address.IsIpv6);
}
