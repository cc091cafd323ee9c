using Dataplane.Packets;

namespace Dataplane.Flows;

/// <summary>One packet's place in its flow.</summary>
public struct FlowView
{
    public FlowKey Key;

    /// <summary>The key's addresses in 64 bits, as entries hold them.</summary>
    internal ulong Ends;

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
        Set(in packet, source, sourceForm, destination, destinationForm, ref view);
        return view;
    }

    /// <summary>A TCP or UDP packet over IPv4, ends through priv. Every field but Hash.</summary>
    public void SetV4(uint source, ushort sourcePort, int sourceForm, uint destination, ushort destinationPort, int destinationForm, byte protocol)
    {
        // An end is its address, then its port; the lower one is A. Without a branch: which way packets run is a coin's throw.
        ulong from = (ulong)source << 16 | sourcePort, to = (ulong)destination << 16 | destinationPort;
        int back = from > to ? 1 : 0;
        ulong swap = (from ^ to) & (0UL - (ulong)back);
        ulong a = from ^ swap, b = to ^ swap;
        Key = new FlowKey(0, a >> 16, 0, b >> 16, a << 48 | (b & 0xFFFF) << 32 | (ulong)protocol << 8 | FlowKey.IsSet);
        Ends = (a >> 16) << 32 | b >> 16;
        FromB = back != 0;
        int swapForms = (sourceForm ^ destinationForm) & -back;
        FormA = sourceForm ^ swapForms;
        FormB = destinationForm ^ swapForms;
        Code = 0;
        HasKey = true;
    }

    /// <summary>The same into <paramref name="view"/>: every field but Hash when the packet has a key, else HasKey alone.</summary>
    public static void Set(in Headers packet, IpAddress source, int sourceForm, IpAddress destination, int destinationForm, ref FlowView view)
    {
        FlowKind kind = FlowKey.KindOf(packet.Protocol, packet.IsIpv6);
        if (kind != FlowKind.Other && !packet.PortsKnown)
        {
            view.HasKey = false;
            return;
        }

        ushort sourcePort = packet.SourcePort, destinationPort = packet.DestinationPort;
        bool fromB;
        if (kind == FlowKind.Icmp)
        {
            IcmpRole role = IcmpMessages.Role(packet.IsIpv6, packet.IcmpType, out byte query);
            if (role is not (IcmpRole.Query or IcmpRole.Reply))
            {
                view.HasKey = false;
                return;
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

        view.Ends = view.Key.Ends;
        view.HasKey = true;
        view.FromB = fromB;
        view.Code = packet.IsIcmp ? packet.DestinationPort : (ushort)0;
        view.FormA = fromB ? destinationForm : sourceForm;
        view.FormB = fromB ? sourceForm : destinationForm;
    }
}
