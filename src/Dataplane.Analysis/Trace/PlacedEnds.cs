using System;
using System.Collections.Generic;
using System.Linq;
using Dataplane.Packets;
using Dataplane.Records;
using Dataplane.Topology.Model;

namespace Dataplane.Analysis.Trace;

/// <summary>A packet's ends as the first rules on its way see them, before the translations in its path.</summary>
public static class PlacedEnds
{
    /// <summary>
    /// A source that is the public address of the interface where the packet enters is its private one there, and a destination that is a private address with a public one is put back to
    /// that (contract 4.3, R-29): the packet was captured on its way through an internet gateway.
    /// </summary>
    /// <param name="packet">As captured, after --map.</param>
    public static (IpAddress Source, IpAddress Destination) Of(Network network, in Headers packet, Outcome outcome)
    {
        ArgumentNullException.ThrowIfNull(network);
        ArgumentNullException.ThrowIfNull(outcome);
        IpAddress source = packet.Source, destination = packet.Destination;
        NetworkInterface? from = network.Interfaces.FirstOrDefault(eni => eni.Id == outcome.From);
        if (from is null || from.Addresses.Any(address => address.Private == source))
        {
            return (source, destination);
        }

        foreach (InterfaceAddress left in from.Addresses)
        {
            if (left.Public == source)
            {
                IEnumerable<InterfaceAddress> all = network.Interfaces.OrderBy(eni => eni.VpcId == from.VpcId ? 0 : 1).ThenBy(eni => eni.Id, StringComparer.Ordinal).SelectMany(eni => eni.Addresses);
                return (left.Private, all.Where(address => address.Private == destination && address.Public is not null).Select(address => address.Public).FirstOrDefault() ?? destination);
            }
        }

        return (source, destination);
    }
}
