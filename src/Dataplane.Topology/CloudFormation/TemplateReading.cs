using System;
using System.Collections.Generic;
using System.Linq;
using Dataplane.Packets;
using Dataplane.Topology.Documents;
using Dataplane.Topology.Model;

namespace Dataplane.Topology.CloudFormation;

/// <summary>One reading of all templates: state shared by the passes.</summary>
internal sealed partial class TemplateReading
{
    private readonly IReadOnlyList<Template> _templates;
    private readonly LoadOptions _options;
    private readonly NetworkDraft _draft;
    private readonly FaultList _faults;
    private readonly Evaluator _evaluator;
    private readonly AddressPlan _addresses;

    /// <summary>Resources that exist, in the templates' order.</summary>
    private readonly List<TemplateResource> _resources = [];
    private readonly Dictionary<string, TemplateResource> _byId = new(StringComparer.Ordinal);

    private readonly Dictionary<string, VpcDraft> _vpcs;
    private readonly Dictionary<string, SubnetDraft> _subnets;
    private readonly Dictionary<string, InterfaceDraft> _interfaces;
    private readonly Dictionary<string, SecurityGroupDraft> _groups;
    private readonly Dictionary<string, NetworkAclDraft> _acls;
    private readonly Dictionary<string, RouteTableDraft> _tables;
    private readonly Dictionary<string, GatewayDraft> _gateways;

    /// <summary>VPC to its default group, where a draft of it is there.</summary>
    private readonly Dictionary<string, string> _defaultGroups = new(StringComparer.Ordinal);

    public TemplateReading(IReadOnlyList<Template> templates, LoadOptions options, NetworkDraft draft, FaultList faults)
    {
        _templates = templates;
        _options = options;
        _draft = draft;
        _faults = faults;
        _evaluator = new Evaluator(templates, options.Parameters, Attribute, Reference, faults);
        _addresses = new AddressPlan(options.Interfaces);
        _vpcs = Index(draft.Vpcs);
        _subnets = Index(draft.Subnets);
        _interfaces = Index(draft.Interfaces);
        _groups = Index(draft.SecurityGroups);
        _acls = Index(draft.NetworkAcls);
        _tables = Index(draft.RouteTables);
        _gateways = Index(draft.Gateways);
        foreach (SecurityGroupDraft group in draft.SecurityGroups)
        {
            if (group is { Name: "default", VpcId: not null })
            {
                _defaultGroups.TryAdd(group.VpcId, group.Id);
            }
        }
    }

    /// <param name="complete">Every file could be parsed, so that an unknown --parameter is the user's slip and not a consequence.</param>
    public void Run(bool complete)
    {
        NameResources();
        CheckParameters(complete);
        LeaveOutByCondition();
        ReadVpcs();
        ReadSubnets();
        ReadLaunchTemplates();
        ReadInterfaces();
        ReadGateways();
        ReadRouteTables();
        ReadNetworkAcls();
        ReadSecurityGroups();
        ReadPrefixLists();
        SayWhatIsNotRead();
        SayImports();
    }

    private static Dictionary<string, T> Index<T>(IEnumerable<T> drafts)
        where T : Draft
    {
        Dictionary<string, T> index = new(StringComparer.Ordinal);
        foreach (T draft in drafts)
        {
            index.TryAdd(draft.Id, draft);
        }

        return index;
    }

    private void NameResources()
    {
        Dictionary<string, int> uses = new(StringComparer.Ordinal);
        foreach (TemplateResource resource in _templates.SelectMany(t => t.Ordered))
        {
            uses[resource.LogicalId] = uses.GetValueOrDefault(resource.LogicalId) + 1;
        }

        foreach (TemplateResource resource in _templates.SelectMany(t => t.Ordered))
        {
            resource.Id = uses[resource.LogicalId] == 1 ? resource.LogicalId : resource.Template.File + "/" + resource.LogicalId;
        }
    }

    private void CheckParameters(bool complete)
    {
        foreach (string name in _options.Parameters.Keys.Order(StringComparer.Ordinal))
        {
            if (complete && !name.StartsWith("AWS::", StringComparison.Ordinal) && !_templates.Any(t => t.Parameters.ContainsKey(name)))
            {
                _faults.Error("--parameter " + SafeText.Line(name), "no template declares this parameter", "Correct the name, or leave the option out");
            }
        }
    }

    private void LeaveOutByCondition()
    {
        foreach (TemplateResource resource in _templates.SelectMany(t => t.Ordered))
        {
            Site site = new(resource.Template, resource, "Condition");
            resource.Exists = resource.Condition is null || _evaluator.Condition(resource.Template, resource.Condition, site, resource.Line) != false;
            if (resource.Exists)
            {
                _resources.Add(resource);
                _byId[resource.Id] = resource;
            }
        }
    }

    private IEnumerable<PropertyBag> OfType(string kind)
    {
        string type = ResourceTypes.Ec2 + kind;
        foreach (TemplateResource resource in _resources)
        {
            if (resource.Type == type)
            {
                yield return Bag(resource);
            }
        }
    }

    private PropertyBag Bag(TemplateResource resource) => PropertyBag.Of(resource, _evaluator, _faults);

    /// <summary>The resource of a type (without AWS::EC2::) that has this id.</summary>
    private TemplateResource? Find(string? id, string kind) =>
        id is not null && _byId.TryGetValue(id, out TemplateResource? resource) && resource.Type == ResourceTypes.Ec2 + kind ? resource : null;

    private static void Error(PropertyBag bag, string name, string what, string mend) => bag.Error(name, what, mend);

    /// <summary>A draft that a property names; a fault when there is none.</summary>
    private static T? Named<T>(PropertyBag bag, string name, Dictionary<string, T> among, string kind)
        where T : Draft
    {
        string? id = bag.Required(name);
        if (id is null || among.TryGetValue(id, out T? draft))
        {
            return id is null ? null : among[id];
        }

        Error(bag, name, $"'{SafeText.Line(id)}' names no {kind} of the given files", $"Name a {kind}, or give the file that has it as a further -t");
        return null;
    }

    private void ReadVpcs()
    {
        foreach (PropertyBag bag in OfType("VPC"))
        {
            VpcDraft vpc = new() { Id = bag.Resource.Id, Where = bag.Where };
            if (bag.Text("CidrBlock") is { } block)
            {
                vpc.Blocks.Add(block);
            }
            else if (bag.Get("CidrBlock").IsNone)
            {
                Error(bag, "CidrBlock", bag.Has("Ipv4IpamPoolId") ? "the block comes from an IPAM pool and is not in the template" : "is missing", "Give CidrBlock");
            }

            _vpcs[vpc.Id] = vpc;
            _draft.Vpcs.Add(vpc);
        }

        Dictionary<string, (int Order, int Blocks)> provided = new(StringComparer.Ordinal);
        foreach (PropertyBag bag in OfType("VPCCidrBlock"))
        {
            if (Named(bag, "VpcId", _vpcs, "VPC") is not { } vpc)
            {
                continue;
            }

            if (bag.Text("CidrBlock") is { } v4)
            {
                vpc.Blocks.Add(v4);
            }
            else if (bag.Text("Ipv6CidrBlock") is { } v6)
            {
                vpc.Blocks.Add(v6);
            }
            else if (bag.Bool("AmazonProvidedIpv6CidrBlock") == true)
            {
                vpc.Blocks.Add(ProvideBlock(vpc, provided));
            }
            else
            {
                Error(bag, "CidrBlock", "the block is not in the template (an IPAM pool gives it)", "Give CidrBlock, Ipv6CidrBlock or AmazonProvidedIpv6CidrBlock");
            }
        }
    }

    /// <summary>IMP-19: the n-th VPC with Amazon's IPv6 gets 2001:db8:N00::/56, a further block of it the next /56.</summary>
    private string ProvideBlock(VpcDraft vpc, Dictionary<string, (int Order, int Blocks)> provided)
    {
        (int order, int blocks) = provided.GetValueOrDefault(vpc.Id, (provided.Count + 1, 0));
        provided[vpc.Id] = (order, blocks + 1);
        IpAddress address = IpAddress.V6(0x2001_0db8_0000_0000 | ((ulong)order << 24 & 0xFFFF_0000) | (ulong)(blocks & 0xFF) << 8, 0);
        string block = new IpPrefix(address, 56).ToString();
        _draft.Chosen.Add($"{vpc.Id}: {block} as Amazon's IPv6 block");
        return block;
    }

    private void ReadSubnets()
    {
        foreach (PropertyBag bag in OfType("Subnet"))
        {
            SubnetDraft subnet = new() { Id = bag.Resource.Id, Where = bag.Where, VpcId = bag.Required("VpcId"), AvailabilityZone = bag.Text("AvailabilityZone") };
            bool isNative = bag.Bool("Ipv6Native") == true;
            if (bag.Text("CidrBlock") is { } v4)
            {
                subnet.Blocks.Add(v4);
            }
            else if (!isNative && bag.Get("CidrBlock").IsNone)
            {
                Error(bag, "CidrBlock", bag.Has("Ipv4IpamPoolId") ? "the block comes from an IPAM pool and is not in the template" : "is missing", "Give CidrBlock");
            }

            if (bag.Text("Ipv6CidrBlock") is { } v6)
            {
                subnet.Blocks.Add(v6);
            }

            _subnets[subnet.Id] = subnet;
            _draft.Subnets.Add(subnet);
        }

        foreach (PropertyBag bag in OfType("SubnetCidrBlock"))
        {
            if (Named(bag, "SubnetId", _subnets, "subnet") is { } subnet && bag.Required("Ipv6CidrBlock") is { } block)
            {
                subnet.Blocks.Add(block);
            }
        }
    }

    /// <summary>True when a VPC has an IPv6 block: AWS then adds ::/0 rules of its own (SG-06, ACL-16).</summary>
    private bool HasIpv6(string? vpcId) =>
        vpcId is not null && _vpcs.TryGetValue(vpcId, out VpcDraft? vpc) && vpc.Blocks.Any(b => b.Contains(':', StringComparison.Ordinal));

    /// <summary>Ref of a resource: its id; of an Elastic IP, as CloudFormation has it, the address.</summary>
    private Value Reference(TemplateResource resource, int line) =>
        resource.Type == ResourceTypes.Ec2 + "EIP" ? PublicOf(resource, line) : Value.Of(resource.Id, line);

    private Value PublicOf(TemplateResource eip, int line) => _elastic.TryGetValue(eip.Id, out string? address)
        ? Value.Of(address, line)
        : Value.Unknown(line, $"the address of {eip.Id} is chosen only after this is read", "Write the address, or refer to the interface");
}
