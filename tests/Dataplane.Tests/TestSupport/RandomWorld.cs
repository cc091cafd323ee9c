// Networks and packet streams from a seed, made to meet each other: few addresses, few ports, replies, errors that quote, fragments, clocks that jump.
//
// The topology is text of NetworkBuilder and packets are text of PacketText, so that a failing case can be read and typed again.

using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text;
using Dataplane.Records;
using Dataplane.Topology.Model;

namespace Dataplane.Tests.TestSupport;

/// <summary>One random topology with options, and as many packets as are asked for. The same seed gives the same world.</summary>
public sealed class RandomWorld
{
    private static readonly string[] Ports = ["80", "443", "53", "25", "40000", "40001"];
    private static readonly string[] Strangers = ["198.51.100.1", "198.51.100.2", "192.0.2.9", "10.99.0.1", "100.64.0.7"];
    private static readonly string[] Strangers6 = ["2001:db8:f00::1", "2001:db8:f00::2"];

    private readonly Random _random;
    private readonly List<string> _addresses = [];
    private readonly List<string> _addresses6 = [];
    private readonly List<Sent> _history = [];
    private long _now = 1_000_000L * 1_000_000_000;

    /// <param name="capped">Sometimes with a tracking table of a few flows.</param>
    public RandomWorld(int seed, bool capped = false)
    {
        Seed = seed;
        _random = new Random(seed);
        Topology = MakeTopology();
        Network = NetworkBuilder.Network(Topology);
        Options = new JudgeOptions
        {
            Causal = !Chance(0.2),
            Midstream = Pick(MidstreamPolicy.Rule, MidstreamPolicy.Rule, MidstreamPolicy.Drop),
            IcmpErrors = Pick(IcmpErrorPolicy.Aws, IcmpErrorPolicy.Related, IcmpErrorPolicy.Rules),
            Fragments = Pick(FragmentPolicy.First, FragmentPolicy.First, FragmentPolicy.Drop),
            Overlap = Pick(OverlapPolicy.Untracked, OverlapPolicy.Tracked),
            BlockPort25 = Chance(0.3),
            MaxFlows = capped && Chance(0.7) ? _random.Next(1, 8) : 1_048_576,
        };
    }

    public int Seed { get; }

    public string Topology { get; }

    public Network Network { get; }

    public JudgeOptions Options { get; }

    /// <summary>The next packet as text, and its time in nanoseconds.</summary>
    public (string Packet, long Time) Next()
    {
        double seconds = _random.Next(20) switch
        {
            0 => 30,
            1 => 9.5,
            2 => 120,
            3 => 600,
            4 => -15,
            5 => Chance(0.1) ? 432_000 : 60,
            _ => _random.NextDouble() * 3,
        };
        _now += (long)(seconds * 1_000_000_000);
        return (MakePacket(), _now);
    }

    private string MakePacket()
    {
        if (_history.Count > 0 && Chance(0.12))
        {
            return MakeError(Recent());
        }

        Sent packet = _history.Count > 0 && Chance(0.6) ? Again(Recent()) : Fresh();
        _history.Add(packet);
        string fragment = Chance(0.9) ? "" : Chance(0.5) ? $" first {_random.Next(3)}" : $" later {_random.Next(3)}";
        return packet + fragment;
    }

    private Sent Recent() => _history[^Math.Min(_history.Count, 1 + _random.Next(12))];

    private Sent Fresh()
    {
        bool isIpv6 = _addresses6.Count > 0 && Chance(0.3);
        string source = Address(isIpv6);
        string destination = Address(isIpv6);
        return _random.Next(10) switch
        {
            < 5 => new Sent("tcp", source, Pick(Ports), destination, Pick(Ports), Chance(0.7) ? "S" : Flags()),
            < 7 => new Sent("udp", source, Pick(Ports), destination, Pick(Ports), ""),
            < 9 => new Sent(isIpv6 ? "icmpv6" : "icmp", source, "", destination, "", isIpv6 ? Pick("128/0", "129/0", "1/4") : Pick("8/0", "0/0", "13/0", "14/0", "9/0")) { Id = _random.Next(2) },
            _ => new Sent(Pick("proto 47", "proto 58", "proto 1", "proto 50"), source, "", destination, "", ""),
        };
    }

    /// <summary>A further packet of a flow: the same way or back, by the same or another spelling of an address.</summary>
    private Sent Again(Sent past)
    {
        Sent next = Chance(0.55)
            ? past with { Source = past.Destination, SourcePort = past.DestinationPort, Destination = past.Source, DestinationPort = past.SourcePort }
            : past;
        if (Chance(0.25))
        {
            next = next with { Source = OtherSpelling(next.Source), Destination = OtherSpelling(next.Destination) };
        }

        string rest = next.Rest switch
        {
            "8/0" => "0/0",
            "13/0" => "14/0",
            "128/0" => "129/0",
            _ when next.Protocol == "tcp" => past.Rest == "S" && Chance(0.6) ? "SA" : Flags(),
            _ => next.Rest,
        };
        return next with { Rest = next != past || Chance(0.5) ? rest : next.Rest };
    }

    private string MakeError(Sent about)
    {
        bool isIpv6 = about.Source.Contains(':', StringComparison.Ordinal);
        string router = Chance(0.5) ? about.Destination : Address(isIpv6);
        string target = Chance(0.85) ? OtherSpelling(about.Source) : Address(isIpv6);
        return $"{(isIpv6 ? "icmpv6" : "icmp")} {router} > {target} {(isIpv6 ? Pick("1/4", "2/0", "3/0") : Pick("3/3", "3/4", "11/0"))} quoting {about}";
    }

    private string OtherSpelling(string address)
    {
        foreach (InterfaceAddress own in Network.Interfaces.SelectMany(i => i.Addresses))
        {
            if (own.Public is { } seen && (own.Private.ToString() == address || seen.ToString() == address))
            {
                return Chance(0.5) ? own.Private.ToString() : seen.ToString();
            }
        }

        return address;
    }

    private string Flags() => Pick("S", "SA", "A", "A", "A", "FA", "R", "RA", ".", "SF");

    private string Address(bool isIpv6) => isIpv6
        ? Chance(0.75) ? Pick(_addresses6) : Chance(0.9) ? Pick(Strangers6) : Pick("ff02::fb", "fd00:ec2::253", "fd00:ec2::9", "2001:db8:1:1::77")
        : Chance(0.75) ? Pick(_addresses)
        : Chance(0.8) ? Pick(Strangers)
        : Pick("224.0.0.5", "255.255.255.255", "169.254.169.254", "169.254.168.9", "10.1.0.2", "10.1.1.1", "10.1.1.77", "10.1.200.7", "203.0.113.250");

    private string MakeTopology()
    {
        StringBuilder text = new();
        int vpcs = _random.Next(1, 4);
        string[] all = [.. Enumerable.Range(1, vpcs).Select(v => $"vpc-{v}")];
        List<string> interfaces = [];
        StringBuilder later = new();
        text.AppendLine("pl pl-1 198.51.100.0/24 10.1.2.0/24");
        text.AppendLine("pl pl-2 192.0.2.0/25 2001:db8:f00::/64");
        int publics = 0;
        foreach (int v in Enumerable.Range(1, vpcs))
        {
            int block = v == 3 && Chance(0.5) ? 1 : v;    // sometimes two VPCs have the same addresses
            string block6 = Number($"2001:db8:{block}::/56");
            text.AppendLine(Number($"vpc vpc-{v} 10.{block}.0.0/16 {block6}"));
            bool hasGateway = Chance(0.75);
            bool hasEgressOnly = Chance(0.4);
            text.AppendLine(Number($"igw igw-{v} {(hasGateway ? $"vpc-{v}" : "")}"));
            text.AppendLine(Number($"eigw eigw-{v} {(hasEgressOnly ? $"vpc-{v}" : "")}"));
            text.AppendLine(Number($"nat nat-{v} vpc-{v}"));
            text.AppendLine(Number($"vgw vgw-{v} vpc-{v} {(Chance(0.5) ? "192.0.2.0/28" : "")}"));
            int subnets = _random.Next(1, 4);
            foreach (int s in Enumerable.Range(1, subnets))
            {
                bool hasTable = Chance(0.8);
                bool hasAcl = Chance(0.5);
                text.AppendLine(Number($"subnet sub-{v}{s} vpc-{v} 10.{block}.{s}.0/24 2001:db8:{block}:{s}::/64{(hasTable ? $" rtb=rtb-{v}{s}" : "")}{(hasAcl ? $" acl=acl-{v}{s}" : "")}"));
                foreach (int n in Enumerable.Range(1, _random.Next(1, 4)))
                {
                    string id = Number($"eni-{v}{s}{n}");
                    string address = Number($"10.{block}.{s}.{10 + n}");
                    string shown = "";
                    if (Chance(0.5))
                    {
                        publics++;
                        shown = Chance(0.1) ? Number($"192.168.7.{publics}") : Number($"203.0.113.{publics}");
                        _addresses.Add(shown);
                        shown = "=" + shown;
                    }

                    _addresses.Add(address);
                    string second = Chance(0.3) ? Number($" 10.{block}.{s}.{20 + n}") : "";
                    string address6 = Chance(0.6) ? Number($" 2001:db8:{block}:{s}::{n}") : "";
                    _addresses.AddRange(second.Length > 0 ? [second.Trim()] : []);
                    _addresses6.AddRange(address6.Length > 0 ? [address6.Trim()] : []);
                    string[] groups = [.. Enumerable.Range(1, 3).OrderBy(_ => _random.Next()).Take(_random.Next(1, 3)).Select(g => $"sg-{g}")];
                    bool isManaged = Chance(0.08);
                    text.AppendLine(
                        $"eni {id} sub-{v}{s} {address}{shown}{second}{address6} {(isManaged ? Chance(0.5) ? $"of={Pick(Number($"nat-{v}"), id)}" : "managed" : "sg=" + string.Join('+', groups))}"
                        + (Chance(0.25) ? " nocheck" : "") + (Chance(0.12) ? Pick(" type=network_load_balancer", " type=vpc_endpoint", " type=lambda") : "") + (Chance(0.08) ? " denyigw" : "") + (Chance(0.2) ? " timers=350/60/30" : "")
                        + (Chance(0.1) ? Number($" prefix=10.{block}.{s}.{64 + (16 * n)}/28") : ""));
                    interfaces.Add(id);
                }

                if (hasTable)
                {
                    later.AppendLine(Number($"rtb rtb-{v}{s} vpc-{v}{(Chance(0.05) ? " nolocal" : "")}{(s == 1 && Chance(0.1) ? $" edge=igw-{v}" : "")}"));
                    Routes(later, v, block, OfVpc(v));
                }

                if (hasAcl)
                {
                    later.AppendLine(Number($"acl acl-{v}{s} vpc-{v}"));
                    Entries(later, block);
                }
            }

            if (Chance(0.2))
            {
                later.AppendLine(Number($"rtb rtb-edge-{v} vpc-{v} edge=igw-{v}"));
                later.AppendLine(Number($"10.{block}.1.0/24 {Pick(OfVpc(v))}"));
            }
        }

        foreach (int g in Enumerable.Range(1, 3))
        {
            later.AppendLine(Number($"sg sg-{g} {string.Join(' ', all)}"));
            Rules(later, "in");
            Rules(later, "out");
        }

        return text.ToString() + later;

        List<string> OfVpc(int v) => [.. interfaces.Where(i => i.StartsWith(Number($"eni-{v}"), StringComparison.Ordinal))];
    }

    private void Routes(StringBuilder text, int vpc, int block, List<string> interfaces)
    {
        List<string> routes =
        [
            Number($"0.0.0.0/0 {Pick("igw-" + vpc, "igw-" + vpc, "igw-" + vpc, Pick(interfaces), "blackhole", "vgw-" + vpc, "nat-" + vpc)}"),
            Number($"::/0 {Pick("igw-" + vpc, "eigw-" + vpc, "eigw-" + vpc, "blackhole")}"),
            Number($"198.51.100.0/{_random.Next(24, 31)} {Pick("igw-" + vpc, Pick(interfaces), "blackhole")}"),
            $"pl-1 {Pick("igw-" + vpc, "blackhole", Pick(interfaces))}",
            Number($"pl-2 {Pick("igw-" + vpc, "vgw-" + vpc)}"),
            Number($"10.{block}.2.0/24 {Pick(interfaces)}"),
            Number($"10.{block}.3.0/24 vgw-{vpc} propagated"),
            Number($"198.51.100.0/24 vgw-{vpc} propagated"),
        ];
        foreach (string route in routes.Where((_, i) => Chance(i < 2 ? 0.85 : 0.15)))
        {
            text.AppendLine(route);
        }
    }

    private void Entries(StringBuilder text, int block)
    {
        foreach (string direction in new[] { "in", "out" })
        {
            foreach (int number in Enumerable.Range(1, _random.Next(0, 5)).Select(n => n * 10))
            {
                string blockText = Pick("0.0.0.0/0", "::/0", Number($"10.{block}.0.0/16"), "198.51.100.0/24", Number($"10.{block}.1.0/24"), "2001:db8::/32");
                string protocol = Pick("tcp", "udp", "icmp", "icmpv6", "all", "47");
                text.AppendLine(Number($"{direction} {number} {Pick("allow", "allow", "deny")} {protocol} {PortsOf(protocol)} {blockText}"));
            }

            if (Chance(0.7))
            {
                text.AppendLine($"{direction} 900 allow all 0.0.0.0/0");
                text.AppendLine($"{direction} 901 allow all ::/0");
            }
        }
    }

    private void Rules(StringBuilder text, string direction)
    {
        foreach (int _ in Enumerable.Range(0, _random.Next(0, 5)))
        {
            string protocol = Pick("tcp", "tcp", "udp", "icmp", "icmpv6", "all", "47", "58");
            string peer = Pick("0.0.0.0/0", "0.0.0.0/0", "::/0", "10.0.0.0/8", "198.51.100.0/24", "sg-1", "sg-2", "pl-1", "pl-2", "10.1.1.11/32", "2001:db8::/32");
            text.AppendLine($"{direction} {protocol} {PortsOf(protocol)} {peer}");
        }

        if (Chance(direction == "out" ? 0.6 : 0.2))
        {
            text.AppendLine($"{direction} all all 0.0.0.0/0");
            text.AppendLine($"{direction} all all ::/0");
        }
    }

    private string PortsOf(string protocol) => protocol switch
    {
        "icmp" => Pick("*/*", "8/*", "8/0", "3/*", "11/0"),
        "icmpv6" or "58" => Pick("*/*", "128/*", "128/0", "1/*"),
        "tcp" or "udp" => Pick("all", "80", "443", "53-443", "0-65535", "1024-65535", "1-1023"),
        _ => "all",
    };

    private bool Chance(double probability) => _random.NextDouble() < probability;

    private T Pick<T>(params IReadOnlyList<T> choices) => choices[_random.Next(choices.Count)];

    private static string Number(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    /// <param name="Rest">TCP flags, or ICMP type and code.</param>
    private sealed record Sent(string Protocol, string Source, string SourcePort, string Destination, string DestinationPort, string Rest)
    {
        public int Id { get; init; }

        public override string ToString()
        {
            string id = Protocol.StartsWith("icmp", StringComparison.Ordinal) ? Number($" id {Id}") : "";
            return $"{Protocol} {End(Source, SourcePort)} > {End(Destination, DestinationPort)} {Rest}{id}".TrimEnd();
        }

        private static string End(string address, string port) => port.Length == 0 ? address
            : address.Contains(':', StringComparison.Ordinal) ? $"[{address}]:{port}" : $"{address}:{port}";
    }
}
