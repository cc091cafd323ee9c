using Dataplane.Packets;

namespace Dataplane.Flows;

/// <summary>One packet's place in its flow.</summary>
public struct FlowView
{
    public FlowKey Key;

    public uint Hash;

    /// <summary>How the packet wrote end A: 0 as it is in the key, n + 1 as the public address of association n.</summary>
    public int FormA;

    public int FormB;

    /// <summary>Type and code of ICMP, which rules look at and the key leaves out (or halves); else 0.</summary>
    public ushort Code;

    /// <summary>The packet runs from B to A (ICMP: it is the reply).</summary>
    public bool FromB;

    /// <summary>False for ICMP that is neither query nor reply, and where the ports are not known: then nothing else here is set.</summary>
    public bool HasKey;

    /// <summary>The flow of a packet.</summary>
    /// <param name="packet">As captured, or a quoted packet.</param>
    /// <param name="source">Its source through priv.</param>
    /// <param name="sourceForm">How the packet writes it.</param>
    /// <param name="destination">Its destination through priv.</param>
    /// <param name="destinationForm">How the packet writes it.</param>
    public static FlowView Of(in Headers packet, IpAddress source, int sourceForm, IpAddress destination, int destinationForm)
    {
        FlowView view = default;
        FlowKind kind = FlowKey.KindOf(packet.Protocol, packet.IsIpv6);
        if (kind != FlowKind.Other && !packet.PortsKnown)
        {
            return view;
        }

        ushort sourcePort = packet.SourcePort, destinationPort = packet.DestinationPort;
        bool fromB;
        if (kind == FlowKind.Icmp)
        {
            IcmpRole role = IcmpMessages.Role(packet.IsIpv6, packet.IcmpType, out byte query);
            if (role is not (IcmpRole.Query or IcmpRole.Reply))
            {
                return view;
            }

            fromB = role == IcmpRole.Reply;
            view.Key = fromB
                ? new FlowKey(destination, sourcePort, source, query, packet.Protocol)
                : new FlowKey(source, sourcePort, destination, query, packet.Protocol);
        }
        else
        {
            if (kind == FlowKind.Other)
            {
                sourcePort = destinationPort = 0;
            }

            int order = source.High != destination.High ? source.High.CompareTo(destination.High)
                : source.Low != destination.Low ? source.Low.CompareTo(destination.Low)
                : sourcePort.CompareTo(destinationPort);
            fromB = order > 0;
            view.Key = fromB
                ? new FlowKey(destination, destinationPort, source, sourcePort, packet.Protocol)
                : new FlowKey(source, sourcePort, destination, destinationPort, packet.Protocol);
        }

        view.HasKey = true;
        view.FromB = fromB;
        view.Code = packet.IsIcmp ? packet.DestinationPort : (ushort)0;
        (view.FormA, view.FormB) = fromB ? (destinationForm, sourceForm) : (sourceForm, destinationForm);
        return view;
    }
}
