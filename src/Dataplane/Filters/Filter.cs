using System;
using Dataplane.Packets;

namespace Dataplane.Filters;

/// <summary>One rule list of one direction, ready to be asked: generated code, or the interpreter until that is ready.</summary>
/// <remarks>
/// Pure and thread-safe. For a network ACL the first matching entry decides (<see cref="Decision.Allow"/>, <see cref="Decision.Deny"/>); for a security group
/// all rules are looked at and the first matching one is named (<see cref="Decision.Admit"/>). Ingress lists look at the source, egress lists at the destination.
/// A group reference or prefix list is an <see cref="AddressSet"/> given to the constructor; one for a group does not match while the packet says ReferencesLost.
/// </remarks>
public abstract class Filter
{
    public abstract Decision Decide(in Headers packet);

    /// <summary>Whether what it says of a packet it says of every packet of that service (family, protocol, destination port), whatever the remote address.</summary>
    /// <param name="packet">With its ports known.</param>
    /// <returns>Null when it cannot tell without much work.</returns>
    public virtual bool? IsForAll(in Headers packet) => null;

    /// <summary>Decides packets one by one into <paramref name="decisions"/>.</summary>
    /// <exception cref="ArgumentException"><paramref name="decisions"/> is shorter.</exception>
    public virtual void Decide(ReadOnlySpan<Headers> packets, Span<Decision> decisions)
    {
        if (decisions.Length < packets.Length)
        {
            throw new ArgumentException("fewer decisions than packets", nameof(decisions));
        }

        for (int i = 0; i < packets.Length; i++)
        {
            decisions[i] = Decide(in packets[i]);
        }
    }
}
