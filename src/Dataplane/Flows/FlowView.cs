// One packet's place in its flow, and what the paths behind it ask of the packet itself: so that they read and write one line for each packet of a batch, and the flow's own.
//
//    0 Ends   8 Rest   16 Line   24 Time   32 Hash   36 Entry   40 FormA   44 FormB   48 WireLength   52 Index   56 Code   58 Asked   60 FromB   61 HasKey   62 Refused
//   64 to 95 the addresses of an IPv6 flow

using System.Runtime.InteropServices;
using Dataplane.Packets;

namespace Dataplane.Flows;

/// <summary>One packet's place in its flow.</summary>
[StructLayout(LayoutKind.Sequential, Size = 128)]
public unsafe struct FlowView
{
    /// <summary>The key's addresses in 64 bits, as entries hold them.</summary>
    internal ulong Ends;

    /// <summary>The key's ports, protocol and family, as entries hold them.</summary>
    internal ulong Rest;

    /// <summary>The line of <see cref="Entry"/>, when the packet may be quiet (<see cref="QuietPath"/>); else null. In a batch only.</summary>
    internal FlowEntry* Line;

    /// <summary>The packet's, nanoseconds since 1970. In a batch only, as the rest of the packet's own.</summary>
    public long Time;

    public uint Hash;

    /// <summary>Before it is judged the entry that probably is the flow's, or a negative number; to observers what <c>IBatchObserver</c> says.</summary>
    public int Entry;

    /// <summary>How the packet wrote end A: 0 as it is in the key, n + 1 as the public address of association n.</summary>
    public int FormA;

    public int FormB;

    /// <summary>The packet's length on the wire.</summary>
    public uint WireLength;

    /// <summary>The packet's index in its block.</summary>
    public int Index;

    /// <summary>Type and code of ICMP, which rules look at and the key leaves out (or halves); else 0.</summary>
    public ushort Code;

    /// <summary>What the quiet path must find in the flow's causal bits: which ones (low byte) and how they are (high byte); or <see cref="QuietPath.Loud"/>.</summary>
    internal ushort Asked;

    /// <summary>The packet runs from B to A (ICMP: it is the reply).</summary>
    public bool FromB;

    /// <summary>False for ICMP that is neither query nor reply, and where the ports are not known: then nothing else of the flow is set.</summary>
    public bool HasKey;

    /// <summary>To observers, of a packet with Entry -1: 0, or the place of its flow among those that are refused again and again, as <c>IBatchObserver</c> says.</summary>
    public ushort Refused;

    internal ulong AHigh;
    internal ulong ALow;
    internal ulong BHigh;
    internal ulong BLow;

    internal readonly bool MayBeQuiet => Line != null;

    /// <summary>Both ends are the same address and port, so that both directions look alike.</summary>
    internal readonly bool IsMirror => (ushort)(Rest >> 48) == (ushort)(Rest >> 32) && Key.IsMirror;

    internal readonly byte Protocol => (byte)(Rest >> 8);

    /// <summary>Both directions of the flow.</summary>
    public FlowKey Key
    {
        readonly get => (Rest & 1) == 0 ? new FlowKey(0, Ends >> 32, 0, (uint)Ends, Rest) : new FlowKey(AHigh, ALow, BHigh, BLow, Rest);
        set
        {
            (Ends, Rest) = (value.Ends, value.Rest);
            if (value.IsIpv6)
            {
                (AHigh, ALow, BHigh, BLow, _) = value.Words;
            }
        }
    }

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

    /// <summary>A TCP or UDP packet over IPv4, ends through priv. Every field of the flow but Hash.</summary>
    public void SetV4(uint source, ushort sourcePort, int sourceForm, uint destination, ushort destinationPort, int destinationForm, byte protocol)
    {
        // An end is its address, then its port; the lower one is A. Without a branch: which way packets run is a coin's throw.
        ulong from = (ulong)source << 16 | sourcePort, to = (ulong)destination << 16 | destinationPort;
        int back = from > to ? 1 : 0;
        ulong swap = (from ^ to) & (0UL - (ulong)back);
        ulong a = from ^ swap, b = to ^ swap;
        Rest = a << 48 | (b & 0xFFFF) << 32 | (ulong)protocol << 8 | FlowKey.IsSet;
        Ends = (a >> 16) << 32 | b >> 16;
        FromB = back != 0;
        int swapForms = (sourceForm ^ destinationForm) & -back;
        FormA = sourceForm ^ swapForms;
        FormB = destinationForm ^ swapForms;
        Code = 0;
        HasKey = true;
    }

    /// <summary>A TCP or UDP packet over IPv6, ends as they are.</summary>
    internal void SetV6(in Headers packet)
    {
        ulong sourceHigh = packet.SourceHigh, sourceLow = packet.SourceLow, destinationHigh = packet.DestinationHigh, destinationLow = packet.DestinationLow;
        ulong sourcePort = packet.SourcePort, destinationPort = packet.DestinationPort;
        bool isBack = (sourceHigh > destinationHigh)
            | ((sourceHigh == destinationHigh) & ((sourceLow > destinationLow) | ((sourceLow == destinationLow) & (sourcePort > destinationPort))));
        ulong back = 0UL - (isBack ? 1UL : 0);
        ulong high = (sourceHigh ^ destinationHigh) & back, low = (sourceLow ^ destinationLow) & back, port = (sourcePort ^ destinationPort) & back;
        (AHigh, ALow, BHigh, BLow) = (sourceHigh ^ high, sourceLow ^ low, destinationHigh ^ high, destinationLow ^ low);
        Rest = (sourcePort ^ port) << 48 | (destinationPort ^ port) << 32 | (ulong)packet.Protocol << 8 | FlowKey.IsSet | 1;
        Ends = FlowKey.Digest(AHigh, ALow, BHigh, BLow);
        (FormA, FormB, Code, FromB, HasKey) = (0, 0, 0, isBack, true);
    }

    /// <summary>The same into <paramref name="view"/>: every field of the flow but Hash when the packet has a key, else HasKey alone.</summary>
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

        view.HasKey = true;
        view.FromB = fromB;
        view.Code = packet.IsIcmp ? packet.DestinationPort : (ushort)0;
        view.FormA = fromB ? destinationForm : sourceForm;
        view.FormB = fromB ? sourceForm : destinationForm;
    }
}
