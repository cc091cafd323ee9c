using System;
using System.Collections.Generic;
using System.Linq;
using Dataplane.Topology.Documents;
using Dataplane.Topology.Model;

namespace Dataplane.Topology.CloudFormation;

// Fn::GetAtt. What is not listed is known only to a deployment: an Unknown that says so, and whoever reads it decides whether that is an error.
internal sealed partial class TemplateReading
{
    private Value Attribute(TemplateResource resource, string name, Site site, int line)
    {
        string type = resource.Type;
        Value? value = type.StartsWith(ResourceTypes.Ec2, StringComparison.Ordinal)
            ? NetworkAttribute(resource, type[ResourceTypes.Ec2.Length..], name, site, line)
            : type is "AWS::RDS::DBInstance" or "AWS::RDS::DBCluster" && name is "Endpoint.Port" or "ReadEndpoint.Port" ? DatabasePort(resource, site, line)
            : null;
        return value ?? new Value
        {
            Kind = ValueKind.Unknown,
            Line = line,
            Why = $"the attribute {SafeText.Line(name)} of {resource.Id} ({SafeText.Line(type)}) is known only when the template is deployed",
            Mend = "Write the value itself there, or a parameter",
            IsAttribute = true,
        };
    }

    private Value? NetworkAttribute(TemplateResource resource, string kind, string name, Site site, int line)
    {
        switch (kind, name)
        {
            case ("VPC", "CidrBlock") or ("Subnet", "CidrBlock") or ("Subnet" or "SecurityGroup", "VpcId") or ("Subnet", "AvailabilityZone"):
                Value property = Property(resource, name, site);
                return kind == "Subnet" && name == "AvailabilityZone" && property.IsNone ? null : property;
            case ("VPC", "VpcId"):
                return Value.Of(resource.Id, line);
            case ("VPC", "DefaultSecurityGroup"):
                return Value.Of(resource.Id + "/default-sg", line);
            case ("VPC", "DefaultNetworkAcl"):
                return Value.Of(resource.Id + "/default-acl", line);
            case ("VPC", "Ipv6CidrBlocks") when _vpcs.TryGetValue(resource.Id, out VpcDraft? vpc):
                return Texts(vpc.Blocks.Where(b => b.Contains(':', StringComparison.Ordinal)), line);
            case ("Subnet", "Ipv6CidrBlocks") when _subnets.TryGetValue(resource.Id, out SubnetDraft? subnet):
                return Texts(subnet.Blocks.Where(b => b.Contains(':', StringComparison.Ordinal)), line);
            case ("EIP", "PublicIp"):
                return PublicOf(resource, line);
            case ("Instance", "PrivateIp") or ("NetworkInterface", "PrimaryPrivateIpAddress"):
                return One(AddressesOf(resource).FirstOrDefault(a => a.Primary)?.Private, line);
            case ("NetworkInterface", "SecondaryPrivateIpAddresses"):
                return Texts(AddressesOf(resource).Where(a => !a.Primary && !a.Private.Contains(':', StringComparison.Ordinal)).Select(a => a.Private), line);
            case ("NetworkInterface", "PrimaryIpv6Address"):
                return One(AddressesOf(resource).FirstOrDefault(a => a.Private.Contains(':', StringComparison.Ordinal))?.Private, line);
            case ("Instance" or "NetworkInterface", "PublicIp"):
                return One(AddressesOf(resource).FirstOrDefault(a => a.Public is not null)?.Public, line);
            case ("Instance" or "NetworkInterface", "VpcId"):
                return One(Interfaces(resource).FirstOrDefault()?.VpcId, line);
            case ("Instance", "AvailabilityZone"):
                return One(Interfaces(resource).FirstOrDefault()?.SubnetId is { } id && _subnets.TryGetValue(id, out SubnetDraft? home) ? home.AvailabilityZone : null, line);
            case ("NatGateway", "EniId"):
                return Value.Of(resource.Id + "/eni", line);
            case ("VPCEndpoint", "NetworkInterfaceIds"):
                return Texts(Interfaces(resource).Select(i => i.Id), line);
            case ("LaunchTemplate", "LatestVersionNumber" or "DefaultVersionNumber"):
                return Value.Of("1", line);
            default:
                // Ids under their many names: GroupId, InternetGatewayId, Id ... are all the resource's id here.
                return name == "Id" || (name.EndsWith("Id", StringComparison.Ordinal) && name is not ("VpcId" or "OwnerId" or "AvailabilityZoneId" or "NetworkAclAssociationId"))
                    ? Value.Of(resource.Id, line)
                    : null;
        }
    }

    private static Value? One(string? text, int line) => text is null ? null : Value.Of(text, line);

    private static Value Texts(IEnumerable<string> texts, int line) => Value.Of((IReadOnlyList<Value>)[.. texts.Select(t => Value.Of(t, line))], line);

    private Value Property(TemplateResource resource, string name, Site site) => resource.Properties?[name] is { } node
        ? _evaluator.Evaluate(node, new Site(resource.Template, resource, name))
        : Value.None(site.Resource?.Line ?? resource.Line);

    /// <summary>IMP-21: what is written, else the engine's default; Aurora's depends on more than its name.</summary>
    private Value? DatabasePort(TemplateResource database, Site site, int line)
    {
        Value port = Property(database, "Port", site);
        if (!port.IsNone)
        {
            return port;
        }

        Value engine = Property(database, "Engine", site);
        return engine.Kind == ValueKind.Text && ResourceTypes.DefaultPort(engine.Text) is { } standard ? Value.Of(standard, line) : null;
    }

    private IEnumerable<InterfaceDraft> Interfaces(TemplateResource resource) => _owned.GetValueOrDefault(resource.Id) ?? [];

    private IEnumerable<AddressDraft> AddressesOf(TemplateResource resource) => Interfaces(resource).FirstOrDefault()?.Addresses ?? [];
}
