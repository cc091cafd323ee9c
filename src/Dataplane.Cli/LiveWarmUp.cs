using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using Dataplane.Capture;
using Dataplane.Compiler;
using Dataplane.Engine;
using Dataplane.Live;
using Dataplane.Packets;
using Dataplane.Records;
using Dataplane.Reports;
using Dataplane.Topology.Model;

namespace Dataplane.Cli;

/// <summary>Takes a few packets of every kind through an engine of its own before the interfaces are opened, so that the first real one does not wait for the program's code to be compiled.</summary>
internal static class LiveWarmUp
{
    private const int Rounds = 8;
    private const long Start = 1_700_000_000L * 1_000_000_000;

    internal static void Run(Network network, JudgeOptions options, bool withRecords)
    {
        using NetworkEngine engine = NetworkEngine.Build(network, options with { MaxFlows = 1_024 });
        MemoryPort a = new("a"), b = new("b");
        using MemoryPorts ports = new(a, b);
        ports.SetNow(Start);
        ResultTables tables = engine.Judge.Tables;
        List<IPacketSink> sinks = [];
        if (withRecords)
        {
            sinks.Add(new PacketRecords(Stream.Null, tables, RecordFormat.JsonLines, withEpoch: true));
            sinks.Add(new VerdictCapture(Stream.Null, null, [new CaptureInterface(0, "a", LinkType.Ethernet, "a", 0, 0)], tables));
        }

        using CancellationTokenSource end = new();
        LiveLoop loop = new(
            ports, new Bridge(a, b, NonIpPolicy.Pass, -1, engine.Plan, tables.Paths), engine.Judge, ReplayCommand.Prepare(null, null), sinks.Count == 0 ? null : new AllSinks(sinks));
        long time = Start;
        foreach (byte[] frame in Enumerable.Range(0, Rounds).SelectMany(_ => Frames(network)))
        {
            a.Arrive(time += 1_000_000, frame);
        }

        int sent = a.Arriving;
        loop.Post(() => Check(loop, sent, end));
        loop.Run(end.Token);
    }

    private static void Check(LiveLoop loop, int sent, CancellationTokenSource end)
    {
        if (loop.Received >= sent)
        {
            end.Cancel();
        }
        else
        {
            loop.Post(() => Check(loop, sent, end));
        }
    }

    /// <summary>Connections, datagrams and pings to and from the first interface of each family; addresses outside are of documentation (RFC 5737, RFC 3849).</summary>
    private static IEnumerable<byte[]> Frames(Network network)
    {
        IEnumerable<IpAddress> own = network.Interfaces.SelectMany(i => i.Addresses).Select(address => address.Private);
        foreach (IpAddress inside in new[] { own.FirstOrDefault(address => !address.IsIpv6), own.FirstOrDefault(address => address.IsIpv6) }.Where(address => address.Low != 0))
        {
            IpAddress outside = IpAddress.Parse(inside.IsIpv6 ? "2001:db8:ffff::1" : "192.0.2.1");
            foreach ((byte protocol, byte flags) in new (byte, byte)[] { (6, TcpFlag.Syn), (6, TcpFlag.Ack), (17, 0), (inside.IsIpv6 ? (byte)58 : (byte)1, 0) })
            {
                yield return Frame(outside, inside, protocol, flags);
                yield return Frame(inside, outside, protocol, flags);
            }
        }
    }

    private static byte[] Frame(IpAddress source, IpAddress destination, byte protocol, byte flags)
    {
        int ip = source.IsIpv6 ? 40 : 20;
        byte[] frame = new byte[14 + ip + 20];
        Span<byte> network = frame.AsSpan(14), transport = frame.AsSpan(14 + ip);
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(12), source.IsIpv6 ? (ushort)0x86DD : (ushort)0x0800);
        if (source.IsIpv6)
        {
            network[0] = 0x60;
            BinaryPrimitives.WriteUInt16BigEndian(network[4..], 20);
            (network[6], network[7]) = (protocol, 64);
            BinaryPrimitives.WriteUInt64BigEndian(network[8..], source.High);
            BinaryPrimitives.WriteUInt64BigEndian(network[16..], source.Low);
            BinaryPrimitives.WriteUInt64BigEndian(network[24..], destination.High);
            BinaryPrimitives.WriteUInt64BigEndian(network[32..], destination.Low);
        }
        else
        {
            network[0] = 0x45;
            BinaryPrimitives.WriteUInt16BigEndian(network[2..], 40);
            (network[8], network[9]) = (64, protocol);
            BinaryPrimitives.WriteUInt32BigEndian(network[12..], (uint)source.Low);
            BinaryPrimitives.WriteUInt32BigEndian(network[16..], (uint)destination.Low);
        }

        if (protocol is 6 or 17)
        {
            BinaryPrimitives.WriteUInt16BigEndian(transport, 40_000);
            BinaryPrimitives.WriteUInt16BigEndian(transport[2..], 443);
            (transport[12], transport[13]) = (0x50, flags);
            if (protocol == 17)
            {
                BinaryPrimitives.WriteUInt16BigEndian(transport[4..], 20);
            }
        }
        else
        {
            transport[0] = source.IsIpv6 ? (byte)128 : (byte)8;
        }

        return frame;
    }
}
