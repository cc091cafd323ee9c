// The smallest change of the configuration that would let a denied packet past what denied it, tried out.
//
// The change is made on a copy of the network and the packet is judged again there, by the judge that denied it: so "then allowed" is
// never a guess. A packet that answers another (a SYN-ACK that a network ACL stopped) is judged after the packet that it answers, since
// alone the security group would stop it first. A packet that may as well begin something (a SYN, UDP to a lower port than its own) answers nothing: its question would let it through whatever
// the rules say.

using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Globalization;
using System.Linq;
using Dataplane.Packets;
using Dataplane.Records;
using Dataplane.Topology.Model;

namespace Dataplane.Analysis.Trace;

/// <param name="Change">What to change, as a sentence without full stop.</param>
/// <param name="ThenAllowed">Whether the packet then passes to its end.</param>
/// <param name="ThenDeniedBy">Reason and rule of what would still drop it; null when allowed, or when the change cannot be tried.</param>
/// <param name="Next">The nearest miss of what would still drop it, on the changed network; null when there is none or enough changes are listed.</param>
public sealed record Miss(string Change, bool ThenAllowed, string? ThenDeniedBy, Miss? Next = null);

/// <summary>Finds the nearest miss of a denied packet.</summary>
public sealed class NearestMiss(Network network, JudgeOptions options, JudgeFactory judges)
{
    /// <summary>Changes that are listed one after the other until the packet passes.</summary>
    private const int MostChanges = 4;

    private int _changes = 1;

    /// <summary>The smallest change that would let the packet past what denied it, or null when no change of rules or routes would.</summary>
    /// <param name="packet">As captured, after --map.</param>
    /// <param name="denied">What was decided of it.</param>
    public Miss? Find(in Headers packet, Outcome denied)
    {
        ArgumentNullException.ThrowIfNull(denied);
        if (denied.Verdict != Verdict.Deny)
        {
            return null;
        }

        return denied.Reason switch
        {
            DenyReason.ENI_SG_RULES_MISMATCH => Group(packet, denied),
            DenyReason.SUBNET_ACL_RESTRICTION => Acl(packet, denied),
            DenyReason.NO_ROUTE_TO_DESTINATION => MissingRoute(packet, denied),
            DenyReason.BAD_STATE_ROUTE => new Miss($"replace the target of route {denied.Rule}, which is gone", false, null),
            DenyReason.ENI_SOURCE_DEST_CHECK_RESTRICTION when denied.To is { } appliance =>
                Try($"switch off the source/destination check of {appliance}", Change(appliance, i => i with { SourceDestCheck = false }), packet, denied),
            DenyReason.IGW_TRAFFIC_DENIED when Owner(denied, packet) is { } owner =>
                Try($"switch off DenyAllIgwTraffic of {owner.Id}", Change(owner.Id, i => i with { DenyAllIgwTraffic = false }), packet, denied),
            DenyReason.IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS => Associate(packet.Source, packet, denied),
            DenyReason.IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS => Associate(packet.Destination, packet, denied),
            DenyReason.INGRESS_RTB_NO_PUBLIC_IP when denied.To is { } appliance && Interface(appliance) is { } target =>
                Associate(target.Addresses[0].Private, packet, denied),
            _ => null,
        };
    }

    private Miss? Group(in Headers packet, Outcome denied)
    {
        // What it lacks is a connection, whatever rules admit it; and its state at one end alone (the other's timed out) cannot be brought about here.
        if (options.Midstream == MidstreamPolicy.Drop && packet.Protocol == 6 && !packet.IsSyn)
        {
            return null;
        }

        bool ingress = denied.Rule?.EndsWith("/ingress/none", StringComparison.Ordinal) ?? false;
        string? at = ingress ? denied.To : denied.Path.LastOrDefault(step => Interface(step) is not null);
        if (at is null || Interface(at) is not { } eni)
        {
            return null;
        }

        SecurityGroup[] groups = [.. network.SecurityGroups.Where(g => eni.SecurityGroupIds.Contains(g.Id))];
        if (groups.Length == 0)
        {
            return null;
        }

        // The remote end as this interface saw it: behind an internet gateway an address of the topology is its public one.
        IpAddress remote = Remote(packet, denied, ingress);
        (SecurityGroup Group, SecurityGroupRule Rule, int Distance, string By)? nearest = null;
        foreach (SecurityGroup group in groups)
        {
            foreach (SecurityGroupRule rule in ingress ? group.Ingress : group.Egress)
            {
                (int distance, string by) = Misses(rule, packet, remote, ingress);
                if (distance > 0 && (nearest is null || distance < nearest.Value.Distance))
                {
                    nearest = (group, rule, distance, by);
                }
            }
        }

        SecurityGroup where = nearest is { Distance: 1 or 2 or 4 } ? nearest.Value.Group : groups[0];
        string direction = ingress ? "ingress" : "egress";
        (int protocol, int from, int to) = Service(packet, false);
        IpPrefix block = new(remote, remote.Bits);
        SecurityGroupRule added = new("nearest-miss", protocol, from, to, new CidrPeer(block));
        string hint = nearest is { Distance: 1 or 2 or 4 } near
            ? $" ({near.Group.Id}/{direction}/{near.Rule.Name} misses only by {near.By})"
            : "";
        string change = $"add to {where.Id} an {direction} rule: {Words(protocol, from, to)} {(ingress ? "from" : "to")} {block}{hint}";
        Network changed = network with
        {
            SecurityGroups = [.. network.SecurityGroups.Select(g => g.Id != where.Id ? g
                : ingress ? g with { Ingress = g.Ingress.Add(added) } : g with { Egress = g.Egress.Add(added) })],
        };
        return Try(change, changed, packet, denied);
    }

    private Miss? Acl(in Headers packet, Outcome denied)
    {
        string rule = denied.Rule ?? "";
        bool ingress = rule.Contains("/ingress/", StringComparison.Ordinal);
        string direction = ingress ? "ingress" : "egress";
        int cut = rule.LastIndexOf("/" + direction + "/", StringComparison.Ordinal);
        if (cut < 0 || network.NetworkAcls.FirstOrDefault(a => a.Id == rule[..cut]) is not { } acl)
        {
            return null;
        }

        ImmutableArray<NetworkAclEntry> entries = ingress ? acl.Ingress : acl.Egress;
        string name = rule[(cut + direction.Length + 2)..];
        int? number = name == "*"
            ? NumberAfter(entries)
            : NumberBefore(entries, int.Parse(name, CultureInfo.InvariantCulture));
        if (number is not { } free)
        {
            return new Miss($"make room in {acl.Id}: no entry number is free before {rule}", false, null);
        }

        IpAddress remote = Remote(packet, denied, ingress);
        (int protocol, int from, int to) = Service(packet, true);
        IpPrefix block = new(remote, remote.Bits);
        NetworkAclEntry added = new(free, true, protocol, from, to, block);
        string change = string.Create(CultureInfo.InvariantCulture,
            $"add to {acl.Id} an {direction} entry {free}: allow {Words(protocol, from, to)} {(ingress ? "from" : "to")} {block}");
        ImmutableArray<NetworkAclEntry> with = [.. entries.Append(added).OrderBy(e => e.Number)];
        Network changed = network with
        {
            NetworkAcls = [.. network.NetworkAcls.Select(a => a.Id != acl.Id ? a : ingress ? a with { Ingress = with } : a with { Egress = with })],
        };
        return Try(change, changed, packet, denied);
    }

    private Miss? MissingRoute(in Headers packet, Outcome denied)
    {
        if (denied.Rule is not { } rule || !rule.EndsWith("/none", StringComparison.Ordinal)
            || network.RouteTables.FirstOrDefault(t => t.Id == rule[..^5]) is not { } table)
        {
            return null;
        }

        bool v6 = packet.IsIpv6;
        Gateway? gateway = network.Gateways.FirstOrDefault(g => g.VpcId == table.VpcId && g.Kind == GatewayKind.Internet)
            ?? (v6 ? network.Gateways.FirstOrDefault(g => g.VpcId == table.VpcId && g.Kind == GatewayKind.EgressOnlyInternet) : null);
        if (gateway is null)
        {
            return new Miss($"add to {table.Id} a route for {packet.Destination}: {table.VpcId} has no internet gateway that could be its target", false, null);
        }

        IpPrefix any = v6 ? IpPrefix.AnyV6 : IpPrefix.AnyV4;
        TargetKind kind = gateway.Kind == GatewayKind.Internet ? TargetKind.InternetGateway : TargetKind.EgressOnlyInternetGateway;
        Network changed = network with
        {
            RouteTables = [.. network.RouteTables.Select(t => t.Id != table.Id ? t : t with { Routes = t.Routes.Add(new Route(any, null, kind, gateway.Id)) })],
        };
        return Try($"add to {table.Id} a route {any} to {gateway.Id}", changed, packet, denied);
    }

    private Miss? Associate(IpAddress address, in Headers packet, Outcome denied)
    {
        NetworkInterface? owner = network.Interfaces.FirstOrDefault(i => i.Addresses.Any(a => a.Private == address));
        if (owner is null)
        {
            return null;
        }

        IpAddress free = IpAddress.V4(0xC613FFFE);    // 198.19.255.254, at the far end of what templates are given
        Network changed = Change(owner.Id, i => i with
        {
            Addresses = [.. i.Addresses.Select(a => a.Private == address ? a with { Public = free } : a)],
        });
        return Try($"associate a public address with {address} of {owner.Id}", changed, packet, denied);
    }

    private Miss? Try(string change, Network changed, in Headers packet, Outcome denied)
    {
        SinglePackets judge = new(judges(changed, options with { Causal = false }));
        Outcome then = judge.Decide(packet, 0);
        if (then.Verdict == Verdict.Deny && then.Reason == denied.Reason && then.Rule == denied.Rule)
        {
            return null;    // it was not for want of this
        }

        if (then.Verdict == Verdict.Deny && MayAnswer(packet))
        {
            // Perhaps it answers something, and only its state would let it through: let the question come first.
            SinglePackets primed = new(judges(changed, options with { Causal = false }));
            if (primed.Decide(Question(packet), 0).Verdict == Verdict.Allow)
            {
                then = primed.Decide(packet, 1);
            }
        }

        if (then.Verdict != Verdict.Deny)
        {
            return new Miss(change, then.Verdict == Verdict.Allow, null);
        }

        Miss? next = _changes < MostChanges ? new NearestMiss(changed, options, judges) { _changes = _changes + 1 }.Find(packet, then) : null;
        return new Miss(change, false, then.Rule is null ? then.Reason.ToString() : $"{then.Reason} {then.Rule}", next);
    }

    /// <summary>Whether a packet looks like an answer: by its kind, else to a port for answers from one that is lower.</summary>
    private static bool MayAnswer(in Headers packet)
    {
        if (packet.IsIcmp)
        {
            return packet.PortsKnown && (packet.IsIpv6 ? packet.IcmpType == 129 : packet.IcmpType is 0 or 14 or 16 or 18);
        }

        if (packet.Protocol is not (6 or 17) || !packet.PortsKnown || packet.IsSyn)
        {
            return false;
        }

        bool isSynAck = packet.Protocol == 6 && (packet.TcpFlags & (TcpFlag.Syn | TcpFlag.Ack)) == (TcpFlag.Syn | TcpFlag.Ack);
        return isSynAck || (packet.DestinationPort >= 1_024 && packet.SourcePort < packet.DestinationPort);
    }

    /// <summary>The packet that this one would answer.</summary>
    public static Headers Question(in Headers packet)
    {
        Headers question = packet;
        question.Source = packet.Destination;
        question.Destination = packet.Source;
        if (packet.Protocol is 6 or 17)
        {
            question.SourcePort = packet.DestinationPort;
            question.DestinationPort = packet.SourcePort;
            question.TcpFlags = packet.Protocol == 6 ? TcpFlag.Syn : (byte)0;
        }
        else if (packet.IsIcmp && packet.PortsKnown)
        {
            question.DestinationPort = (packet.IsIpv6, packet.IcmpType) switch
            {
                (false, 0) => 8 << 8,
                (false, 14) => 13 << 8,
                (false, 16) => 15 << 8,
                (false, 18) => 17 << 8,
                (true, 129) => 128 << 8,
                _ => packet.DestinationPort,
            };
        }

        return question;
    }

    /// <summary>How far a rule is from admitting the packet: another remote end 1, another port or type 2, another protocol 4; their sum.</summary>
    private static (int Distance, string By) Misses(SecurityGroupRule rule, in Headers packet, IpAddress remote, bool ingress)
    {
        int distance = 0;
        List<string> by = [];
        if (rule.Protocol != -1 && rule.Protocol != packet.Protocol)
        {
            distance += 4;
            by.Add($"the protocol ({(rule.Protocol is >= 0 and <= 255 ? PacketText.Protocol((byte)rule.Protocol) : "all")})");
        }
        else if (rule.Protocol is 6 or 17 && packet.PortsKnown && (packet.DestinationPort < rule.From || packet.DestinationPort > rule.To))
        {
            distance += 2;
            by.Add(rule.From == rule.To
                ? FormattableString.Invariant($"the port ({rule.From})")
                : FormattableString.Invariant($"the port ({rule.From}-{rule.To})"));
        }
        else if (rule.Protocol is 1 or 58 && packet.PortsKnown
            && ((rule.From != -1 && rule.From != packet.IcmpType) || (rule.To != -1 && rule.To != packet.IcmpCode)))
        {
            distance += 2;
            by.Add("the ICMP type or code");
        }

        if (rule.Peer is not CidrPeer { Block: var block } || !block.Contains(remote))
        {
            distance++;
            string end = ingress ? "the source" : "the destination";
            by.Add(rule.Peer switch
            {
                CidrPeer cidr => $"{end} ({cidr.Block})",
                GroupPeer group => $"{end} (members of {group.GroupId})",
                PrefixListPeer list => $"{end} (prefix list {list.PrefixListId})",
                _ => end,
            });
        }

        return (distance, string.Join(" and ", by));
    }

    /// <summary>Protocol, and the ports or type and code that a rule for this packet needs. A network ACL's rule for an answer covers all ephemeral ports (ACL-29).</summary>
    private static (int Protocol, int From, int To) Service(in Headers packet, bool stateless)
    {
        if (packet.IsIcmp)
        {
            return packet.PortsKnown ? (packet.Protocol, packet.IcmpType, packet.IcmpCode) : (packet.Protocol, -1, -1);
        }

        if (packet.Protocol is not (6 or 17))
        {
            return (packet.Protocol, 0, 65535);
        }

        if (!packet.PortsKnown)
        {
            return (packet.Protocol, 0, 65535);
        }

        bool answer = stateless && packet.DestinationPort >= 1024 && !packet.IsSyn && packet.SourcePort < packet.DestinationPort;
        return answer ? (packet.Protocol, 1024, 65535) : (packet.Protocol, packet.DestinationPort, packet.DestinationPort);
    }

    private static string Words(int protocol, int from, int to)
    {
        string name = PacketText.Protocol((byte)protocol);
        return protocol switch
        {
            6 or 17 => from == to ? FormattableString.Invariant($"{name} {from}") : FormattableString.Invariant($"{name} {from}-{to}"),
            1 or 58 => from == -1 ? name : string.Create(CultureInfo.InvariantCulture, $"{name} {from}/{to}"),
            _ => name,
        };
    }

    private static int? NumberAfter(ImmutableArray<NetworkAclEntry> entries)
    {
        int last = entries.IsEmpty ? 0 : entries[^1].Number;
        int next = ((last / 10) + 1) * 10;
        return next <= 32_766 ? next : last < 32_766 ? last + 1 : null;
    }

    private static int? NumberBefore(ImmutableArray<NetworkAclEntry> entries, int number)
    {
        int before = entries.Where(e => e.Number < number).Select(e => e.Number).DefaultIfEmpty(0).Max();
        if (number - before < 2)
        {
            return null;
        }

        int round = (number - 1) / 10 * 10;
        return round > before ? round : number - 1;
    }

    /// <summary>The remote end of the packet as the list that denied it saw it: as it was placed, then the path's translations applied.</summary>
    private IpAddress Remote(in Headers packet, Outcome denied, bool ingress)
    {
        (IpAddress source, IpAddress destination) = PlacedEnds.Of(network, packet, denied);
        IpAddress address = ingress ? source : destination;
        string text = address.ToString();
        foreach (string step in denied.Path)
        {
            int space = step.LastIndexOf(' ');
            int arrow = step.IndexOf('>', space + 1);
            if (space > 0 && arrow > 0 && step.AsSpan(space + 1, arrow - space - 1).SequenceEqual(text) && IpAddress.TryParse(step.AsSpan(arrow + 1), out IpAddress to))
            {
                return to;
            }
        }

        return address;
    }

    private NetworkInterface? Interface(string id) => network.Interfaces.FirstOrDefault(i => i.Id == id);

    private NetworkInterface? Owner(Outcome denied, Headers packet) =>
        (denied.From is { } from ? Interface(from) : null)
        ?? network.Interfaces.FirstOrDefault(i => i.Addresses.Any(a => a.Private == packet.Destination || a.Public == packet.Destination));

    private Network Change(string id, Func<NetworkInterface, NetworkInterface> change) =>
        network with { Interfaces = [.. network.Interfaces.Select(i => i.Id == id ? change(i) : i)] };
}
