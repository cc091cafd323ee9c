using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Dataplane.Packets;
using Dataplane.Topology.Documents;

namespace Dataplane.Topology.Model;

public sealed partial class Resolver
{
    private readonly Dictionary<string, NetworkInterface> _interfaces = new(StringComparer.Ordinal);

    private Dictionary<string, InterfaceDraft> _interfaceDrafts = [];

    /// <summary>Components that are not enforced and have interfaces, and where a file says so.</summary>
    private readonly Dictionary<string, string> _components = new(StringComparer.Ordinal);

    /// <summary>Instance id to its device 0 interface.</summary>
    private readonly Dictionary<string, string> _firstInterfaces = new(StringComparer.Ordinal);

    /// <summary>
    /// The types of what is not enforced: no group filters such an interface (R-37), and packets from and to it are unplaced. With separators taken away; the API prints natGateway, files hold
    /// nat_gateway as well.
    /// </summary>
    private static bool IsManagedType(string type) => type.Replace("_", "", StringComparison.Ordinal).ToUpperInvariant()
        is "NATGATEWAY" or "TRANSITGATEWAY" or "GATEWAYLOADBALANCER" or "GATEWAYLOADBALANCERENDPOINT";

    /// <summary>Types that AWS never makes without a group.</summary>
    private static bool AlwaysHasGroups(string type) => type.Replace("_", "-", StringComparison.Ordinal).ToUpperInvariant()
        is "INTERFACE" or "EFA" or "EFA-ONLY" or "TRUNK" or "BRANCH" or "LAMBDA" or "VPC-ENDPOINT";

    private void Interfaces()
    {
        _interfaceDrafts = Index(_draft.Interfaces, "network interface");
        foreach (InterfaceDraft draft in _interfaceDrafts.Values)
        {
            (ImmutableArray<InterfaceAddress> addresses, ImmutableArray<IpPrefix> prefixes) = (AddressesOf(draft), Blocks(draft, draft.Prefixes));
            if (SubnetOf(draft, addresses) is not { } subnet)
            {
                _ = GroupsOf(draft, null);
                continue;
            }

            if (draft.VpcId is not null && draft.VpcId != subnet.VpcId)
            {
                _faults.Error(draft.Where, $"it is in {Quote(draft.VpcId)}, but its subnet {subnet.Id} is in {subnet.VpcId}", "Correct one of the two");
            }

            InterfaceKind kind = KindOf(draft);
            string? component = ComponentOf(draft);
            if (component is not null)
            {
                _components.TryAdd(component, draft.Where);
            }

            AddressesInSubnet(draft, subnet, addresses);
            _interfaces.Add(draft.Id, new NetworkInterface
            {
                Id = draft.Id,
                VpcId = subnet.VpcId,
                SubnetId = subnet.Id,
                Addresses = addresses,
                Prefixes = prefixes,
                SecurityGroupIds = kind == InterfaceKind.Managed ? [] : GroupsOf(draft, subnet.VpcId),
                Kind = kind,
                Service = draft.NatGatewayId is null ? AutoTracking.Of(draft.Type) : TrackedService.None,
                // What forwards for others has no check to begin with (RT-28).
                SourceDestCheck = draft.SourceDestCheck ?? kind != InterfaceKind.Managed,
                DenyAllIgwTraffic = draft.DenyAllIgwTraffic,
                Timeouts = TimeoutsOf(draft),
                InstanceId = draft.InstanceId,
                DeviceIndex = draft.DeviceIndex,
                NatGatewayId = draft.NatGatewayId,
                Unenforced = component,
            });
        }

        foreach (NetworkInterface card in _interfaces.Values.Where(i => i.InstanceId is not null)
            .OrderBy(i => i.DeviceIndex).ThenBy(i => i.Id, StringComparer.Ordinal))
        {
            _firstInterfaces.TryAdd(card.InstanceId!, card.Id);
        }

        UniqueAddresses();
    }

    private ImmutableArray<InterfaceAddress> AddressesOf(InterfaceDraft draft)
    {
        List<(InterfaceAddress Address, bool Primary)> addresses = [];
        foreach (AddressDraft text in draft.Addresses)
        {
            if (!IpAddress.TryParse(text.Private, out IpAddress address))
            {
                BadAddress(draft.Where, text.Private);
                continue;
            }

            IpAddress? publicAddress = null;
            if (text.Public is not null)
            {
                if (!IpAddress.TryParse(text.Public, out IpAddress parsed) || parsed.IsIpv6 || address.IsIpv6)
                {
                    BadAddress(draft.Where, text.Public);
                }
                else
                {
                    publicAddress = parsed;
                }
            }

            addresses.Add((new InterfaceAddress(address, publicAddress), text.Primary && !address.IsIpv6));
        }

        if (draft.Addresses.Count == 0 && draft.Prefixes.Count == 0)
        {
            _faults.Error(draft.Where, "the interface has no address", "Give it a private IPv4 or an IPv6 address");
        }

        // The primary IPv4 address first; a file that marks none has it first among the IPv4 ones.
        return [.. addresses.OrderBy(a => a.Primary ? 0 : a.Address.Private.IsIpv6 ? 2 : 1).Select(a => a.Address)];
    }

    private void BadAddress(string where, string text) => _faults.Error(
        where, $"{Quote(text)} is not an address of the family that is asked for here", "Write it as 10.0.1.5 or 2001:db8::5, numbers without leading zeros");

    /// <summary>The subnet that the draft names, else the one that holds its first address, in the VPC of its groups if several do.</summary>
    private Subnet? SubnetOf(InterfaceDraft draft, ImmutableArray<InterfaceAddress> addresses)
    {
        if (draft.SubnetId is not null)
        {
            if (_subnets.TryGetValue(draft.SubnetId, out Subnet? named))
            {
                return named;
            }

            if (!_draft.Subnets.Exists(s => s.Id == draft.SubnetId))
            {
                _faults.Error(draft.Where, $"its subnet {Quote(draft.SubnetId)} is in no file", "Add the output of describe-subnets, or name a subnet of the topology");
            }

            return null;
        }

        if (addresses.IsEmpty)
        {
            return null;
        }

        List<Subnet> holders = [.. _subnets.Values.Where(s =>
            (draft.VpcId is null || s.VpcId == draft.VpcId) && s.Blocks.Any(b => b.Contains(addresses[0].Private)))];
        if (holders.Count > 1)
        {
            holders.RemoveAll(s => !draft.SecurityGroupIds.Exists(g => _groups.TryGetValue(g, out SecurityGroup? group) && group.VpcIds.Contains(s.VpcId)));
        }

        if (holders.Count == 1)
        {
            return holders[0];
        }

        _faults.Error(
            draft.Where,
            holders.Count == 0 ? $"no subnet holds {addresses[0].Private}" : $"several subnets hold {addresses[0].Private}: {string.Join(", ", holders.Select(s => s.Id).Order(StringComparer.Ordinal))}",
            "Name its subnet");
        return null;
    }

    /// <summary>What the interface belongs to, where that is not enforced.</summary>
    private static string? ComponentOf(InterfaceDraft draft) =>
        draft.NatGatewayId ?? draft.EndpointId ?? (draft.Type is { } type && IsManagedType(type) ? draft.Id : null);

    private InterfaceKind KindOf(InterfaceDraft draft)
    {
        string type = draft.Type ?? "interface";
        if (ComponentOf(draft) is not null)
        {
            return InterfaceKind.Managed;
        }

        if (draft.SecurityGroupIds.Count > 0)
        {
            return InterfaceKind.Standard;
        }

        if (AlwaysHasGroups(type))
        {
            _faults.Error(
                draft.Where, $"an interface of type {SafeText.Line(type, 40)} without security groups: AWS always gives it one", "Add its Groups to the file");
            return InterfaceKind.Standard;
        }

        // Network load balancers may have none; of other kinds we do not know better than the file.
        _faults.Warn(draft.Where, $"the interface (type {SafeText.Line(type, 40)}) has no security groups, so none filters it", "Add its Groups to the file if it has some");
        return InterfaceKind.Managed;
    }

    private void AddressesInSubnet(InterfaceDraft draft, Subnet subnet, ImmutableArray<InterfaceAddress> addresses)
    {
        foreach (InterfaceAddress address in addresses)
        {
            if (!subnet.Blocks.Any(b => b.Contains(address.Private)))
            {
                _faults.Warn(
                    draft.Where, $"{address.Private} is in no block of its subnet {subnet.Id}; it belongs to the interface all the same", "Check the address");
            }
            else if (subnet.Blocks.Any(b => b.Contains(address.Private) && (address.Private < b.Address.Plus(4) || address.Private == b.Last)))
            {
                _faults.Warn(
                    draft.Where, $"{address.Private} is one of the five addresses that AWS keeps in each subnet (RT-31)", "Choose another address");
            }
        }
    }

    /// <param name="vpcId">The interface's; null when it is not known.</param>
    private ImmutableArray<string> GroupsOf(InterfaceDraft draft, string? vpcId)
    {
        foreach (string id in draft.SecurityGroupIds)
        {
            if (_groups.TryGetValue(id, out SecurityGroup? group))
            {
                if (vpcId is not null && !group.VpcIds.Contains(vpcId))
                {
                    _faults.Error(
                        draft.Where, $"its security group {id} is in {group.VpcIds[0]}, the interface in {vpcId}", "Give it a group of its own VPC, or add the association");
                }
            }
            else
            {
                string why = _groupDrafts.ContainsKey(id) ? "belongs to a VPC that is in no file" : "is in no file";
                _faults.Error(draft.Where, $"its security group {Quote(id)} {why}", "Add the output of describe-security-groups, or name a group of the topology");
            }
        }

        return [.. draft.SecurityGroupIds.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
    }

    private TrackingTimeouts TimeoutsOf(InterfaceDraft draft)
    {
        TrackingTimeouts defaults = TrackingTimeouts.Default;
        bool isV6 = draft.InstanceId is { } instance && NitroVersions.IsV6(_draft.InstanceTypes.GetValueOrDefault(instance));
        return new TrackingTimeouts(
            Within(draft, "TcpEstablishedTimeout", draft.TcpEstablishedTimeout, 60, 432_000, isV6 ? NitroVersions.TcpEstablishedOnV6 : defaults.TcpEstablished),
            Within(draft, "UdpStreamTimeout", draft.UdpStreamTimeout, 60, 180, defaults.UdpStream),
            Within(draft, "UdpTimeout", draft.UdpTimeout, 30, 60, defaults.Udp));
    }

    private int Within(InterfaceDraft draft, string key, int? value, int least, int most, int otherwise)
    {
        if (value is { } given && (given < least || given > most))
        {
            _faults.Error(draft.Where, $"{key} {given} is not in {least} to {most} seconds (CT-21)", "Correct it, or leave it out for the default");
        }

        return value ?? otherwise;
    }

    private void UniqueAddresses()
    {
        Dictionary<(string Vpc, IpAddress Address), string> privates = [];
        Dictionary<IpAddress, string> publics = [];
        Dictionary<IpAddress, (string Vpc, string Id)> anywhere = [];
        Dictionary<(string, string), int> shared = [];
        foreach (NetworkInterface card in _interfaces.Values.OrderBy(i => i.Id, StringComparer.Ordinal))
        {
            string where = _interfaceDrafts[card.Id].Where;
            foreach (InterfaceAddress address in card.Addresses)
            {
                if (!privates.TryAdd((card.VpcId, address.Private), card.Id))
                {
                    string owner = privates[(card.VpcId, address.Private)];
                    _faults.Error(where, $"{address.Private} is an address of {owner} in {card.VpcId} as well", "Give each interface addresses of its own");
                }

                if (address.Public is { } publicAddress && !publics.TryAdd(publicAddress, card.Id))
                {
                    _faults.Error(where, $"the public address {publicAddress} is mapped to {publics[publicAddress]} as well", "Map it to one private address");
                }

                if (!anywhere.TryAdd(address.Private, (card.VpcId, card.Id)) && anywhere[address.Private] is var (vpc, id) && vpc != card.VpcId
                    && shared.TryAdd((vpc, card.VpcId), 1))
                {
                    _faults.Warn(
                        where, $"{address.Private} is an address of {id} in {vpc} as well: a packet belongs to the interface whose VPC holds its other end, else to the lowest id",
                        "Look at one of the two VPCs at a time if that is not meant");
                }
            }
        }

        UniquePrefixes(privates);
    }

    /// <summary>An address inside a delegated prefix is the interface's (R-37), so no other interface may have it.</summary>
    private void UniquePrefixes(Dictionary<(string Vpc, IpAddress Address), string> privates)
    {
        Dictionary<(string Vpc, IpPrefix Block), string> owners = [];
        HashSet<int> lengths = [];
        foreach (NetworkInterface card in _interfaces.Values.OrderBy(i => i.Id, StringComparer.Ordinal))
        {
            foreach (IpPrefix prefix in card.Prefixes)
            {
                lengths.Add(prefix.Length);
                if (!owners.TryAdd((card.VpcId, prefix), card.Id))
                {
                    PrefixTaken(card, prefix.ToString(), owners[(card.VpcId, prefix)]);
                }
            }
        }

        foreach (((string vpc, IpAddress address), string id) in privates)
        {
            foreach (int length in lengths.Where(l => l <= address.Bits))
            {
                if (owners.TryGetValue((vpc, new IpPrefix(address, length)), out string? owner) && owner != id)
                {
                    PrefixTaken(_interfaces[id], address.ToString(), owner);
                }
            }
        }
    }

    private void PrefixTaken(NetworkInterface card, string what, string owner) => _faults.Error(
        _interfaceDrafts[card.Id].Where, $"{what} lies in a prefix that is delegated to {owner}", "Give each interface addresses of its own");
}
