// The flows of a batch of packets, their hashes, and the buckets asked for. Most packets are plain: IPv4, TCP or UDP with their ports, no fragment, neither
// address public. Theirs is one loop without a call, and without a branch on anything that differs from packet to packet. All others are asked one by one.

using System;
using System.Runtime.CompilerServices;
using Dataplane.Fabric;
using Dataplane.Packets;

namespace Dataplane.Flows;

/// <summary>Sees the flows of packets. One thread at a time.</summary>
internal sealed unsafe class FlowSight(OwnerMap addresses, FlowTable table)
{
    /// <summary>What may be different in the flags of a plain packet: nothing.</summary>
    internal const HeaderFlags Shape =
        HeaderFlags.Ipv6 | HeaderFlags.PortsKnown | HeaderFlags.FirstFragment | HeaderFlags.LaterFragment | HeaderFlags.HasQuote;

    // By FIN, SYN, RST, PSH, ACK of TCP, then 32 places for UDP.
    private readonly QuietKind[] _kinds = Kinds();

    /// <summary>Every field of the views is set where there is a key, else HasKey alone; and what each packet may be to the quiet path.</summary>
    /// <param name="batch">Indexes of headers.</param>
    /// <param name="views">By place in the batch, as long.</param>
    /// <param name="kinds">By place in the batch, as long.</param>
    /// <returns>All flags of the packets whose status is Ok together.</returns>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public HeaderFlags See(ReadOnlySpan<Headers> headers, ReadOnlySpan<int> batch, Span<FlowView> views, Span<QuietKind> kinds)
    {
        FlowHash hash = table.Hash;
        bool hasFlows = table.Count != 0;
        HeaderFlags flags = HeaderFlags.None;
        fixed (ulong* maybe = addresses.Maybe)
        fixed (Headers* header = headers)
        fixed (FlowView* view = views)
        fixed (QuietKind* kindOf = _kinds)
        {
            for (int i = 0; i < batch.Length; i++)
            {
                Headers* packet = header + batch[i];
                FlowView* mine = view + i;
                ulong source = packet->SourceLow, destination = packet->DestinationLow;
                uint sourceBit = OwnerMap.MaybeBit((uint)source), destinationBit = OwnerMap.MaybeBit((uint)destination);
                int protocol = packet->Protocol;
                uint isPublic = (uint)(maybe[sourceBit >> 6] >> (int)(sourceBit & 63) | maybe[destinationBit >> 6] >> (int)(destinationBit & 63)) & 1;
                uint strange = isPublic | (uint)((packet->Flags ^ HeaderFlags.PortsKnown) & Shape) | (uint)(packet->Status ^ PacketStatus.Ok)
                    | (uint)((protocol ^ 6) * (protocol ^ 17));
                if (strange != 0)
                {
                    flags |= SeeOther(in *packet, ref *mine, out kinds[i]);
                    if (hasFlows && mine->HasKey)
                    {
                        table.PrefetchBucket(mine->Hash);
                    }

                    continue;
                }

                // An end is its address, then its port; the lower one is A.
                ulong from = source << 16 | packet->SourcePort, to = destination << 16 | packet->DestinationPort;
                int back = from > to ? 1 : 0;
                ulong swap = (from ^ to) & (0UL - (ulong)back);
                ulong a = from ^ swap, b = to ^ swap;
                ulong rest = a << 48 | (b & 0xFFFF) << 32 | (ulong)(uint)protocol << 8 | FlowKey.IsSet;
                ulong ends = (a >> 16) << 32 | b >> 16;
                uint hashed = hash.OfV4(ends, rest);
                mine->Key = new FlowKey(0, a >> 16, 0, b >> 16, rest);
                mine->Ends = ends;
                mine->Hash = hashed;
                mine->FormA = 0;
                mine->FormB = 0;
                mine->Code = 0;
                mine->FromB = back != 0;
                mine->HasKey = true;
                kinds[i] = kindOf[(packet->TcpFlags & 31) | (protocol & 16) << 1];
                if (hasFlows)
                {
                    table.PrefetchBucket(hashed);
                }
            }
        }

        return flags | (batch.Length > 0 ? HeaderFlags.PortsKnown : HeaderFlags.None);
    }

    /// <summary>A packet that is not plain.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private HeaderFlags SeeOther(in Headers packet, ref FlowView view, out QuietKind kind)
    {
        view.HasKey = false;
        kind = QuietKind.Loud;
        if (packet.Status != PacketStatus.Ok)
        {
            return HeaderFlags.None;
        }

        addresses.View(in packet, ref view);
        if (view.HasKey)
        {
            view.Hash = table.Hash.Of(in view.Key);
            kind = (packet.Flags & (HeaderFlags.FirstFragment | HeaderFlags.LaterFragment)) != 0 ? QuietKind.Loud
                : packet.Protocol is 6 or 17 ? _kinds[(packet.TcpFlags & 31) | (packet.Protocol & 16) << 1]
                : QuietKind.Loud;
        }

        return packet.Flags;
    }

    private static QuietKind[] Kinds()
    {
        QuietKind[] kinds = new QuietKind[64];
        for (int flags = 0; flags < 32; flags++)
        {
            kinds[flags] = TcpStates.ClassOf(new Headers { Protocol = 6, TcpFlags = (byte)flags }) == TcpClass.Other ? QuietKind.Tcp : QuietKind.Loud;
            kinds[32 + flags] = QuietKind.Udp;
        }

        return kinds;
    }
}
