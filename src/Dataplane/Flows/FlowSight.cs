// The flows of a batch of packets, their hashes, and the buckets asked for. Most packets are plain: IPv4, TCP or UDP with their ports, no fragment, neither
// address public. Theirs is one loop without a call, and without a branch on anything that differs from packet to packet. All others are asked one by one.

using System;
using System.Runtime.CompilerServices;
using Dataplane.Fabric;
using Dataplane.Packets;

namespace Dataplane.Flows;

/// <summary>Sees the flows of packets. One thread at a time.</summary>
/// <param name="asked">What the quiet path asks of a packet: <see cref="QuietPath.Asked"/>.</param>
internal sealed unsafe class FlowSight(OwnerMap addresses, FlowTable table, ushort[] asked)
{
    /// <summary>What may be different in the flags of a plain packet: nothing.</summary>
    internal const HeaderFlags Shape =
        HeaderFlags.Ipv6 | HeaderFlags.PortsKnown | HeaderFlags.FirstFragment | HeaderFlags.LaterFragment | HeaderFlags.HasQuote;

    /// <summary>Every field of the views is set where there is a key, but Entry and Line; else those of the packet alone.</summary>
    /// <param name="batch">Indexes in the block, whose headers are set.</param>
    /// <param name="views">By place in the batch, as long.</param>
    /// <param name="isShared">The block is shared among workers: headers have their packets' times.</param>
    /// <returns>All flags of the packets whose status is Ok together.</returns>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public HeaderFlags See(PacketBlock block, ReadOnlySpan<int> batch, Span<FlowView> views, bool isShared = false)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(views.Length, batch.Length);
        FlowHash hash = table.Hash;
        HeaderFlags flags = HeaderFlags.None;
        fixed (ulong* maybe = addresses.Maybe)
        fixed (Headers* headers = block.Headers)
        fixed (CapturedPacket* packets = block.Packets)
        fixed (int* index = batch)
        fixed (FlowView* view = views)
        fixed (ushort* ask = asked)
        {
            for (int i = 0; i < batch.Length; i++)
            {
                Headers* packet = headers + index[i];
                FlowView* mine = view + i;
                long time = isShared ? packet->Time : packets[index[i]].Time;
                mine->Time = time;
                mine->WireLength = packet->WireLength;
                mine->Index = index[i];
                ulong source = packet->SourceLow, destination = packet->DestinationLow;
                uint sourceBit = OwnerMap.MaybeBit((uint)source), destinationBit = OwnerMap.MaybeBit((uint)destination);
                int protocol = packet->Protocol;
                uint isPublic = (uint)(maybe[sourceBit >> 6] >> (int)(sourceBit & 63) | maybe[destinationBit >> 6] >> (int)(destinationBit & 63)) & 1;
                uint strange = isPublic | (uint)((packet->Flags ^ HeaderFlags.PortsKnown) & Shape) | (uint)(packet->Status ^ PacketStatus.Ok)
                    | (uint)((protocol ^ 6) * (protocol ^ 17)) | (uint)((ulong)time >> 62);
                if (strange != 0)
                {
                    flags |= SeeOther(in *packet, ref *mine);
                    continue;
                }

                // An end is its address, then its port; the lower one is A.
                ulong from = source << 16 | packet->SourcePort, to = destination << 16 | packet->DestinationPort;
                ulong back = from > to ? 1UL : 0;
                ulong swap = (from ^ to) & (0UL - back);
                ulong a = from ^ swap, b = to ^ swap;
                ulong rest = a << 48 | (b & 0xFFFF) << 32 | (ulong)(uint)protocol << 8 | FlowKey.IsSet;
                ulong ends = (a >> 16) << 32 | b >> 16;
                uint hashed = hash.OfV4(ends, rest);
                table.PrefetchBucket(hashed);
                mine->Ends = ends;
                mine->Rest = rest;
                mine->Hash = hashed;
                mine->FormA = 0;
                mine->FormB = 0;
                mine->Code = 0;
                mine->Asked = ask[(packet->TcpFlags & 31 | (protocol & 16) << 1) * 2 + (int)back];
                mine->FromB = back != 0;
                mine->HasKey = true;
            }
        }

        return flags | (batch.Length > 0 ? HeaderFlags.PortsKnown : HeaderFlags.None);
    }

    /// <summary>A packet that is not plain.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private HeaderFlags SeeOther(in Headers packet, ref FlowView view)
    {
        view.HasKey = false;
        view.Asked = QuietPath.Loud;
        if (packet.Status != PacketStatus.Ok)
        {
            return HeaderFlags.None;
        }

        bool hasPorts = packet.Protocol is 6 or 17;
        if (hasPorts && (packet.Flags & Shape) == (HeaderFlags.Ipv6 | HeaderFlags.PortsKnown))
        {
            view.SetV6(in packet);    // no IPv6 address has a public one
        }
        else
        {
            addresses.View(in packet, ref view);
            if (!view.HasKey)
            {
                return packet.Flags;
            }
        }

        view.Hash = table.Hash.Of(in view);
        table.PrefetchBucket(view.Hash);
        if (hasPorts && (packet.Flags & (HeaderFlags.FirstFragment | HeaderFlags.LaterFragment)) == 0 && (ulong)view.Time >> 62 == 0)
        {
            view.Asked = asked[((packet.TcpFlags & 31 | (packet.Protocol & 16) << 1) * 2) + (view.FromB ? 1 : 0)];
        }

        return packet.Flags;
    }
}
