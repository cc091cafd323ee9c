// Networks that change under a few flows that go on and on: rules, lists, routes, gateways and interfaces go, public addresses move, appear and vanish, time-outs change.

using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text;
using Dataplane.Compiler;
using Dataplane.Packets;
using Dataplane.Records;
using Dataplane.Tests.TestSupport;
using Dataplane.Topology.Model;
using Dataplane.Topology.Reference;
using Xunit;
using Xunit.Abstractions;

namespace Dataplane.Tests.Properties;

/// <summary>What is remembered across a reload (CT-13 to CT-17): the engine says what the interpreter says, for any size of block and batch.</summary>
/// <remarks>
/// 150 cases by default; DATAPLANE_CASES=100000 runs that many. A failure prints the case's seed; DATAPLANE_SEED=SEED repeats that case alone.
/// </remarks>
public sealed class ReloadEqualsReferenceTests(ITestOutputHelper output)
{
    private const int DefaultCases = 150;
    private const int MostPackets = 1_000;
    private const long Second = 1_000_000_000;

    private static readonly TrackingTimeouts[] Timers = [TrackingTimeouts.Default, new(350, 120, 60), new(60, 60, 30), new(432_000, 180, 45)];

    [Fact]
    public void REL_14_REL_15_CT_14_Reloads_between_packets_are_the_same_on_random_networks_whose_rules_addresses_and_time_outs_change() => RandomCases.Run(DefaultCases, Check, output);

    private static void Check(int seed)
    {
        Random random = new(seed);
        RandomNetwork first = new(random);
        Network[] networks = [first.Network, .. Enumerable.Range(0, random.Next(1, 4)).Select(_ => Changed(random, first))];
        JudgeOptions options = new()
        {
            Causal = false,
            Midstream = random.Next(5) == 0 ? MidstreamPolicy.Drop : MidstreamPolicy.Rule,
            IcmpErrors = (IcmpErrorPolicy)random.Next(3),
            Fragments = random.Next(5) == 0 ? FragmentPolicy.Drop : FragmentPolicy.First,
            Overlap = random.Next(4) == 0 ? OverlapPolicy.Tracked : OverlapPolicy.Untracked,
            MaxFlows = random.Next(3) == 0 ? random.Next(1, 12) : 1_048_576,
        };

        // In a full table room is made at different times here and there, which only a clock that runs back could tell (R-07).
        List<(TestPacket Packet, long Time)> traffic = Traffic(random, first, random.Next(1, MostPackets), runsBack: options.MaxFlows > MostPackets);
        int blockSize = random.Next(1, 100), batch = random.Next(1, 64), every = random.Next(1, 10);
        Dictionary<int, (Network Network, long Time)> reloads = [];
        for (int begin = blockSize; begin < traffic.Count; begin += blockSize)
        {
            if (begin / blockSize % every == 0)
            {
                reloads[begin] = (networks[random.Next(networks.Length)], traffic[begin - random.Next(2)].Time);
            }
        }

        Interpreter interpreter = new(first.Network, options);
        using NetworkEngine engine = NetworkEngine.Build(first.Network, options, batchSize: batch);
        PacketBlock block = new();
        List<Outcome> meant = [];
        for (int begin = 0; begin < traffic.Count; begin += blockSize)
        {
            if (reloads.TryGetValue(begin, out (Network Network, long Time) reload))
            {
                interpreter.Adopt(reload.Network, reload.Time);
                engine.Judge.Adopt(engine.Next(reload.Network).Policy, reload.Time);
            }

            block.Reset();
            int end = Math.Min(begin + blockSize, traffic.Count);
            for (int i = begin; i < end; i++)
            {
                (TestPacket packet, long time) = traffic[i];
                meant.Add(interpreter.Judge(packet.Headers, packet.Quote, time));
                block.Add(time, 0, packet.Headers.WireLength, LinkType.Raw, 0);
                block.Headers[i - begin] = packet.Headers;
                block.Quotes[i - begin] = packet.Quote;
            }

            engine.Judge.Judge(block);
            for (int i = begin; i < end; i++)
            {
                Outcome said = engine.Judge.Tables.Describe(block.Results[i - begin]);
                if (!meant[i].Equals(said))
                {
                    Assert.Fail(Explain(seed, first, options, traffic, reloads, meant, said, i, batch));
                }
            }
        }
    }

    /// <summary>A network in which most is as it was, and anything may have changed.</summary>
    private static Network Changed(Random random, RandomNetwork from)
    {
        Network network = from.Network;
        if (random.Next(4) == 0)
        {
            return network with { Interfaces = [.. network.Interfaces.Select(i => i with { Timeouts = Timers[random.Next(Timers.Length)] })] };
        }

        HashSet<string> targets = [.. network.RouteTables.SelectMany(t => t.Routes).Select(r => r.TargetId)];
        Stack<IpAddress> publics = new([.. from.Public.Concat(from.Odd.Where(a => !a.IsIpv6).Take(3)).Append(IpAddress.Parse("203.0.113.250")).OrderBy(_ => random.Next())]);
        bool movesPublics = random.Next(4) != 0;
        HashSet<string> detached = [.. network.Gateways.Where(_ => random.Next(8) == 0).Select(g => g.Id)];
        HashSet<IpAddress> kept = [];
        bool Keeps(InterfaceAddress address) => !movesPublics || random.Next(2) == 0;
        Dictionary<InterfaceAddress, bool> keeps = [];
        foreach (InterfaceAddress address in network.Interfaces.SelectMany(i => i.Addresses))
        {
            if (keeps.TryAdd(address, Keeps(address)) && keeps[address] && address.Public is { } own)
            {
                kept.Add(own);
            }
        }

        IpAddress? Deal()
        {
            while (random.Next(3) != 0 && publics.TryPop(out IpAddress next))
            {
                if (!kept.Contains(next))
                {
                    return next;
                }
            }

            return null;
        }

        return network with
        {
            SecurityGroups = [.. network.SecurityGroups.Select(g => g with { Ingress = [.. g.Ingress.Where(_ => random.Next(4) != 0)], Egress = [.. g.Egress.Where(_ => random.Next(4) != 0)] })],
            NetworkAcls = [.. network.NetworkAcls.Select(a => a with { Ingress = [.. a.Ingress.Where(_ => random.Next(8) != 0)], Egress = [.. a.Egress.Where(_ => random.Next(8) != 0)] })],
            RouteTables = [.. network.RouteTables.Select(t => t with { Routes = [.. t.Routes.Where(r => r.Kind == TargetKind.Local || (!detached.Contains(r.TargetId) && random.Next(6) != 0))] })],
            Gateways = [.. network.Gateways.Select(g => detached.Contains(g.Id) ? g with { VpcId = null } : g)],
            Interfaces = [.. network.Interfaces.Where(i => targets.Contains(i.Id) || random.Next(6) != 0).Select(i => i with
            {
                Addresses = [.. i.Addresses.Select(a => a.Private.IsIpv6 || keeps[a] ? a : a with { Public = Deal() })],
                SecurityGroupIds = i.SecurityGroupIds.Length > 1 && random.Next(3) == 0 ? [i.SecurityGroupIds[0]] : i.SecurityGroupIds,
                SourceDestCheck = random.Next(5) == 0 ? !i.SourceDestCheck : i.SourceDestCheck,
                Timeouts = random.Next(3) == 0 ? Timers[random.Next(Timers.Length)] : i.Timeouts,
            })],
        };
    }

    /// <summary>A few flows, most of which the network lets begin, again and again in both directions.</summary>
    private static List<(TestPacket Packet, long Time)> Traffic(Random random, RandomNetwork network, int count, bool runsBack)
    {
        JudgeOptions options = new() { Causal = false };
        List<TestPacket> flows = [];
        foreach ((TestPacket packet, _) in RandomTraffic.Make(random, network, 300))
        {
            Headers begun = packet.Headers;
            begun.TcpFlags = begun.Protocol == 6 && !begun.IsLaterFragment ? TcpFlag.Syn : begun.TcpFlags;
            if (random.Next(12) == 0 || new Interpreter(network.Network, options).Judge(begun, packet.Quote, 0).Verdict == Verdict.Allow)
            {
                flows.Add(packet);
            }
        }

        flows = [.. flows.OrderBy(_ => random.Next()).Take(random.Next(1, 24))];
        List<(TestPacket, long)> traffic = [];
        long now = 1_700_000_000 * Second;
        int flow = 0;
        while (traffic.Count < count && flows.Count > 0)
        {
            now += random.Next(300) switch
            {
                0 => 30 * Second,
                1 => 60 * Second,
                2 => 29 * Second,
                3 => (180 * Second) + 1,
                4 => runsBack ? -40 * Second : 0,
                5 => runsBack ? -Second / 2 : 0,
                6 => 350 * Second,
                7 => 432_000 * Second,
                8 => 600 * Second,
                9 => 45 * Second,
                10 => 10 * Second,
                11 => 120 * Second,
                _ => random.Next(1, 20) * 1_000_000L,
            };
            flow = random.Next(3) == 0 ? random.Next(flows.Count) : flow;
            Headers packet = flows[flow].Headers;
            if (!packet.HasQuote && random.Next(2) == 0)
            {
                packet = Analysis.Reload.ReloadForecast.Turned(in packet);
            }

            if (packet.Protocol == 6 && !packet.IsLaterFragment)
            {
                packet.TcpFlags = random.Next(40) switch
                {
                    0 or 1 => TcpFlag.Syn,
                    2 => TcpFlag.Syn | TcpFlag.Ack,
                    3 => TcpFlag.Fin | TcpFlag.Ack,
                    4 => TcpFlag.Rst,
                    _ => TcpFlag.Ack,
                };
            }

            traffic.Add((new TestPacket([], LinkType.Raw, packet, flows[flow].Quote), now));
        }

        return traffic;
    }

    private static string Explain(
        int seed, RandomNetwork network, JudgeOptions options, List<(TestPacket Packet, long Time)> traffic, Dictionary<int, (Network Network, long Time)> reloads, List<Outcome> meant, Outcome said, int at, int batch)
    {
        StringBuilder text = new();
        text.AppendLine(CultureInfo.InvariantCulture, $"seed {seed}, batches of {batch}: packet {at} differs. Repeat with DATAPLANE_SEED={seed}.");
        text.AppendLine(CultureInfo.InvariantCulture, $"  meant {meant[at]}");
        text.AppendLine(CultureInfo.InvariantCulture, $"  said  {said}");
        text.AppendLine(options.ToString());
        Headers odd = traffic[at].Packet.Headers;
        for (int i = 0; i <= at; i++)
        {
            if (reloads.TryGetValue(i, out (Network Network, long Time) reload))
            {
                IEnumerable<string> interfaces = reload.Network.Interfaces.Select(one => $"{one.Id} {string.Join(' ', one.Addresses.Select(a => $"{a.Private}={a.Public}"))} {one.Timeouts}");
                text.AppendLine(CultureInfo.InvariantCulture, $"  reload at {(reload.Time - traffic[0].Time) / 1e9:F3} s: {string.Join(", ", interfaces)}");
            }

            Headers h = traffic[i].Packet.Headers;
            if (i == at || h.Source == odd.Source || h.Source == odd.Destination || h.Destination == odd.Source || h.Destination == odd.Destination)
            {
                text.AppendLine(CultureInfo.InvariantCulture, $"  {i,4} {(traffic[i].Time - traffic[0].Time) / 1e9:F3} s {Analysis.PacketText.Line(h)} {h.Flags} tcp={h.TcpFlags:x2}: {meant[i]}");
            }
        }

        return text.AppendLine(network.ToString()).ToString();
    }
}
