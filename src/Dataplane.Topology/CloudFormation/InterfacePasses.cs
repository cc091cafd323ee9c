using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using Dataplane.Packets;
using Dataplane.Topology.Documents;
using Dataplane.Topology.Model;

namespace Dataplane.Topology.CloudFormation;

// Interfaces and their addresses.
//
// A plan is an interface of which it is known what it asks for. Plans are made in the templates' order, explicit addresses taken meanwhile; when all
// are there, the rest is chosen in the same order. Public addresses: the resources are passed once in order, and each Elastic IP, and each instance that AWS
// would give one of its own (and that no Elastic IP replaces, IGW-10), takes the next.
internal sealed partial class TemplateReading
{
    /// <summary>More addresses than any instance type has on one interface.</summary>
    private const int MostAddresses = 256;

    private readonly List<InterfacePlan> _plans = [];
    private readonly Dictionary<string, InterfacePlan> _planOf = new(StringComparer.Ordinal);

    /// <summary>Resource to its interfaces, device 0 first.</summary>
    private readonly Dictionary<string, List<InterfaceDraft>> _owned = new(StringComparer.Ordinal);

    /// <summary>Elastic IP to its address.</summary>
    private readonly Dictionary<string, string> _elastic = new(StringComparer.Ordinal);
    private readonly Dictionary<string, PropertyBag> _launchTemplates = new(StringComparer.Ordinal);

    /// <summary>An interface and what is still to be chosen for it.</summary>
    private sealed class InterfacePlan
    {
        public required InterfaceDraft Draft { get; init; }

        public bool WantsPrimary { get; set; }

        public int WantsSecondary { get; set; }

        public int WantsIpv6 { get; set; }

        /// <summary>AWS gives it a public address at launch.</summary>
        public bool WantsPublic { get; set; }

        public List<string> Chosen { get; } = [];
    }

    private void ReadLaunchTemplates()
    {
        foreach (PropertyBag bag in OfType("LaunchTemplate"))
        {
            if (bag.Bag("LaunchTemplateData") is not { } data)
            {
                continue;
            }

            _launchTemplates[bag.Resource.Id] = data;
            if (_evaluator.Quietly(() => bag.Get("LaunchTemplateName")) is { Kind: ValueKind.Text } name)
            {
                _launchTemplates.TryAdd(name.Text, data);
            }
        }
    }

    private void ReadInterfaces()
    {
        foreach (TemplateResource resource in _resources)
        {
            PropertyBag bag = Bag(resource);
            switch (resource.Type)
            {
                case "AWS::EC2::NetworkInterface":
                    PlanNetworkInterface(bag);
                    break;
                case "AWS::EC2::Instance":
                    PlanInstance(bag);
                    break;
                case "AWS::EC2::NatGateway":
                    PlanNatGateway(bag);
                    break;
                case "AWS::EC2::VPCEndpoint":
                    PlanEndpoint(bag);
                    break;
            }
        }

        Attach();
        foreach (InterfacePlan plan in _plans)
        {
            Choose(plan);
        }

        GivePublicAddresses();
        foreach (InterfacePlan plan in _plans.Where(p => p.Chosen.Count > 0))
        {
            _draft.Chosen.Add($"{plan.Draft.Id}: {string.Join(", ", plan.Chosen)}");
        }
    }

    private InterfacePlan Plan(string id, string where, string? subnetId, TemplateResource owner)
    {
        InterfaceDraft draft = new() { Id = id, Where = where, SubnetId = subnetId, VpcId = subnetId is null ? null : _subnets.GetValueOrDefault(subnetId)?.VpcId };
        InterfacePlan plan = new() { Draft = draft };
        _plans.Add(plan);
        _planOf[id] = plan;
        _interfaces[id] = draft;
        if (draft.VpcId is not null)
        {
            _draft.Interfaces.Add(draft);
        }
        else if (subnetId is not null && !_subnets.ContainsKey(subnetId))
        {
            _faults.Error(where, $"its subnet '{SafeText.Line(subnetId)}' is in no file", "Name a subnet of the topology, or give the file that has it as a further -t");
        }

        if (!_owned.TryGetValue(owner.Id, out List<InterfaceDraft>? owned))
        {
            _owned[owner.Id] = owned = [];
        }

        owned.Add(draft);
        return plan;
    }

    private void PlanNetworkInterface(PropertyBag bag)
    {
        InterfacePlan plan = Plan(bag.Resource.Id, bag.Where, bag.Required("SubnetId"), bag.Resource);
        plan.Draft.SourceDestCheck = bag.Bool("SourceDestCheck");
        plan.Draft.Type = bag.Text("InterfaceType");
        AskAddresses(plan, bag);
        Groups(plan.Draft, bag.Texts("GroupSet"));
        ReadTimeouts(plan.Draft, bag.Bag("ConnectionTrackingSpecification"));
    }

    private static void ReadTimeouts(InterfaceDraft draft, PropertyBag? tracking)
    {
        if (tracking is not null)
        {
            draft.TcpEstablishedTimeout = tracking.Int("TcpEstablishedTimeout");
            draft.UdpStreamTimeout = tracking.Int("UdpStreamTimeout");
            draft.UdpTimeout = tracking.Int("UdpTimeout");
        }
    }

    /// <summary>Addresses that are written, and how many more are asked for.</summary>
    private void AskAddresses(InterfacePlan plan, PropertyBag bag)
    {
        SubnetDraft? subnet = plan.Draft.SubnetId is { } id ? _subnets.GetValueOrDefault(id) : null;
        string? primary = bag.Text("PrivateIpAddress");
        List<string> further = [];
        foreach (PropertyBag entry in bag.Bags("PrivateIpAddresses"))
        {
            if (entry.Required("PrivateIpAddress") is not { } address || address == primary)
            {
                continue;
            }

            if (primary is null && entry.Bool("Primary") == true)
            {
                primary = address;
            }
            else
            {
                further.Add(address);
            }
        }

        plan.WantsPrimary = primary is null && subnet is not null && subnet.Blocks.Any(b => !b.Contains(':', StringComparison.Ordinal));
        if (primary is not null)
        {
            further.Insert(0, primary);
        }

        for (int i = 0; i < further.Count; i++)
        {
            Add(plan, further[i], isPrimary: i == 0 && primary is not null);
        }

        plan.WantsSecondary = Counted(bag, "SecondaryPrivateIpAddressCount");
        foreach (PropertyBag entry in bag.Bags("Ipv6Addresses"))
        {
            if (entry.Required("Ipv6Address") is { } address)
            {
                Add(plan, address, isPrimary: false);
            }
        }

        plan.WantsIpv6 = Counted(bag, "Ipv6AddressCount");
        bool hasIpv6 = plan.Draft.Addresses.Any(a => a.Private.Contains(':', StringComparison.Ordinal));
        if (plan.WantsIpv6 == 0 && !hasIpv6 && !bag.Has("Ipv6AddressCount") && subnet is not null
            && Find(subnet.Id, "Subnet") is { } resource && Bag(resource).Bool("AssignIpv6AddressOnCreation") == true)
        {
            plan.WantsIpv6 = 1;
        }

        foreach (PropertyBag entry in bag.Bags("Ipv4Prefixes"))
        {
            AddPrefix(plan, entry.Required("Ipv4Prefix"));
        }

        foreach (PropertyBag entry in bag.Bags("Ipv6Prefixes"))
        {
            AddPrefix(plan, entry.Required("Ipv6Prefix"));
        }

        foreach (string count in (string[])["Ipv4PrefixCount", "Ipv6PrefixCount"])
        {
            if (bag.Int(count) is > 0)
            {
                _faults.Warn(bag.Where, $"property {bag.PathOf(count)}: AWS chooses the delegated prefixes; they are not in the topology", "List the prefixes");
            }
        }
    }

    private static void AddPrefix(InterfacePlan plan, string? prefix)
    {
        if (prefix is not null)
        {
            plan.Draft.Prefixes.Add(prefix);
        }
    }

    private static int Counted(PropertyBag bag, string name)
    {
        int count = bag.Int(name) ?? 0;
        if (count is >= 0 and <= MostAddresses)
        {
            return count;
        }

        Error(bag, name, string.Create(CultureInfo.InvariantCulture, $"{count} is not between 0 and {MostAddresses}"), "Ask for fewer addresses");
        return 0;
    }

    private void Add(InterfacePlan plan, string address, bool isPrimary)
    {
        plan.Draft.Addresses.Add(new AddressDraft { Private = address, Primary = isPrimary });
        if (plan.Draft.SubnetId is { } subnet)
        {
            _addresses.Take(subnet, address);
        }
    }

    /// <summary>The groups given, or the VPC's default one (SG-08).</summary>
    private void Groups(InterfaceDraft draft, List<string> groups)
    {
        draft.SecurityGroupIds.AddRange(groups);
        if (groups.Count == 0 && draft.VpcId is { } vpc)
        {
            draft.SecurityGroupIds.Add(DefaultGroupId(vpc));
        }
    }

    private string DefaultGroupId(string vpc) =>
        _defaultGroups.GetValueOrDefault(vpc) ?? vpc + "/default-sg";

    private void PlanInstance(PropertyBag bag)
    {
        PropertyBag? launch = LaunchTemplate(bag);
        List<PropertyBag> listed = [.. bag.Bags("NetworkInterfaces")];
        if (listed.Count == 0 && launch is not null)
        {
            listed = [.. launch.Bags("NetworkInterfaces")];
        }

        string? subnetId = bag.Text("SubnetId");
        bool? check = bag.Bool("SourceDestCheck");
        string id = bag.Resource.Id;
        foreach (PropertyBag? source in (PropertyBag?[])[bag, launch])
        {
            // Quietly: only a time-out depends on it (CT-18), so what cannot be known here is no fault.
            if (source is not null && _evaluator.Quietly(() => source.Get("InstanceType")) is { Kind: ValueKind.Text } type && _draft.InstanceTypes.TryAdd(id, type.Text))
            {
                break;
            }
        }

        if (listed.Count == 0)
        {
            if (subnetId is null)
            {
                if (bag.Get("SubnetId").IsNone)
                {
                    _faults.Warn(
                        bag.Where,
                        "the instance has no SubnetId: it would start in the account's default VPC, and its interface is not in the topology",
                        $"Give SubnetId, or --eni {id}=ADDRESS,sg=SG");
                }

                return;
            }

            InterfacePlan plan = Plan(id, bag.Where, subnetId, bag.Resource);
            plan.Draft.InstanceId = id;
            plan.Draft.SourceDestCheck = check;
            AskAddresses(plan, bag);
            Groups(plan.Draft, InstanceGroups(bag, launch));
            plan.WantsPublic = MapsPublic(subnetId);
            return;
        }

        bool? associate = null;
        int first = -1;
        for (int i = 0; i < listed.Count; i++)
        {
            PropertyBag entry = listed[i];
            int device = entry.Int("DeviceIndex") ?? i;
            if (entry.Text("NetworkInterfaceId") is { } existing)
            {
                AttachTo(entry, existing, id, device);
                continue;
            }

            string? home = entry.Text("SubnetId") ?? subnetId;
            if (home is null)
            {
                _faults.Warn(entry.Where, "the instance's interface has no SubnetId: it would start in the account's default VPC, and is not in the topology", "Give SubnetId");
                continue;
            }

            InterfacePlan plan = Plan(
                device == 0 ? id : string.Create(CultureInfo.InvariantCulture, $"{id}/{device}"), entry.Where, home, bag.Resource);
            plan.Draft.InstanceId = id;
            plan.Draft.DeviceIndex = device;
            plan.Draft.SourceDestCheck = device == 0 ? check : null;
            AskAddresses(plan, entry);
            if (device == 0 && plan.WantsPrimary && bag.Text("PrivateIpAddress") is { } address)
            {
                plan.WantsPrimary = false;
                Add(plan, address, isPrimary: true);
            }

            List<string> groups = entry.Texts("GroupSet");
            groups = groups.Count > 0 ? groups : entry.Texts("Groups");
            Groups(plan.Draft, groups.Count > 0 ? groups : InstanceGroups(bag, launch));
            ReadTimeouts(plan.Draft, entry.Bag("ConnectionTrackingSpecification"));
            if (device == 0)
            {
                associate = entry.Bool("AssociatePublicIpAddress");
                first = _plans.Count - 1;
            }
        }

        // AWS gives a public address of its own only to a single new interface (IMP-20).
        if (first >= 0)
        {
            _plans[first].WantsPublic = associate ?? (listed.Count == 1 && MapsPublic(_plans[first].Draft.SubnetId!));
        }
    }

    private PropertyBag? LaunchTemplate(PropertyBag bag)
    {
        if (bag.Bag("LaunchTemplate") is not { } named)
        {
            return null;
        }

        string? name = named.Text("LaunchTemplateId") ?? named.Text("LaunchTemplateName");
        if (name is not null && _launchTemplates.TryGetValue(name, out PropertyBag? data))
        {
            return data;
        }

        if (name is not null)
        {
            _faults.Warn(
                named.Where,
                $"the launch template {SafeText.Line(name)} is in no given template: the interfaces and groups that it sets are not known",
                "Give the template that has it as a further -t");
        }

        return null;
    }

    private List<string> InstanceGroups(PropertyBag bag, PropertyBag? launch)
    {
        foreach (PropertyBag? source in (PropertyBag?[])[bag, launch])
        {
            if (source is null)
            {
                continue;
            }

            List<string> groups = source.Texts("SecurityGroupIds");
            groups.AddRange(source.Texts("SecurityGroups").Select(GroupOfName));
            if (groups.Count > 0)
            {
                return groups;
            }
        }

        return [];
    }

    /// <summary>The id of the group of a name; names and ids stand side by side in templates (CFN-04).</summary>
    private string GroupOfName(string name)
    {
        if (_groupNames is null)
        {
            _groupNames = new(StringComparer.Ordinal);
            foreach (PropertyBag bag in OfType("SecurityGroup"))
            {
                if (_evaluator.Quietly(() => bag.Get("GroupName")) is { Kind: ValueKind.Text } given)
                {
                    _groupNames.TryAdd(given.Text, bag.Resource.Id);
                }
            }
        }

        return Find(name, "SecurityGroup") is null && _groupNames.TryGetValue(name, out string? id) ? id : name;
    }

    private Dictionary<string, string>? _groupNames;

    private bool MapsPublic(string subnetId) => Find(subnetId, "Subnet") is { } subnet && Bag(subnet).Bool("MapPublicIpOnLaunch") == true;

    private void PlanNatGateway(PropertyBag bag)
    {
        string id = bag.Resource.Id;
        GatewayDraft gateway = Gateway(id, GatewayKind.Nat, bag);
        string? subnetId = bag.Text("SubnetId");
        if (subnetId is null)
        {
            // A regional NAT gateway stands in no subnet (NAT-14).
            AddVpc(gateway, bag.Text("VpcId"));
            return;
        }

        InterfacePlan plan = Plan(id + "/eni", bag.Where, subnetId, bag.Resource);
        plan.Draft.Type = "nat_gateway";
        plan.Draft.NatGatewayId = id;
        plan.Draft.SourceDestCheck = false;
        AddVpc(gateway, plan.Draft.VpcId);
        string? primary = bag.Text("PrivateIpAddress");
        plan.WantsPrimary = primary is null;
        if (primary is not null)
        {
            Add(plan, primary, isPrimary: true);
        }

        foreach (string secondary in bag.Texts("SecondaryPrivateIpAddresses"))
        {
            Add(plan, secondary, isPrimary: false);
        }

        plan.WantsSecondary = Counted(bag, "SecondaryPrivateIpAddressCount");
    }

    private void PlanEndpoint(PropertyBag bag)
    {
        string kind = bag.Text("VpcEndpointType") ?? "Gateway";    // IMP-26
        if (kind is not ("Interface" or "GatewayLoadBalancer"))
        {
            return;
        }

        List<string> groups = kind == "Interface" ? bag.Texts("SecurityGroupIds") : [];
        foreach (string subnetId in bag.Texts("SubnetIds").Distinct(StringComparer.Ordinal))
        {
            InterfacePlan plan = Plan(bag.Resource.Id + "/" + subnetId, bag.Where, subnetId, bag.Resource);
            plan.Draft.Type = kind == "Interface" ? "vpc_endpoint" : "gateway_load_balancer_endpoint";
            plan.WantsPrimary = true;
            if (kind == "Interface")
            {
                Groups(plan.Draft, groups);
            }
            else
            {
                plan.Draft.EndpointId = bag.Resource.Id;
            }
        }
    }

    private void Attach()
    {
        foreach (PropertyBag bag in OfType("NetworkInterfaceAttachment"))
        {
            if (bag.Required("NetworkInterfaceId") is { } network && bag.Required("InstanceId") is { } instance)
            {
                AttachTo(bag, network, instance, bag.Int("DeviceIndex") ?? 1);
            }
        }
    }

    private readonly List<(string Interface, string Instance, int Device)> _attachments = [];

    /// <summary>Instance to its device 0, of all files.</summary>
    private readonly Dictionary<string, InterfaceDraft> _firstOf = new(StringComparer.Ordinal);

    private void AttachTo(PropertyBag bag, string network, string instance, int device)
    {
        _attachments.Add((network, instance, device));
        if (_byId.ContainsKey(network) && Find(network, "NetworkInterface") is null)
        {
            Error(bag, "NetworkInterfaceId", $"{SafeText.Line(network)} is not a network interface", "Name an AWS::EC2::NetworkInterface");
        }
    }

    /// <summary>Interfaces that are resources of their own go to the instances that name them, before or after they were planned.</summary>
    private void SettleAttachments()
    {
        HashSet<(string, InterfaceDraft)> settled = [];
        foreach ((string network, string instance, int device) in _attachments)
        {
            if (!_interfaces.TryGetValue(network, out InterfaceDraft? draft))
            {
                continue;
            }

            draft.InstanceId = instance;
            draft.DeviceIndex = device;
            if (!_owned.TryGetValue(instance, out List<InterfaceDraft>? owned))
            {
                _owned[instance] = owned = [];
            }

            if (settled.Add((instance, draft)))
            {
                owned.Add(draft);
            }
        }

        foreach (List<InterfaceDraft> owned in _owned.Values)
        {
            // A stable sort: interfaces of one device keep the templates' order.
            List<InterfaceDraft> sorted = [.. owned.OrderBy(i => i.DeviceIndex)];
            owned.Clear();
            owned.AddRange(sorted);
        }

        foreach (InterfaceDraft draft in _draft.Interfaces)
        {
            if (draft.InstanceId is not null && (draft.DeviceIndex == 0 || !_firstOf.ContainsKey(draft.InstanceId)))
            {
                _firstOf[draft.InstanceId] = draft;
            }
        }
    }

    private void Choose(InterfacePlan plan)
    {
        InterfaceDraft draft = plan.Draft;
        if (draft.SubnetId is null || !_subnets.TryGetValue(draft.SubnetId, out SubnetDraft? subnet))
        {
            return;
        }

        List<string> chosen = [];
        int want = (plan.WantsPrimary ? 1 : 0) + plan.WantsSecondary;
        for (int i = 0; i < want; i++)
        {
            if (ChooseIn(subnet, isIpv6: false, draft) is not { } address)
            {
                break;
            }

            bool isPrimary = plan.WantsPrimary && i == 0;
            draft.Addresses.Insert(isPrimary ? 0 : draft.Addresses.Count, new AddressDraft { Private = address, Primary = isPrimary });
            chosen.Add(address);
        }

        for (int i = 0; i < plan.WantsIpv6; i++)
        {
            if (ChooseIn(subnet, isIpv6: true, draft) is not { } address)
            {
                break;
            }

            draft.Addresses.Add(new AddressDraft { Private = address });
            chosen.Add(address);
        }

        if (chosen.Count > 0)
        {
            plan.Chosen.Add($"{string.Join(", ", chosen)} in {subnet.Id}");
        }
    }

    private string? ChooseIn(SubnetDraft subnet, bool isIpv6, InterfaceDraft draft)
    {
        bool any = false;
        foreach (string text in subnet.Blocks)
        {
            if (!IpPrefix.TryParse(text, out IpPrefix block))
            {
                return null;    // the subnet's own fault is enough
            }

            if (block.IsIpv6 == isIpv6)
            {
                any = true;
                if (_addresses.Choose(subnet.Id, block) is { } address)
                {
                    return address;
                }
            }
        }

        _faults.Error(
            draft.Where,
            any ? $"{subnet.Id} has no free {(isIpv6 ? "IPv6" : "IPv4")} address left for {draft.Id}" : $"{subnet.Id} has no {(isIpv6 ? "IPv6" : "IPv4")} block for {draft.Id}",
            any ? "Give the subnet a larger block" : $"Give the subnet {(isIpv6 ? "Ipv6CidrBlock" : "CidrBlock")}");
        return null;
    }

    private void GivePublicAddresses()
    {
        SettleAttachments();

        // What an Elastic IP goes to, as far as it is known without the addresses themselves.
        HashSet<string> served = new(StringComparer.Ordinal);
        foreach (PropertyBag bag in OfType("EIP"))
        {
            if (bag.Text("Address") is { } given)
            {
                _elastic[bag.Resource.Id] = given;
                _addresses.TakePublic(given);
            }

            Serve(served, bag.Text("InstanceId"));
        }

        foreach (PropertyBag bag in OfType("EIPAssociation"))
        {
            Serve(served, bag.Text("InstanceId"));
            Serve(served, bag.Text("NetworkInterfaceId"));
        }

        foreach (TemplateResource resource in _resources)
        {
            if (resource.Type == ResourceTypes.Ec2 + "EIP" && !_elastic.ContainsKey(resource.Id))
            {
                if (ChoosePublic(resource.Where) is { } address)
                {
                    _elastic[resource.Id] = address;
                    _draft.Chosen.Add($"{resource.Id}: public {address}");
                }
            }
            else if (resource.Type == ResourceTypes.Ec2 + "Instance")
            {
                foreach (InterfaceDraft draft in Interfaces(resource))
                {
                    if (_planOf.TryGetValue(draft.Id, out InterfacePlan? plan) && plan.WantsPublic && !served.Contains(draft.Id)
                        && Primary(draft) is { } primary && ChoosePublic(draft.Where) is { } address)
                    {
                        primary.Public = address;
                        plan.Chosen.Add("public " + address);
                    }
                }
            }
        }

        Associate();
    }

    private string? ChoosePublic(string where)
    {
        string? address = _addresses.ChoosePublic();
        if (address is null)
        {
            _faults.Error(where, "all public addresses of 198.18.0.0/15 are given away", "Give fewer resources a public address");
        }

        return address;
    }

    private void Serve(HashSet<string> served, string? target)
    {
        if (target is not null)
        {
            served.Add(Target(target)?.Id ?? target);
        }
    }

    /// <summary>An interface by its own id, or an instance's device 0.</summary>
    private InterfaceDraft? Target(string id)
    {
        // An instance and its implicit interface share one id.
        return _firstOf.GetValueOrDefault(id) ?? _interfaces.GetValueOrDefault(id);
    }

    private static AddressDraft? Primary(InterfaceDraft draft) =>
        draft.Addresses.FirstOrDefault(a => a.Primary) ?? draft.Addresses.FirstOrDefault(a => !a.Private.Contains(':', StringComparison.Ordinal));

    private void Associate()
    {
        foreach (PropertyBag bag in OfType("EIP"))
        {
            if (bag.Text("InstanceId") is { } instance)
            {
                Associate(bag, "InstanceId", instance, _elastic.GetValueOrDefault(bag.Resource.Id), null);
            }
        }

        foreach (PropertyBag bag in OfType("EIPAssociation"))
        {
            string? allocation = bag.Text("AllocationId");
            string? address = bag.Text("EIP") ?? (allocation is null ? null : _elastic.GetValueOrDefault(allocation));
            if (allocation is not null && address is null)
            {
                Error(bag, "AllocationId", $"'{SafeText.Line(allocation)}' names no Elastic IP of the given templates", "Write Fn::GetAtt: [EIP, AllocationId]");
                continue;
            }

            string name = bag.Has("NetworkInterfaceId") ? "NetworkInterfaceId" : "InstanceId";
            if (bag.Required(name) is { } target)
            {
                Associate(bag, name, target, address, bag.Text("PrivateIpAddress"));
            }
        }

        foreach (PropertyBag bag in OfType("NatGateway"))
        {
            if (bag.Text("AllocationId") is { } allocation && _interfaces.TryGetValue(bag.Resource.Id + "/eni", out InterfaceDraft? draft))
            {
                if (_elastic.TryGetValue(allocation, out string? address))
                {
                    Primary(draft)?.Public = address;
                }
                else
                {
                    _faults.Warn(bag.Where, $"property AllocationId: '{SafeText.Line(allocation)}' names no Elastic IP of the given templates; the gateway has no public address", "Give the template that has it");
                }
            }
        }
    }

    private void Associate(PropertyBag bag, string name, string target, string? address, string? privately)
    {
        if (address is null)
        {
            return;
        }

        if (Target(target) is not { } draft)
        {
            // An instance that is left out of the topology has been warned about.
            if (Find(target, "Instance") is null)
            {
                Error(bag, name, $"'{SafeText.Line(target)}' names no instance and no interface of the given files", "Name one, or give the file that has it as a further -t");
            }

            return;
        }

        AddressDraft? at = privately is null ? Primary(draft) : draft.Addresses.FirstOrDefault(a => a.Private == privately);
        if (at is null)
        {
            Error(bag, name, $"{draft.Id} has no address {SafeText.Line(privately ?? "for the Elastic IP")}", "Name an address that the interface has");
            return;
        }

        at.Public = address;
    }
}
