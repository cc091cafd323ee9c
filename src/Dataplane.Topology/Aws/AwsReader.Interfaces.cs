using System;
using System.Collections.Generic;
using System.Linq;
using Dataplane.Topology.Documents;
using Dataplane.Topology.Model;

namespace Dataplane.Topology.Aws;

internal sealed partial class AwsReader
{
    /// <summary>Far beyond what any instance type has; it bounds the work on a hostile file.</summary>
    private const int MostAddresses = 1_000;

    private readonly Dictionary<string, InterfaceDraft> _interfaces = new(StringComparer.Ordinal);
    private readonly Dictionary<string, List<InterfaceDraft>> _instances = new(StringComparer.Ordinal);

    private void Interfaces()
    {
        foreach (AwsNode row in Rows("NetworkInterfaces"))
        {
            string id = row.Id("NetworkInterfaceId")!;
            Fill(Interface(id, row), row);
        }
    }

    private InterfaceDraft Interface(string id, AwsNode row)
    {
        if (!_interfaces.TryGetValue(id, out InterfaceDraft? card))
        {
            card = new InterfaceDraft { Id = id, Where = row.Where(id) };
            _interfaces.Add(id, card);
            _draft.Interfaces.Add(card);
        }

        return card;
    }

    /// <summary>Adds what a row says; what stands in the draft already stays (IMP-04: describe-network-interfaces is read first and wins).</summary>
    private void Fill(InterfaceDraft card, AwsNode row)
    {
        card.VpcId ??= row.Id("VpcId");
        card.SubnetId ??= row.Id("SubnetId");
        card.Type ??= row.Text("InterfaceType");
        card.SourceDestCheck ??= row.Flag("SourceDestCheck");
        card.DenyAllIgwTraffic |= row.Flag("DenyAllIgwTraffic") ?? false;
        foreach (AwsNode address in row.List("PrivateIpAddresses"))
        {
            Address(card, address.Text("PrivateIpAddress"), address.Map("Association")?.Text("PublicIp"), address.Flag("Primary") ?? false);
        }

        string? primary = row.Text("PrivateIpAddress");
        Address(card, primary, row.Map("Association")?.Text("PublicIp"), primary is not null);
        foreach (AwsNode address in row.List("Ipv6Addresses"))
        {
            Address(card, address.Text("Ipv6Address"), null, false);
        }

        foreach (AwsNode prefix in row.List("Ipv4Prefixes"))
        {
            AddNew(card.Prefixes, prefix.Text("Ipv4Prefix"));
        }

        foreach (AwsNode prefix in row.List("Ipv6Prefixes"))
        {
            AddNew(card.Prefixes, prefix.Text("Ipv6Prefix"));
        }

        if (card.SecurityGroupIds.Count == 0)
        {
            foreach (AwsNode group in row.List("Groups"))
            {
                AddNew(card.SecurityGroupIds, group.Id("GroupId"));
            }
        }

        if (row.Map("ConnectionTrackingConfiguration") is { } tracking)
        {
            card.TcpEstablishedTimeout ??= tracking.Int("TcpEstablishedTimeout");
            card.UdpStreamTimeout ??= tracking.Int("UdpStreamTimeout");
            card.UdpTimeout ??= tracking.Int("UdpTimeout");
        }

        if (row.Map("Attachment") is { } attachment && IsState(attachment, "Status", "attached", "attaching"))
        {
            Attach(card, attachment.Id("InstanceId"), attachment.Int("DeviceIndex") ?? 0);
        }
    }

    private void Attach(InterfaceDraft card, string? instanceId, int device)
    {
        if (instanceId is null || card.InstanceId is not null)
        {
            return;
        }

        card.InstanceId = instanceId;
        card.DeviceIndex = device;
        if (!_instances.TryGetValue(instanceId, out List<InterfaceDraft>? cards))
        {
            _instances.Add(instanceId, cards = []);
        }

        cards.Add(card);
    }

    private void Address(InterfaceDraft card, string? address, string? publicAddress, bool primary)
    {
        if (address is null)
        {
            return;
        }

        AddressDraft? known = card.Addresses.Find(a => a.Private == address);
        if (known is null)
        {
            if (card.Addresses.Count >= MostAddresses)
            {
                _faults.Error(card.Where, $"the interface has more than {MostAddresses} addresses", "Write the file anew with the command that made it");
                return;
            }

            known = new AddressDraft { Private = address };
            card.Addresses.Add(known);
        }

        known.Public ??= publicAddress;
        known.Primary |= primary && !card.Addresses.Exists(a => a.Primary);
    }

    private void Instances()
    {
        foreach (AwsNode row in Rows("Reservations"))
        {
            string id = row.Id("InstanceId")!;
            if (row.Map("State")?.Text("Name") is { } state && state.ToUpperInvariant() is "TERMINATED" or "SHUTTING-DOWN")
            {
                continue;
            }

            if (row.Text("InstanceType") is { } type)
            {
                _draft.InstanceTypes.TryAdd(id, type);
            }

            bool listed = false;
            foreach (AwsNode card in row.List("NetworkInterfaces"))
            {
                if (card.Id("NetworkInterfaceId") is not { } cardId)
                {
                    continue;
                }

                InterfaceDraft draft = Interface(cardId, card);
                Fill(draft, card);
                draft.VpcId ??= row.Id("VpcId");
                Attach(draft, id, card.Map("Attachment")?.Int("DeviceIndex") ?? 0);
                listed = true;
            }

            InterfaceDraft? first = _instances.GetValueOrDefault(id)?.MinBy(c => c.DeviceIndex);
            if (!listed && first is null && row.Text("PrivateIpAddress") is not null && row.Id("SubnetId") is not null)
            {
                // Old files list no interfaces; the instance's own id names the one that it must have.
                first = Interface(id, row);
                Attach(first, id, 0);
            }

            if (first is not null)
            {
                if (first.SecurityGroupIds.Count == 0)
                {
                    foreach (AwsNode group in row.List("SecurityGroups"))
                    {
                        AddNew(first.SecurityGroupIds, group.Id("GroupId"));
                    }
                }

                first.VpcId ??= row.Id("VpcId");
                first.SubnetId ??= row.Id("SubnetId");
                first.SourceDestCheck ??= row.Flag("SourceDestCheck");
                string? primary = row.Text("PrivateIpAddress") ?? first.Addresses.Find(a => a.Primary)?.Private;
                Address(first, primary, row.Text("PublicIpAddress"), true);
            }
        }
    }

    private void NatGateways()
    {
        foreach (AwsNode row in Rows("NatGateways"))
        {
            string id = row.Id("NatGatewayId")!;
            bool available = IsState(row, "State", "available");
            GatewayDraft gateway = new() { Id = id, Kind = GatewayKind.Nat, Where = row.Where(id), Gone = !available };
            AddNew(gateway.VpcIds, row.Id("VpcId"));
            _draft.Gateways.Add(gateway);
            if (!available)
            {
                continue;
            }

            int index = 0;
            foreach (AwsNode address in row.List("NatGatewayAddresses"))
            {
                index++;
                if (!IsState(address, "Status", "succeeded", "assigning", "associating"))
                {
                    continue;
                }

                string? cardId = address.Id("NetworkInterfaceId");
                string? subnetId = row.Id("SubnetId");
                if (cardId is null ? subnetId is null || address.Text("PrivateIp") is null : !_interfaces.ContainsKey(cardId) && subnetId is null)
                {
                    continue;    // a regional gateway has no subnet and no interface of the VPC's
                }

                InterfaceDraft card = Interface(cardId ?? $"{id}/{index}", address);
                card.NatGatewayId = id;
                card.Type ??= "nat_gateway";
                card.VpcId ??= row.Id("VpcId");
                card.SubnetId ??= subnetId;
                Address(card, address.Text("PrivateIp"), address.Text("PublicIp"), card.Addresses.Count == 0);
            }
        }
    }

    /// <summary>Elastic IPs: the association of describe-addresses is the newest there is, since it replaces an assigned address (IGW-10).</summary>
    private void Addresses()
    {
        foreach (AwsNode row in Rows("Addresses"))
        {
            if (row.Text("PublicIp") is not { } publicAddress)
            {
                continue;
            }

            InterfaceDraft? card = row.Id("NetworkInterfaceId") is { } id
                ? _interfaces.GetValueOrDefault(id)
                : row.Id("InstanceId") is { } instance ? _instances.GetValueOrDefault(instance)?.MinBy(c => c.DeviceIndex) : null;
            if (card is null)
            {
                if ((row.Text("NetworkInterfaceId") ?? row.Text("InstanceId")) is { } owner)
                {
                    _faults.Warn(
                        row.Where(publicAddress), $"the address is associated with {SafeText.Quote(owner)}, which is in no file", "Add the output of describe-network-interfaces");
                }

                continue;
            }

            string? privateAddress = row.Text("PrivateIpAddress");
            AddressDraft? mapped = privateAddress is null
                ? card.Addresses.Find(a => a.Primary) ?? card.Addresses.FirstOrDefault()
                : card.Addresses.Find(a => a.Private == privateAddress);
            if (mapped is null && privateAddress is not null)
            {
                mapped = new AddressDraft { Private = privateAddress };
                card.Addresses.Add(mapped);
            }

            if (mapped is null)
            {
                continue;
            }

            if (mapped.Public is { } other && other != publicAddress)
            {
                _faults.Warn(
                    row.Where(publicAddress), $"{SafeText.Line(card.Id, 80)} has {SafeText.Line(other, 45)} for {SafeText.Line(mapped.Private, 45)} in another file: the Elastic IP is used",
                    "Take all outputs at the same time");
            }

            mapped.Public = publicAddress;
        }
    }
}
