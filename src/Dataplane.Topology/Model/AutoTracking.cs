// CT-09's list as a table. AWS tracks flows through these things whatever the rules say, so no flow through one is ever untracked.
//
//   what                              here
//   egress-only internet gateway      by the first route of the sender's table (EIGW-02)
//   Network Load Balancer             by InterfaceType: flows at its interfaces, and at any interface of the VPC with one of its addresses as the other end
//   interface endpoint                the same
//   Lambda (Hyperplane interfaces)    the same
//   Global Accelerator                the same
//   NAT gateway                       not enforced yet: its packets are UNSUPPORTED_COMPONENT
//   Network Firewall endpoint         the same
//   DynamoDB gateway endpoint         the same (a flow through it will need two entries)
//
// The 2023 page listed Gateway Load Balancers and transit gateway attachments as well; the present one does not, and neither do we.

using System;

namespace Dataplane.Topology.Model;

/// <summary>What stands behind an interface, as far as flows through it are tracked whatever the rules say (CT-09).</summary>
public enum TrackedService
{
    /// <summary>Nothing of the list: CT-02 decides.</summary>
    None,
    NetworkLoadBalancer,
    InterfaceEndpoint,
    Lambda,
    GlobalAccelerator,
}

/// <summary>CT-09's list, by the InterfaceType that DescribeNetworkInterfaces prints.</summary>
/// <remarks>Source: Amazon EC2 User Guide, "Security group connection tracking", automatically tracked connections.</remarks>
public static class AutoTracking
{
    /// <summary>Of the two lists that AWS has published, the one in force here.</summary>
    public const string Version = "present page (2023's also had Gateway Load Balancers and transit gateway attachments)";

    /// <param name="interfaceType">As a file gives it, with or without separators; null is a plain interface.</param>
    public static TrackedService Of(string? interfaceType) => Plain(interfaceType) switch
    {
        "NETWORKLOADBALANCER" => TrackedService.NetworkLoadBalancer,
        "VPCENDPOINT" => TrackedService.InterfaceEndpoint,
        "LAMBDA" => TrackedService.Lambda,
        "GLOBALACCELERATORMANAGED" => TrackedService.GlobalAccelerator,
        _ => TrackedService.None,
    };

    private static string Plain(string? type) => (type ?? "").Replace("_", "", StringComparison.Ordinal).Replace("-", "", StringComparison.Ordinal).ToUpperInvariant();
}
