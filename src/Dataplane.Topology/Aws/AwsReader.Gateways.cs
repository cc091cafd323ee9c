using System;
using System.Collections.Generic;
using System.Linq;
using Dataplane.Topology.Documents;
using Dataplane.Topology.Model;

namespace Dataplane.Topology.Aws;

internal sealed partial class AwsReader
{
    /// <summary>The keys of a route that hold its target, in the order of RT-25, and what they lead to.</summary>
    private static readonly (string Key, GatewayKind? Kind)[] RouteTargets =
    [
        ("GatewayId", null),
        ("NatGatewayId", GatewayKind.Nat),
        ("NetworkInterfaceId", null),
        ("TransitGatewayId", GatewayKind.Transit),
        ("VpcPeeringConnectionId", GatewayKind.VpcPeering),
        ("EgressOnlyInternetGatewayId", GatewayKind.EgressOnlyInternet),
        ("VpcEndpointId", GatewayKind.VpcEndpoint),
        ("LocalGatewayId", GatewayKind.Local),
        ("CarrierGatewayId", GatewayKind.Carrier),
        ("CoreNetworkArn", GatewayKind.CoreNetwork),
        ("OdbNetworkArn", GatewayKind.Other),
    ];

    private void RouteTables()
    {
        foreach (AwsNode row in Rows("RouteTables"))
        {
            string id = row.Id("RouteTableId")!;
            RouteTableDraft table = new() { Id = id, Where = row.Where(id), VpcId = row.Id("VpcId") };
            foreach (AwsNode association in row.List("Associations"))
            {
                if (association.Map("AssociationState") is { } state && !IsState(state, "State", "associated", "associating"))
                {
                    continue;
                }

                table.IsMain |= association.Flag("Main") ?? false;
                AddNew(table.SubnetIds, association.Id("SubnetId"));
                AddNew(table.GatewayIds, association.Id("GatewayId"));
            }

            foreach (AwsNode gateway in row.List("PropagatingVgws"))
            {
                AddNew(table.PropagatingGateways, gateway.Id("GatewayId"));
            }

            foreach (AwsNode route in row.List("Routes"))
            {
                table.Routes.Add(Route(route, id));
            }

            _draft.RouteTables.Add(table);
        }
    }

    private static RouteDraft Route(AwsNode row, string tableId)
    {
        RouteDraft route = new()
        {
            Where = row.Where(tableId),
            Destination = row.Text("DestinationCidrBlock") ?? row.Text("DestinationIpv6CidrBlock"),
            DestinationIsIpv6 = row.Text("DestinationCidrBlock") is null,
            PrefixListId = row.Id("DestinationPrefixListId"),
            State = row.Text("State"),
            Origin = row.Text("Origin"),
        };
        foreach ((string key, GatewayKind? kind) in RouteTargets)
        {
            if (row.Id(key) is { } id)
            {
                (route.TargetId, route.TargetHint) = (id, kind);
                return route;
            }
        }

        if (row.Id("InstanceId") is { } instance)
        {
            (route.TargetId, route.TargetIsInstance) = (instance, true);
        }

        return route;
    }

    private void Gateways()
    {
        AttachedGateways("InternetGateways", "InternetGatewayId", GatewayKind.Internet);
        AttachedGateways("EgressOnlyInternetGateways", "EgressOnlyInternetGatewayId", GatewayKind.EgressOnlyInternet);
        foreach (AwsNode row in Rows("CarrierGateways"))
        {
            AddNew(Gateway(row.Id("CarrierGatewayId")!, GatewayKind.Carrier, row).VpcIds, row.Id("VpcId"));
        }

        Endpoints();
        Peerings();
        Vpns();
        TransitGateways();
    }

    private GatewayDraft Gateway(string id, GatewayKind kind, AwsNode row)
    {
        GatewayDraft? gateway = _draft.Gateways.Find(g => g.Id == id);
        if (gateway is null)
        {
            gateway = new GatewayDraft { Id = id, Kind = kind, Where = row.Where(id) };
            _draft.Gateways.Add(gateway);
        }

        return gateway;
    }

    private void AttachedGateways(string key, string idKey, GatewayKind kind)
    {
        foreach (AwsNode row in Rows(key))
        {
            GatewayDraft gateway = Gateway(row.Id(idKey)!, kind, row);
            foreach (AwsNode attachment in row.List("Attachments"))
            {
                if (IsState(attachment, "State", "available", "attached"))
                {
                    AddNew(gateway.VpcIds, attachment.Id("VpcId"));
                }
            }
        }
    }

    /// <summary>Gateway and Gateway Load Balancer endpoints are route targets; all but the first kind have interfaces, which other files list.</summary>
    private void Endpoints()
    {
        foreach (AwsNode row in Rows("VpcEndpoints"))
        {
            string id = row.Id("VpcEndpointId")!;
            string type = row.Text("VpcEndpointType") ?? "Gateway";
            bool available = IsState(row, "State", "available");
            if (type.ToUpperInvariant() is "GATEWAY" or "GATEWAYLOADBALANCER")
            {
                GatewayDraft gateway = Gateway(id, GatewayKind.VpcEndpoint, row);
                gateway.Gone = !available;
                AddNew(gateway.VpcIds, row.Id("VpcId"));
                if (type.ToUpperInvariant() is "GATEWAY")
                {
                    continue;
                }

                if (available)
                {
                    // As of a NAT gateway's (IMP-05): what the endpoint says of its interface goes before what the interface says of itself.
                    foreach (InterfaceDraft card in row.Texts("NetworkInterfaceIds").Select(_interfaces.GetValueOrDefault).OfType<InterfaceDraft>())
                    {
                        card.EndpointId = id;
                    }
                }
            }
            else if (available && type.ToUpperInvariant() is "INTERFACE")
            {
                // Simulators print these as plain interfaces; the endpoint says what they are (CT-09).
                foreach (InterfaceDraft card in row.Texts("NetworkInterfaceIds").Select(_interfaces.GetValueOrDefault).OfType<InterfaceDraft>()
                    .Where(card => card.Type is null or "interface"))
                {
                    card.Type = "vpc_endpoint";
                }
            }

            if (available)
            {
                string[] missing = [.. row.Texts("NetworkInterfaceIds").Where(i => !_interfaces.ContainsKey(i))];
                if (missing.Length > 0)
                {
                    _faults.Warn(
                        row.Where(id), $"the interfaces of the endpoint are in no file ({SafeText.Line(string.Join(", ", missing), 80)}), so nothing answers there",
                        "Add the output of describe-network-interfaces");
                }
            }
        }
    }

    private void Peerings()
    {
        foreach (AwsNode row in Rows("VpcPeeringConnections"))
        {
            GatewayDraft gateway = Gateway(row.Id("VpcPeeringConnectionId")!, GatewayKind.VpcPeering, row);
            gateway.Gone = row.Map("Status") is { } status && !IsState(status, "Code", "active");
            if (gateway.Gone)
            {
                continue;
            }

            foreach (AwsNode side in new[] { row.Map("RequesterVpcInfo"), row.Map("AccepterVpcInfo") }.OfType<AwsNode>())
            {
                string? vpc = side.Id("VpcId");
                AddNew(gateway.VpcIds, vpc);
                if (vpc is not null && _draft.Vpcs.Exists(v => v.Id == vpc))
                {
                    continue;
                }

                int before = gateway.RemoteBlocks.Count;
                foreach (AwsNode block in side.List("CidrBlockSet"))
                {
                    AddNew(gateway.RemoteBlocks, block.Text("CidrBlock"));
                }

                if (gateway.RemoteBlocks.Count == before)
                {
                    AddNew(gateway.RemoteBlocks, side.Text("CidrBlock"));    // IMP-13
                }

                foreach (AwsNode block in side.List("Ipv6CidrBlockSet"))
                {
                    AddNew(gateway.RemoteBlocks, block.Text("Ipv6CidrBlock"));
                }
            }
        }
    }

    private void Vpns()
    {
        foreach (AwsNode row in Rows("VpnGateways"))
        {
            GatewayDraft gateway = Gateway(row.Id("VpnGatewayId")!, GatewayKind.VirtualPrivate, row);
            gateway.Gone = !IsState(row, "State", "available");
            foreach (AwsNode attachment in row.List("VpcAttachments"))
            {
                if (IsState(attachment, "State", "attached", "available"))
                {
                    AddNew(gateway.VpcIds, attachment.Id("VpcId"));
                }
            }
        }

        foreach (AwsNode row in Rows("VpnConnections"))
        {
            if (!IsState(row, "State", "available", "pending"))
            {
                continue;
            }

            GatewayDraft? gateway = row.Id("VpnGatewayId") is { } vgw
                ? Gateway(vgw, GatewayKind.VirtualPrivate, row)
                : row.Id("TransitGatewayId") is { } tgw ? Gateway(tgw, GatewayKind.Transit, row) : null;
            foreach (AwsNode route in row.List("Routes"))
            {
                if (gateway is not null && IsState(route, "State", "available", "pending"))
                {
                    AddNew(gateway.RemoteBlocks, route.Text("DestinationCidrBlock"));
                }
            }
        }
    }

    /// <summary>Until transit gateways are enforced: which VPCs they join, and what their static routes say lies behind them.</summary>
    private void TransitGateways()
    {
        foreach (AwsNode row in Rows("TransitGateways"))
        {
            Gateway(row.Id("TransitGatewayId")!, GatewayKind.Transit, row).Gone = !IsState(row, "State", "available", "modifying");
        }

        HashSet<string> vpcAttachments = new(StringComparer.Ordinal);
        foreach (AwsNode row in Rows("TransitGatewayVpcAttachments").Concat(Rows("TransitGatewayAttachments")))
        {
            if (row.Id("TransitGatewayId") is not { } id || !IsState(row, "State", "available", "modifying"))
            {
                continue;
            }

            GatewayDraft gateway = Gateway(id, GatewayKind.Transit, row);
            string? vpc = row.Id("VpcId") ?? (string.Equals(row.Text("ResourceType"), "vpc", StringComparison.OrdinalIgnoreCase) ? row.Id("ResourceId") : null);
            if (vpc is not null)
            {
                vpcAttachments.Add(row.Id("TransitGatewayAttachmentId")!);
                AddNew(gateway.VpcIds, vpc);
            }
        }

        Dictionary<string, string> owners = new(StringComparer.Ordinal);
        foreach (AwsNode row in Rows("TransitGatewayRouteTables"))
        {
            if (row.Id("TransitGatewayId") is { } tgw)
            {
                owners[row.Id("TransitGatewayRouteTableId")!] = tgw;
            }
        }

        foreach (AwsNode row in Rows("TransitGatewayStaticRoutes").Concat(Rows("Routes")))
        {
            if ((row.Id("TransitGatewayRouteTableId") ?? IdInName(row.File, "tgw-rtb-")) is not { } table)
            {
                _faults.Warn(
                    row.Where("Routes"), "the output of search-transit-gateway-routes does not say which table it is of, so it is not used",
                    "Put the id into the file's name, such as routes-tgw-rtb-0123.json, or wrap it: {\"TransitGatewayStaticRoutes\":[{\"TransitGatewayRouteTableId\":\"tgw-rtb-0123\",\"Routes\":[...]}]}");
                continue;
            }

            if (!owners.TryGetValue(table, out string? tgw))
            {
                continue;
            }

            GatewayDraft gateway = Gateway(tgw, GatewayKind.Transit, row);
            foreach (AwsNode route in row.List("Routes"))
            {
                bool outside = route.List("TransitGatewayAttachments").Any(a => a.Id("TransitGatewayAttachmentId") is { } attachment && !vpcAttachments.Contains(attachment));
                if (outside && IsState(route, "State", "active"))
                {
                    AddNew(gateway.RemoteBlocks, route.Text("DestinationCidrBlock"));
                }
            }
        }

        foreach ((string key, string command) in (ReadOnlySpan<(string, string)>)
            [("Associations", "get-transit-gateway-route-table-associations"), ("TransitGatewayRouteTablePropagations", "get-transit-gateway-route-table-propagations")])
        {
            foreach (AwsNode row in Rows(key).Where(r => r.Id("TransitGatewayRouteTableId") is null && IdInName(r.File, "tgw-rtb-") is null))
            {
                _faults.Warn(
                    row.Where(key), $"the output of {command} does not say which table it is of, so it is not used", "Put the id into the file's name, such as x-tgw-rtb-0123.json");
            }
        }
    }
}
