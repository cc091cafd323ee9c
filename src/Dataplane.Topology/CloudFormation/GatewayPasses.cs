using System;
using System.Collections.Generic;
using System.Linq;
using Dataplane.Topology.Documents;
using Dataplane.Topology.Model;

namespace Dataplane.Topology.CloudFormation;

// Gateways of every kind, route tables and prefix lists. Whether a kind is enforced is the resolver's word.
internal sealed partial class TemplateReading
{
    private GatewayDraft Gateway(string id, GatewayKind kind, PropertyBag bag)
    {
        GatewayDraft gateway = new() { Id = id, Kind = kind, Where = bag.Where };
        _gateways[id] = gateway;
        _draft.Gateways.Add(gateway);
        return gateway;
    }

    private static void AddVpc(GatewayDraft gateway, string? vpc)
    {
        if (vpc is not null && !gateway.VpcIds.Contains(vpc))
        {
            gateway.VpcIds.Add(vpc);
        }
    }

    private void ReadGateways()
    {
        foreach (TemplateResource resource in _resources)
        {
            PropertyBag bag = Bag(resource);
            switch (resource.Type)
            {
                case "AWS::EC2::InternetGateway":
                    Gateway(resource.Id, GatewayKind.Internet, bag);
                    break;
                case "AWS::EC2::EgressOnlyInternetGateway":
                    AddVpc(Gateway(resource.Id, GatewayKind.EgressOnlyInternet, bag), bag.Required("VpcId"));
                    break;
                case "AWS::EC2::CarrierGateway":
                    AddVpc(Gateway(resource.Id, GatewayKind.Carrier, bag), bag.Required("VpcId"));
                    break;
                case "AWS::EC2::VPNGateway":
                    Gateway(resource.Id, GatewayKind.VirtualPrivate, bag);
                    break;
                case "AWS::EC2::TransitGateway":
                    Gateway(resource.Id, GatewayKind.Transit, bag);
                    break;
                case "AWS::EC2::VPCPeeringConnection":
                    ReadPeering(bag);
                    break;
                case "AWS::EC2::VPCEndpoint":
                    ReadEndpoint(bag);
                    break;
            }
        }

        foreach (PropertyBag bag in OfType("VPCGatewayAttachment"))
        {
            string name = bag.Has("InternetGatewayId") ? "InternetGatewayId" : "VpnGatewayId";
            if (Named(bag, name, _gateways, "gateway") is { } gateway)
            {
                AddVpc(gateway, bag.Required("VpcId"));
            }
        }

        foreach (PropertyBag bag in OfType("TransitGatewayAttachment").Concat(OfType("TransitGatewayVpcAttachment")))
        {
            // The transit gateway may be another account's; the attachment then has nothing to say here.
            if (bag.Required("TransitGatewayId") is { } id && _gateways.TryGetValue(id, out GatewayDraft? gateway))
            {
                AddVpc(gateway, bag.Required("VpcId"));
            }
        }

        foreach (PropertyBag bag in OfType("VPNConnectionRoute"))
        {
            if (bag.Required("VpnConnectionId") is { } id && Find(id, "VPNConnection") is { } connection
                && Bag(connection).Text("VpnGatewayId") is { } gatewayId && _gateways.TryGetValue(gatewayId, out GatewayDraft? gateway)
                && bag.Required("DestinationCidrBlock") is { } block)
            {
                gateway.RemoteBlocks.Add(block);
            }
        }
    }

    /// <summary>IMP-27: active when both VPCs are here, or nothing says that the other is somebody else's or elsewhere.</summary>
    private void ReadPeering(PropertyBag bag)
    {
        GatewayDraft gateway = Gateway(bag.Resource.Id, GatewayKind.VpcPeering, bag);
        string? own = bag.Required("VpcId");
        string? peer = bag.Required("PeerVpcId");
        Value owner = bag.Get("PeerOwnerId");
        Value region = bag.Get("PeerRegion");
        bool isElsewhere = (region.Kind == ValueKind.Text && region.Text != _evaluator.Region)
            || (owner.Kind == ValueKind.Text && owner.Text != _options.Parameters.GetValueOrDefault("AWS::AccountId", Evaluator.Account));
        if ((own is not null && peer is not null && _vpcs.ContainsKey(own) && _vpcs.ContainsKey(peer)) || !isElsewhere)
        {
            AddVpc(gateway, own);
            AddVpc(gateway, peer);
            return;
        }

        _faults.Warn(
            bag.Where,
            $"the peering with {SafeText.Line(peer ?? "?")} needs the other side's acceptance and is taken as not active",
            "Give the file that has the other VPC as a further -t");
    }

    /// <summary>IMP-25, IMP-26: a gateway endpoint gives each of its tables a route to the list of its service.</summary>
    private void ReadEndpoint(PropertyBag bag)
    {
        string kind = bag.Text("VpcEndpointType") ?? "Gateway";
        if (kind == "Interface")
        {
            return;    // interfaces with groups, which the interface pass made; no route leads to them
        }

        GatewayDraft gateway = Gateway(bag.Resource.Id, GatewayKind.VpcEndpoint, bag);
        AddVpc(gateway, bag.Required("VpcId"));
        if (kind != "Gateway")
        {
            if (kind != "GatewayLoadBalancer")
            {
                _faults.Warn(bag.Where, $"a VPC endpoint of type {SafeText.Line(kind)} is not enforced", "Give --eni for the interfaces that it has");
            }

            return;
        }

        if (bag.Required("ServiceName") is not { } service)
        {
            return;
        }

        string list = "pl-" + ServiceOf(service);
        if (_lists.Add(list) && !_draft.PrefixLists.Any(p => p.Id == list))
        {
            _draft.PrefixLists.Add(new PrefixListDraft { Id = list, Name = service, Where = bag.Where });
        }

        List<string> tables = bag.Texts("RouteTableIds");
        foreach (string id in tables)
        {
            _endpointRoutes.Add((id, new RouteDraft { Where = bag.Where, PrefixListId = list, TargetId = gateway.Id }, bag));
        }
    }

    private readonly HashSet<string> _lists = new(StringComparer.Ordinal);
    private readonly List<(string Table, RouteDraft Route, PropertyBag Bag)> _endpointRoutes = [];

    /// <summary>s3 of com.amazonaws.us-east-1.s3.</summary>
    private static string ServiceOf(string name)
    {
        string[] labels = name.Split('.');
        int amazon = Array.IndexOf(labels, "amazonaws");
        int first = amazon < 0 ? labels.Length - 1 : amazon + (amazon + 1 < labels.Length && labels[amazon + 1] == "cn" ? 3 : 2);
        return first < labels.Length ? string.Join('.', labels[first..]) : labels[^1];
    }

    private void ReadRouteTables()
    {
        foreach (PropertyBag bag in OfType("RouteTable"))
        {
            RouteTableDraft table = new() { Id = bag.Resource.Id, Where = bag.Where, VpcId = bag.Required("VpcId") };
            _tables[table.Id] = table;
            _draft.RouteTables.Add(table);
        }

        foreach (PropertyBag bag in OfType("SubnetRouteTableAssociation"))
        {
            if (Named(bag, "RouteTableId", _tables, "route table") is { } table && bag.Required("SubnetId") is { } subnet)
            {
                table.SubnetIds.Add(subnet);
            }
        }

        foreach (PropertyBag bag in OfType("GatewayRouteTableAssociation"))
        {
            if (Named(bag, "RouteTableId", _tables, "route table") is { } table && bag.Required("GatewayId") is { } gateway)
            {
                table.GatewayIds.Add(gateway);
            }
        }

        foreach (PropertyBag bag in OfType("VPNGatewayRoutePropagation"))
        {
            string? gateway = bag.Required("VpnGatewayId");
            foreach (string id in bag.Texts("RouteTableIds"))
            {
                if (gateway is not null && TableOf(bag, "RouteTableIds", id) is { } table)
                {
                    table.PropagatingGateways.Add(gateway);
                }
            }
        }

        foreach (PropertyBag bag in OfType("Route"))
        {
            ReadRoute(bag);
        }

        foreach ((string id, RouteDraft route, PropertyBag bag) in _endpointRoutes)
        {
            TableOf(bag, "RouteTableIds", id)?.Routes.Add(route);
        }
    }

    private RouteTableDraft? TableOf(PropertyBag bag, string name, string id)
    {
        if (_tables.TryGetValue(id, out RouteTableDraft? table))
        {
            return table;
        }

        Error(bag, name, $"'{SafeText.Line(id)}' names no route table of the given files", "Name one, or give the file that has it as a further -t");
        return null;
    }

    private void ReadRoute(PropertyBag bag)
    {
        RouteTableDraft? table = Named(bag, "RouteTableId", _tables, "route table");
        string? destinationV4 = bag.Text("DestinationCidrBlock"), destination = destinationV4 ?? bag.Text("DestinationIpv6CidrBlock");
        string? list = destination is null ? bag.Text("DestinationPrefixListId") : null;
        RouteDraft route = new() { Where = bag.Where, Destination = destination, DestinationIsIpv6 = destinationV4 is null, PrefixListId = list };
        if (destination is null && list is null
            && bag.Get("DestinationCidrBlock").IsNone && bag.Get("DestinationIpv6CidrBlock").IsNone && bag.Get("DestinationPrefixListId").IsNone)
        {
            Error(bag, "DestinationCidrBlock", "is missing", "Give DestinationCidrBlock, DestinationIpv6CidrBlock or DestinationPrefixListId");
        }

        bool said = false;
        foreach (string target in (string[])
            ["GatewayId", "NatGatewayId", "NetworkInterfaceId", "InstanceId", "EgressOnlyInternetGatewayId", "VpcPeeringConnectionId", "TransitGatewayId",
            "VpcEndpointId", "CarrierGatewayId", "LocalGatewayId", "CoreNetworkArn"])
        {
            Value value = bag.Get(target);
            said |= !value.IsNone;
            if (!value.IsNone && bag.Text(target) is { } id)
            {
                route.TargetId = id;
                route.TargetIsInstance = target == "InstanceId";
                break;
            }
        }

        if (!said)
        {
            Error(bag, "GatewayId", "the route has no target", "Give GatewayId, NetworkInterfaceId or another target");
        }

        if (table is not null && (destination ?? list) is not null && route.TargetId is not null)
        {
            table.Routes.Add(route);
        }
    }

    private void ReadPrefixLists()
    {
        foreach (PropertyBag bag in OfType("PrefixList"))
        {
            PrefixListDraft list = new() { Id = bag.Resource.Id, Where = bag.Where, Name = bag.Text("PrefixListName"), Entries = [] };
            foreach (PropertyBag entry in bag.Bags("Entries"))
            {
                if (entry.Required("Cidr") is { } cidr)
                {
                    list.Entries.Add(cidr);
                }
            }

            _draft.PrefixLists.Add(list);
        }
    }
}
