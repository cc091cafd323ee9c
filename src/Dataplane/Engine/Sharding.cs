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
    private const byte Mixed = 2;

    private readonly ulong _seed = seed | 1;
    private readonly byte[] _upper = Upper(plan.Addresses);

    /// <param name="packet">A packet whose status is Ok.</param>
    /// <param name="quote">What it quotes, if its headers say HasQuote.</param>
    public int ShardOf(in Headers packet, in Headers quote) => packet.HasQuote ? ShardOf(in quote) : ShardOf(in packet);

    /// <summary>The shard of a packet by its flow; HasKey is true, and it quotes nothing.</summary>
    public int ShardOf(in FlowView view)
    {
        FlowKey key = view.Key;
        bool isIcmp = key.Kind == FlowKind.Icmp;
        (ushort portA, ushort portB) = (key.PortA, isIcmp ? key.PortA : key.PortB);    // of ICMP the key has the identifier, and the type
        bool insideA = IsInside(key.A), insideB = IsInside(key.B);

        // Without a branch on which end is outside: that is which way the flow runs.
        ulong useA = insideA & !insideB ? 0UL : 1UL, useB = insideB & !insideA ? 0UL : 1UL;
        return Shard((EndHash(key.A, portA) * useA) + (EndHash(key.B, portB) * useB));
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

    private ulong EndHash(IpAddress address, ushort port)
    {
        unchecked
        {
            ulong high = Math.BigMul(address.Low + _seed, BitOperations.RotateLeft(address.High + port, 17) ^ 0xD6E8_FEB8_6659_FD93, out ulong low);
            return high ^ low ^ ((ulong)port * 0xC2B2_AE3D_27D4_EB4F);
        }
    }
}
