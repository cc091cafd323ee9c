using System.Collections.Generic;
using Dataplane.Live;
using Dataplane.Records;

namespace Dataplane.Cli;

/// <summary>What only a live run has to say in its summary.</summary>
/// <param name="Received">Frames; the sum over all fates.</param>
/// <param name="Reloads">Topologies that were taken over.</param>
/// <param name="Refused">Topologies that could not be read: the running one stayed.</param>
/// <param name="Epoch">The number of the last policy.</param>
/// <param name="Box">What a VPC in a box did besides; null for a bump in the wire.</param>
/// <param name="FromWrongSide">Packets that came in by the side of a bump where their source is not.</param>
/// <param name="Inside">The interface that --inside names, or null.</param>
internal sealed record LiveReport(
    IReadOnlyList<ILivePort> Ports, LiveFates Fates, long Received, int Reloads, int Refused, int Epoch, BoxCounters? Box, long FromWrongSide, string? Inside)
{
    /// <summary>Bounds that were reached, and packets that went nowhere for a reason that no verdict says.</summary>
    internal IEnumerable<string> Warnings()
    {
        if (FromWrongSide > 0)
        {
            yield return $"Unplaced, whatever their addresses: {Counted.Of(FromWrongSide, "packet")} from the side where their source is not: the topology's interfaces are behind {Inside}, as --inside says. Look whether it is the right one.";
        }

        if (Box is null)
        {
            yield break;
        }

        if (Box.Elsewhere > 0)
        {
            yield return $"Allowed, and dropped all the same: {Counted.Of(Box.Elsewhere, "packet")} with a place elsewhere than at the interface of arrival: two attached components have one address, or IPv6 came by the wrong gateway.";
        }

        if (Box.WaitingFull > 0)
        {
            yield return $"{Counted.Of(Box.WaitingFull, "allowed packet")} found no room to wait for their next hop's address.";
        }

        if (Box.NeighboursEvicted > 0)
        {
            yield return $"{Counted.Of(Box.NeighboursEvicted, "neighbour")} had to be forgotten because a link has more of them than are remembered.";
        }

        if (Box.OwnNotSent + Box.ErrorsHeldBack > 0)
        {
            yield return $"Not sent: {Counted.Of(Box.OwnNotSent, "frame")} of the network itself (answers, questions) and {Counted.Of(Box.ErrorsHeldBack, "ICMP error")}, more than a port takes, or than are sent a second.";
        }
    }
}
