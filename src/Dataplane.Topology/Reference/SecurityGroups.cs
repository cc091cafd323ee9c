// What the security groups of one interface say of one packet (section 6 of the walk's page): first the flows that they remember, then the rules.

using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Dataplane.Packets;
using Dataplane.Records;
using Dataplane.Topology.Model;

namespace Dataplane.Topology.Reference;

/// <summary>What a check said.</summary>
/// <param name="Reason"><see cref="DenyReason.None"/>: it passes.</param>
/// <param name="Spoken">The string that joins the path, or null when nothing was said.</param>
/// <param name="Rule">What a denial's record calls the rule.</param>
/// <param name="SetsState">False for managed interfaces: the state stays what it was.</param>
/// <param name="Touch">What a packet that is allowed to the end changes here.</param>
internal sealed record GroupAnswer(
    DenyReason Reason, string? Spoken, string? Rule, FlowState State, bool SetsState, Touch? Touch)
{
    public static GroupAnswer Silent { get; } = new(DenyReason.None, null, null, FlowState.None, false, null);

    public static GroupAnswer Pass(string spoken, FlowState state, Touch? touch) => new(DenyReason.None, spoken, null, state, true, touch);
}

/// <summary>Checks packets against the security groups of interfaces.</summary>
internal sealed class SecurityGroups
{
    private readonly JudgeOptions _options;
    private readonly AddressBook _addresses;
    private readonly Routing _routing;
    private readonly Slots _slots;
    private readonly ReturnPaths _returns;
    private readonly Dictionary<string, SecurityGroup> _groups;
    private readonly Dictionary<string, Subnet> _subnets;
    private readonly Dictionary<string, PeerResolver> _peers;

    public SecurityGroups(Network network, JudgeOptions options, AddressBook addresses, Routing routing, Slots slots, ReturnPaths returns)
    {
        _options = options;
        _addresses = addresses;
        _routing = routing;
        _slots = slots;
        _returns = returns;
        _groups = network.SecurityGroups.ToDictionary(g => g.Id, StringComparer.Ordinal);
        _subnets = network.Subnets.ToDictionary(s => s.Id, StringComparer.Ordinal);
        _peers = network.Vpcs.ToDictionary(v => v.Id, v => new PeerResolver(network, v.Id), StringComparer.Ordinal);
    }

    public GroupAnswer Check(NetworkInterface at, bool ingress, in Headers packet, in Headers quote, long now)
    {
        if (at.Kind == InterfaceKind.Managed)
        {
            return GroupAnswer.Silent;    // SG-10, R-37
        }

        // 1. An ICMP error about a flow that may have it (CT-12), before the rules.
        if (PacketKind.IsErrorWithQuote(packet) && !PacketKind.IsOrphan(packet) && _options.IcmpErrors != IcmpErrorPolicy.Rules)
        {
            bool any = _options.IcmpErrors == IcmpErrorPolicy.Related;
            Slot? related = _returns.Quoted(at, ingress, packet, quote, now, slot => any || slot.Untracked || slot.AutoTracked);
            if (related is not null)
            {
                return GroupAnswer.Pass($"tracked {related.Rule}", FlowState.Related, null);
            }
        }

        // 2. A flow that is remembered (CT-01, CT-11).
        SlotKey? key = PacketKind.IsOrphan(packet) ? null : SlotKey.Of(at.Id, ingress, packet);
        bool isAnswered = !(OnlyAnswers(at, ingress) && PacketKind.IsStatefulIcmp(packet));    // IFE-04
        Slot? slot = key is { } known && isAnswered ? _slots.Live(known, now) : null;
        if (slot is not null && !ReturnPaths.StartsAnew(slot, packet))
        {
            Touch touch = new(slot, false, ingress, packet);
            if (!slot.Untracked)
            {
                return GroupAnswer.Pass($"tracked {slot.Rule}", FlowState.Established, touch);
            }

            // CT-03, CT-26: each packet of an untracked flow needs a rule of its own direction.
            if (Match(at, ingress, packet) is not { } again)
            {
                return Mismatch(at, ingress);
            }

            // CT-17: the rules were changed and would track the flow now, so a packet of its first direction begins it anew.
            bool wouldBeTracked = IsAutoTracked(at, ingress, packet, out _) || !IsUntracked(at, ingress, packet, again);
            if (ingress != slot.FirstWasIngress || !wouldBeTracked)
            {
                return GroupAnswer.Pass(again.Rule, FlowState.Untracked, touch);
            }
        }

        // 3. The rules.
        if (Match(at, ingress, packet) is not { } match)
        {
            return Mismatch(at, ingress);
        }

        if (key is not { } newKey || (PacketKind.IsStatefulIcmp(packet) && !(PacketKind.TryQuery(packet, out _, out bool asks) && asks)))
        {
            return GroupAnswer.Pass(match.Rule, FlowState.None, null);    // ICMP but queries, orphan fragments
        }

        bool autoTracked = IsAutoTracked(at, ingress, packet, out bool balanced);
        bool untracked = !autoTracked && IsUntracked(at, ingress, packet, match);
        bool isMidstream = packet.Protocol == 6 && PacketKind.Tcp(packet) != TcpClass.Syn;
        if (!untracked && isMidstream && _options.Midstream == MidstreamPolicy.Drop)
        {
            return Mismatch(at, ingress);    // CT-22, R-10
        }

        FlowKey flow = FlowKey.Of(packet, _addresses, out _)!.Value;    // what has a slot's key has a flow's
        if (!_slots.HasRoom(flow, now))
        {
            return untracked
                ? GroupAnswer.Pass(match.Rule, FlowState.Untracked, null)
                : new GroupAnswer(DenyReason.TRACKING_TABLE_FULL, match.Rule, null, FlowState.None, true, null);    // CT-24
        }

        Slot made = new()
        {
            Key = newKey,
            Flow = flow,
            FirstWasIngress = ingress,
            Rule = match.Rule,
            Untracked = untracked,
            AutoTracked = autoTracked,
            Balanced = balanced,
            Timeouts = at.Timeouts,
        };
        return GroupAnswer.Pass(match.Rule, untracked ? FlowState.Untracked : FlowState.New, new Touch(made, true, ingress, packet, slot));
    }

    /// <summary>IFE-03: what leaves an interface endpoint belongs to a flow that came in there.</summary>
    private static bool OnlyAnswers(NetworkInterface at, bool ingress) => !ingress && at.Service == TrackedService.InterfaceEndpoint;

    /// <summary>Nothing admits it: SG-02, R-24.</summary>
    private static GroupAnswer Mismatch(NetworkInterface at, bool ingress)
    {
        if (OnlyAnswers(at, ingress))
        {
            return new GroupAnswer(DenyReason.VPCE_INTRA_VPC_TRAFFIC, null, null, FlowState.None, true, null);
        }

        string rule = $"{string.Join('+', at.SecurityGroupIds.Order(StringComparer.Ordinal))}/{Direction(ingress)}/none";
        return new GroupAnswer(DenyReason.ENI_SG_RULES_MISMATCH, rule, rule, FlowState.None, true, null);
    }

    /// <summary>The union of the interface's groups (SG-03): the first rule that matches is named, all of them count for CT-02.</summary>
    private RuleMatch? Match(NetworkInterface at, bool ingress, in Headers packet)
    {
        RuleMatch? union = null;
        if (OnlyAnswers(at, ingress))
        {
            return null;
        }

        foreach (string id in at.SecurityGroupIds.Order(StringComparer.Ordinal))
        {
            ImmutableArray<SecurityGroupRule> rules = Rules(id, ingress);
            GroupMatch match = RuleLists.MatchGroup(rules, ingress, packet, _peers[at.VpcId].Covers);
            if (match.Rule >= 0)
            {
                union = union is null
                    ? new RuleMatch($"{id}/{Direction(ingress)}/{rules[match.Rule].Name}", match.AnyPeer, match.NarrowPeer)
                    : union with { AnyPeer = union.AnyPeer || match.AnyPeer, NarrowPeer = union.NarrowPeer || match.NarrowPeer };
            }
        }

        return union;
    }

    /// <summary>CT-02 (a) and (b), in the packet's own family (CT-06), over the union of the groups; ICMP is always tracked (CT-04).</summary>
    private bool IsUntracked(NetworkInterface at, bool ingress, in Headers packet, RuleMatch match)
    {
        bool a = _options.Overlap == OverlapPolicy.Untracked ? match.AnyPeer : match.AnyPeer && !match.NarrowPeer;    // CT-08
        if (!a || PacketKind.IsStatefulIcmp(packet))
        {
            return false;
        }

        byte protocol = packet.Protocol;
        bool isIpv6 = packet.IsIpv6;
        return at.SecurityGroupIds.SelectMany(id => Rules(id, !ingress)).Any(rule => IsOpen(rule, protocol, isIpv6));
    }

    /// <summary>CT-02 (b): one rule lets everything of the protocol through, to or from anywhere in the family.</summary>
    private static bool IsOpen(SecurityGroupRule rule, byte protocol, bool isIpv6) =>
        rule.Peer is CidrPeer { Block.IsAny: true } cidr
        && cidr.Block.IsIpv6 == isIpv6
        && (rule.Protocol == -1
            || (rule.Protocol == protocol
                && protocol switch
                {
                    6 or 17 => rule.From <= 0 && rule.To >= 65_535,
                    1 or 58 => rule.From == -1 && rule.To == -1,
                    _ => true,
                }));

    /// <summary>CT-09: the flow passes, as the interface sees it, something whose flows AWS tracks whatever the rules say.</summary>
    /// <param name="balanced">That is a Network Load Balancer (CT-21).</param>
    private bool IsAutoTracked(NetworkInterface at, bool ingress, in Headers packet, out bool balanced)
    {
        NetworkInterface? other = _addresses.Owner(ingress ? packet.Source : packet.Destination, at.VpcId);
        TargetKind? way = ingress ? TargetKind.Local : FirstHop(at, packet.Destination);
        if (way != TargetKind.Local)
        {
            other = null;    // by the first route only
        }

        TrackedService[] passed = [at.Service, other?.Service ?? TrackedService.None];
        balanced = passed.Contains(TrackedService.NetworkLoadBalancer);
        return way == TargetKind.EgressOnlyInternetGateway || passed.Any(service => service != TrackedService.None);    // EIGW-02
    }

    /// <summary>Where the interface's subnet sends a destination; its own subnet is local whatever the table says. Null: nowhere.</summary>
    private TargetKind? FirstHop(NetworkInterface at, IpAddress destination)
    {
        Subnet subnet = _subnets[at.SubnetId];
        bool sameSubnet = AddressBook.Contains(subnet.Blocks, destination)
            || _addresses.Owner(destination, at.VpcId)?.SubnetId == subnet.Id;
        return sameSubnet ? TargetKind.Local : _routing.Find(_routing.Table(subnet.RouteTableId), destination)?.Kind;
    }

    private ImmutableArray<SecurityGroupRule> Rules(string groupId, bool ingress) =>
        _groups.TryGetValue(groupId, out SecurityGroup? group) ? ingress ? group.Ingress : group.Egress : [];

    private static string Direction(bool ingress) => ingress ? "ingress" : "egress";

    private sealed record RuleMatch(string Rule, bool AnyPeer, bool NarrowPeer);
}
