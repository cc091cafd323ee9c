using System;
using System.Linq;
using Dataplane.Packets;
using Dataplane.Topology.Model;

namespace Dataplane.Topology.Reference;

/// <summary>Finds the slots that a packet coming from outside answers, or quotes.</summary>
internal sealed class ReturnPaths(AddressBook addresses, Slots slots)
{
    /// <summary>
    /// The live slot of an interface whose first direction is egress and that the arriving packet runs against, or that an arriving ICMP error quotes.
    /// </summary>
    /// <param name="packet">Its destination is the interface's own address.</param>
    /// <remarks>A SYN on a closed slot starts something new; a fragment without ports finds nothing .</remarks>
    public Slot? Find(NetworkInterface receiver, in Headers packet, in Headers quote, long now, Func<Slot, bool> fits)
    {
        if (PacketKind.IsOrphan(packet))
        {
            return null;
        }

        bool Answers(Slot slot) => !slot.FirstWasIngress && fits(slot);
        if (PacketKind.IsErrorWithQuote(packet))
        {
            return Quoted(receiver, true, packet, quote, now, Answers);
        }

        return SlotKey.Of(receiver.Id, true, packet) is { } key
            && slots.Live(key, now) is { } found && Answers(found) && !StartsAnew(found, packet)
            ? found
            : null;
    }

    /// <summary>The live slot that a packet quoted by an ICMP error belongs to, or null.</summary>
    /// <param name="ingress">The error arrives at the interface; the packet that it quotes had left it.</param>
    /// <param name="quote">Its ends are tried as they stand and through priv: an error from outside quotes public addresses.</param>
    public Slot? Quoted(NetworkInterface at, bool ingress, in Headers error, in Headers quote, long now, Func<Slot, bool> fits)
    {
        // The error must be for the one who sent the quoted packet.
        if (addresses.Private(quote.Source) != addresses.Private(error.Destination))
        {
            return null;
        }

        foreach ((bool mapSource, bool mapDestination) in new[] { (false, false), (true, false), (false, true), (true, true) })
        {
            Headers seen = quote;
            seen.Source = mapSource ? addresses.Private(quote.Source) : quote.Source;
            seen.Destination = mapDestination ? addresses.Private(quote.Destination) : quote.Destination;
            if (SlotKey.Of(at.Id, !ingress, seen) is { } key && slots.Matching(key, now).FirstOrDefault(fits) is { } found)
            {
                return found;
            }
        }

        return null;
    }

    /// <summary>R-09: a SYN ends a connection that is closed or in TIME_WAIT.</summary>
    public static bool StartsAnew(Slot slot, in Headers packet) =>
        PacketKind.IsSyn(packet) && slot.Tcp is TcpState.Closed or TcpState.TimeWait && slot.Key.Protocol == 6;
}
