using System;
using System.Collections.Generic;
using System.Linq;
using Dataplane.Topology.Documents;

namespace Dataplane.Topology.Model;

public sealed partial class Resolver
{
    private readonly Dictionary<string, KnownGateway> _gateways = new(StringComparer.Ordinal);

    /// <param name="VpcIds">Those of the topology that it is attached to.</param>
    private sealed record KnownGateway(Gateway Record, IReadOnlyList<string> VpcIds, bool Gone, string Where);

    private static string Name(GatewayKind kind) => kind switch
    {
        GatewayKind.Internet => "internet gateway",
        GatewayKind.EgressOnlyInternet => "egress-only internet gateway",
        GatewayKind.Nat => "NAT gateway",
        GatewayKind.VirtualPrivate => "virtual private gateway",
        GatewayKind.VpcPeering => "VPC peering connection",
        GatewayKind.Transit => "transit gateway",
        GatewayKind.VpcEndpoint => "VPC endpoint",
        GatewayKind.Carrier => "carrier gateway",
        GatewayKind.Local => "local gateway",
        GatewayKind.CoreNetwork => "core network",
        _ => "gateway",
    };

    private static bool IsEnforced(GatewayKind kind) => kind is GatewayKind.Internet or GatewayKind.EgressOnlyInternet;

    /// <summary>The kind that an AWS id's prefix tells, for targets that are in no file.</summary>
    private static GatewayKind KindOfId(string id) => id[..(id.IndexOf('-', StringComparison.Ordinal) is > 0 and int dash ? dash : 0)] switch
    {
        "igw" => GatewayKind.Internet,
        "eigw" => GatewayKind.EgressOnlyInternet,
        "nat" => GatewayKind.Nat,
        "vgw" => GatewayKind.VirtualPrivate,
        "pcx" => GatewayKind.VpcPeering,
        "tgw" => GatewayKind.Transit,
        "vpce" => GatewayKind.VpcEndpoint,
        "cagw" => GatewayKind.Carrier,
        "lgw" => GatewayKind.Local,
        _ => GatewayKind.Other,
    };

    private void Gateways()
    {
        Dictionary<(GatewayKind, string), string> attached = [];
        foreach (GatewayDraft draft in Index(_draft.Gateways, "gateway").Values)
        {
            List<string> vpcs = [.. draft.VpcIds.Distinct(StringComparer.Ordinal).Where(_vpcs.ContainsKey)];
            bool one = draft.Kind is GatewayKind.Internet or GatewayKind.EgressOnlyInternet or GatewayKind.VirtualPrivate;
            if (one && draft.VpcIds.Distinct(StringComparer.Ordinal).Count() > 1)
            {
                _faults.Error(
                    draft.Where, $"the {Name(draft.Kind)} is attached to {string.Join(" and ", draft.VpcIds.Select(Quote))}", "Attach it to one VPC (IGW-12)");
            }

            foreach (string vpc in vpcs)
            {
                if (draft.Kind is GatewayKind.Internet or GatewayKind.VirtualPrivate && !draft.Gone && !attached.TryAdd((draft.Kind, vpc), draft.Id))
                {
                    _faults.Error(draft.Where, $"{vpc} already has the {Name(draft.Kind)} {attached[(draft.Kind, vpc)]}", "Attach one to each VPC (IGW-12)");
                }
            }

            // A transit gateway of several VPCs belongs to none of them.
            string? home = draft.Kind == GatewayKind.Transit && vpcs.Count > 1 ? null : vpcs.FirstOrDefault();
            _gateways.Add(draft.Id, new KnownGateway(
                new Gateway(draft.Id, draft.Kind, home, Blocks(draft, draft.RemoteBlocks)), vpcs, draft.Gone, draft.Where));
        }
    }

    /// <summary>A gateway that a route of <paramref name="vpcId"/> names and no file holds: an active route proves the attachment.</summary>
    private KnownGateway Assume(string id, GatewayKind kind, string vpcId, string where)
    {
        KnownGateway gateway = new(new Gateway(id, kind, vpcId, []), [vpcId], false, where);
        _gateways.Add(id, gateway);
        return gateway;
    }

    /// <summary>One warning for each gateway that packets could take and that is not enforced, and for each interface of a component whose own file is not there.</summary>
    private void NotEnforced(HashSet<string> targets)
    {
        foreach (KnownGateway gateway in _gateways.Values.OrderBy(g => g.Record.Id, StringComparer.Ordinal))
        {
            GatewayKind kind = gateway.Record.Kind;
            if (IsEnforced(kind) || gateway.Gone)
            {
                continue;
            }

            List<string> effects = [];
            if (targets.Contains(gateway.Record.Id))
            {
                effects.Add("packets that a route sends to it are denied UNSUPPORTED_COMPONENT");
            }

            if (gateway.VpcIds.Count > 0 && kind is GatewayKind.VirtualPrivate or GatewayKind.VpcPeering or GatewayKind.Transit)
            {
                effects.Add("packets that would enter there are unplaced");
            }

            if (_components.Remove(gateway.Record.Id))
            {
                effects.Add("packets from and to its own addresses are unplaced");
            }

            if (effects.Count > 0)
            {
                _faults.Warn(
                    gateway.Where, $"the {Name(kind)} {gateway.Record.Id} is not enforced yet: {string.Join(", and ", effects)}", "Read verdicts about its traffic with care");
            }
        }

        foreach ((string id, string where) in _components.OrderBy(c => c.Key, StringComparer.Ordinal))
        {
            string type = _interfaceDrafts.GetValueOrDefault(id)?.Type ?? "interface";
            string effect = targets.Contains(id) ? "packets that a route sends to it are denied UNSUPPORTED_COMPONENT, and packets" : "packets";
            _faults.Warn(
                where, $"the interface {id} is of a component that is not enforced yet (type {SafeText.Line(type, 40)}): {effect} from and to its own addresses are unplaced",
                "Read verdicts about its traffic with care");
        }
    }
}
