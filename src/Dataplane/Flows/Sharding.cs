// Which of 64 shards judges a packet. Everything that may share state meets at one shard: both directions of a flow, its view from inside and from outside
// an internet gateway, both legs through one, and an ICMP error with the flow that it quotes.
//
//   (sum of both private addresses) x K + (sum of both ports) x L, mixed once more, its upper bits
//
// Sums, so that both directions give one shard without a branch on which way the packet runs; three multiplications, because with several workers every packet pays for it.
// The port of ICMP queries and replies is the identifier, twice; other protocols, and packets whose ports are not known, have port 0. Nothing in records depends on the
// shard. Skew costs speed, never a verdict: whoever makes the captures can choose it, and gains nothing but a slow replay of his own packets. (A NAT gateway will change
// the inside end of a flow: then the outside end must decide alone.)

using System.Runtime.CompilerServices;
using Dataplane.Fabric;
using Dataplane.Packets;

namespace Dataplane.Flows;

/// <summary>The shard of a packet. Immutable, thread-safe.</summary>
public sealed class Sharding(FabricPlan plan)
{
    /// <summary>Always; a worker owns whole shards.</summary>
    public const int Shards = 64;

    private const ulong AddressFactor = 0x9E37_79B9_7F4A_7C15;
    private const ulong PortFactor = 0xC2B2_AE3D_27D4_EB4F;

    /// <param name="packet">A packet whose status is Ok.</param>
    /// <param name="quote">What it quotes, if its headers say HasQuote.</param>
    public int ShardOf(in Headers packet, in Headers quote) => packet.HasQuote ? ShardOf(in quote) : ShardOf(in packet);

    /// <summary>The shards of a block's packets; those that are no packets go anywhere.</summary>
    /// <param name="shards">By index in the block.</param>
    /// <returns>All flags of the packets whose status is Ok together. All headers have their times then.</returns>
    /// <remarks>Without a call or a branch for plain packets, as <see cref="FlowSight"/> has it: with several workers every packet pays for it.</remarks>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal unsafe HeaderFlags See(PacketBlock block, byte[] shards)
    {
        HeaderFlags flags = HeaderFlags.None;
        int count = block.Count;
        fixed (ulong* maybe = plan.Addresses.Maybe)
        fixed (Headers* headers = block.Headers)
        fixed (CapturedPacket* packets = block.Packets)
        fixed (byte* to = shards)
        {
            for (int i = 0; i < count; i++)
            {
                Headers* packet = headers + i;
                packet->Time = packets[i].Time;
                uint source = (uint)packet->SourceLow, destination = (uint)packet->DestinationLow;
                uint sourceBit = OwnerMap.MaybeBit(source), destinationBit = OwnerMap.MaybeBit(destination);
                int protocol = packet->Protocol;
                uint isPublic = (uint)(maybe[sourceBit >> 6] >> (int)(sourceBit & 63) | maybe[destinationBit >> 6] >> (int)(destinationBit & 63)) & 1;
                uint strange = isPublic | (uint)((packet->Flags ^ HeaderFlags.PortsKnown) & FlowSight.Shape) | (uint)(packet->Status ^ PacketStatus.Ok)
                    | (uint)((protocol ^ 6) * (protocol ^ 17));
                if (strange != 0)
                {
                    flags |= packet->Status == PacketStatus.Ok ? packet->Flags : HeaderFlags.None;
                    to[i] = (byte)(packet->Status == PacketStatus.Ok ? ShardOf(in *packet, in block.Quotes[i]) : i & (Shards - 1));
                    continue;
                }

                to[i] = (byte)Shard((ulong)source + destination, (uint)packet->SourcePort + packet->DestinationPort);
            }
        }

        return flags;
    }

    private int ShardOf(in Headers packet)
    {
        ulong source = Fold(plan.Addresses.Private(packet.Source, out _));
        ulong destination = Fold(plan.Addresses.Private(packet.Destination, out _));
        uint ports = FlowKey.KindOf(packet.Protocol, packet.IsIpv6) switch
        {
            FlowKind.Tcp or FlowKind.Udp => (uint)packet.SourcePort + packet.DestinationPort,
            FlowKind.Icmp => (uint)packet.SourcePort * 2,
            _ => 0,
        };
        return Shard(unchecked(source + destination), ports);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Shard(ulong addresses, uint ports)
    {
        ulong mixed = unchecked((addresses * AddressFactor) + (ports * PortFactor));
        return (int)(unchecked((mixed ^ (mixed >> 32)) * AddressFactor) >> 58);
    }

    private static ulong Fold(IpAddress address) => address.High == 0 ? address.Low : unchecked((address.High * PortFactor) ^ address.Low);
}
