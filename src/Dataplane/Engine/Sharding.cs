// Which of 64 shards judges a packet. Everything that may share state must meet at one shard: both directions of a flow, its view from inside and from outside
// an internet gateway, both legs through one, and an ICMP error with the flow that it quotes. (A NAT gateway, too: it changes
// the inside end only, so one end outside the topology decides alone.)
//
//   through priv; one end outside the topology: hash of that end's address and port
//   else: the sum of both ends' hashes, which is the same in both directions
//
// The port of ICMP queries and replies is the identifier; other protocols, and packets whose ports are not known, have port 0. The seed is fixed in replay, so that results
// cannot depend on the run; nothing in them depends on it anyway. Skew costs speed, never a verdict.

using System;
using System.Linq;
using System.Numerics;
using System.Runtime.CompilerServices;
using Dataplane.Fabric;
using Dataplane.Flows;
using Dataplane.Packets;

namespace Dataplane.Engine;

/// <summary>The shard of a packet. Immutable, thread-safe.</summary>
/// <param name="seed">Any number; a random one in live runs.</param>
public sealed class Sharding(FabricPlan plan, ulong seed = 0x5EED_0F5A_ED5E_ED01)
{
    /// <summary>Always; a worker owns whole shards.</summary>
    public const int Shards = 64;

    private const byte Outside = 0;
    private const byte Inside = 1;
    private const byte Mixed = 2;    // a bit of its own

    private readonly ulong _seed = seed | 1;
    private readonly byte[] _upper = Upper(plan.Addresses);

    /// <param name="packet">A packet whose status is Ok.</param>
    /// <param name="quote">What it quotes, if its headers say HasQuote.</param>
    public int ShardOf(in Headers packet, in Headers quote) => packet.HasQuote ? ShardOf(in quote) : ShardOf(in packet);

    /// <summary>The shards of some packets of a block; those that are no packets go anywhere.</summary>
    /// <param name="shards">By index in the block.</param>
    /// <returns>All flags of the packets whose status is Ok together.</returns>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal HeaderFlags See(PacketBlock block, int from, int to, byte[] shards)
    {
        HeaderFlags flags = HeaderFlags.None;
        OwnerMap addresses = plan.Addresses;
        Headers[] headers = block.Headers;
        for (int i = from; i < to; i++)
        {
            ref readonly Headers packet = ref headers[i];
            if (packet.Status != PacketStatus.Ok)
            {
                shards[i] = (byte)(i & (Shards - 1));
                continue;
            }

            flags |= packet.Flags;
            uint source = (uint)packet.SourceLow, destination = (uint)packet.DestinationLow;
            int sourceKnown = _upper[source >> 16], destinationKnown = _upper[destination >> 16];
            if ((packet.Flags & FlowSight.Shape) != HeaderFlags.PortsKnown || (packet.Protocol ^ 6) * (packet.Protocol ^ 17) != 0
                || ((sourceKnown | destinationKnown) & Mixed) != 0 || addresses.MaybePublic(source) || addresses.MaybePublic(destination))
            {
                shards[i] = (byte)ShardOf(in packet, in block.Quotes[i]);
                continue;
            }

            // Without a branch on which end is outside: that is which way the flow runs.
            ulong useSource = (ulong)(1 ^ (sourceKnown & ~destinationKnown)), useDestination = (ulong)(1 ^ (destinationKnown & ~sourceKnown));
            shards[i] = (byte)Shard((EndHash(source, 0, packet.SourcePort) * useSource) + (EndHash(destination, 0, packet.DestinationPort) * useDestination));
        }

        return flags;
    }

    private int ShardOf(in Headers packet)
    {
        IpAddress source = plan.Addresses.Private(packet.Source, out _);
        IpAddress destination = plan.Addresses.Private(packet.Destination, out _);
        (ushort sourcePort, ushort destinationPort) = FlowKey.KindOf(packet.Protocol, packet.IsIpv6) switch
        {
            FlowKind.Tcp or FlowKind.Udp => (packet.SourcePort, packet.DestinationPort),
            FlowKind.Icmp => (packet.SourcePort, packet.SourcePort),
            _ => ((ushort)0, (ushort)0),
        };
        bool sourceInside = IsInside(source), destinationInside = IsInside(destination);
        ulong hash = sourceInside == destinationInside ? EndHash(source, sourcePort) + EndHash(destination, destinationPort)
            : sourceInside ? EndHash(destination, destinationPort)
            : EndHash(source, sourcePort);
        return Shard(hash);
    }

    private static int Shard(ulong hash) => (int)((hash * 0x9E37_79B9_7F4A_7C15) >> 58);

    private bool IsInside(IpAddress address)
    {
        byte known = address.IsIpv6 ? Mixed : _upper[address.Low >> 16];
        return known == Mixed ? plan.Addresses.IsInside(address) : known == Inside;
    }

    /// <summary>By the upper 16 bits of an IPv4 address: whether all such addresses are inside the topology, none, or some.</summary>
    private static byte[] Upper(OwnerMap addresses)
    {
        byte[] upper = new byte[65_536];
        Array.Fill(upper, Outside);
        foreach (IpPrefix block in addresses.VpcBlocks.Blocks.Concat(addresses.Prefixes.Blocks).Where(block => !block.IsIpv6))
        {
            for (ulong at = block.Address.Low >> 16; at <= block.Last.Low >> 16; at++)
            {
                upper[at] = block.Length <= 16 ? Inside : upper[at] == Inside ? Inside : Mixed;
            }
        }

        foreach (IpAddress address in addresses.Listed.Where(address => !address.IsIpv6))
        {
            ref byte known = ref upper[address.Low >> 16];
            known = known == Inside ? Inside : Mixed;
        }

        return upper;
    }

    private ulong EndHash(IpAddress address, ushort port) => EndHash(address.Low, address.High, port);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ulong EndHash(ulong addressLow, ulong addressHigh, ushort port)
    {
        unchecked
        {
            ulong high = Math.BigMul(addressLow + _seed, BitOperations.RotateLeft(addressHigh + port, 17) ^ 0xD6E8_FEB8_6659_FD93, out ulong low);
            return high ^ low ^ ((ulong)port * 0xC2B2_AE3D_27D4_EB4F);
        }
    }
}
