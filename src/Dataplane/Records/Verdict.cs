namespace Dataplane.Records;

/// <summary>What happened to a packet. The lower-case name is what records print.</summary>
public enum Verdict : byte
{
    /// <summary>It reaches its destination, or leaves the topology by a gateway.</summary>
    Allow,

    /// <summary>Something dropped it.</summary>
    Deny,

    /// <summary>It could not have existed, because what caused it was denied.</summary>
    Moot,

    /// <summary>Its addresses have no place on this topology.</summary>
    Unplaced,

    /// <summary>Malformed.</summary>
    Invalid,

    /// <summary>Not IP.</summary>
    Ignored,
}

/// <summary>What the last security group that spoke knew of the packet's flow. The lower-case name is what records print.</summary>
public enum FlowState : byte
{
    /// <summary>Nothing tracked it: printed as null.</summary>
    None,

    /// <summary>This packet made the entry.</summary>
    New,

    /// <summary>It found a tracked entry.</summary>
    Established,

    /// <summary>Its flow is remembered but judged by rules, packet by packet (CT-02).</summary>
    Untracked,

    /// <summary>An ICMP error about a flow that may have it (CT-12).</summary>
    Related,
}

/// <summary>Why a packet was denied: the codes of the AWS Reachability Analyzer where it has one, else ours.</summary>
#pragma warning disable CA1707 // the codes are AWS's spelling; ToString is what records print
public enum DenyReason : byte
{
    None,
    ENI_SG_RULES_MISMATCH,
    SUBNET_ACL_RESTRICTION,
    NO_ROUTE_TO_DESTINATION,
    BAD_STATE_ROUTE,
    ENI_SOURCE_DEST_CHECK_RESTRICTION,
    IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS,
    IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS,
    IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS,
    IGW_DESTINATION_ADDRESS_NOT_IN_RFC6598_EGRESS,
    IGW_SOURCE_ADDRESS_NOT_IN_RFC1918_INGRESS,
    IGW_SOURCE_ADDRESS_NOT_IN_RFC6598_INGRESS,
    GATEWAY_REJECTS_SPOOFED_TRAFFIC,
    INGRESS_RTB_NO_PUBLIC_IP,
    UNSUPPORTED_COMPONENT,
    VPCE_INTRA_VPC_TRAFFIC,

    /// <summary>Ours: the interface's DenyAllIgwTraffic (IGW-13).</summary>
    IGW_TRAFFIC_DENIED,

    /// <summary>Ours: a connection from outside met an egress-only internet gateway (EIGW-01).</summary>
    EIGW_INBOUND,

    /// <summary>Ours: inside a subnet or a VPC's block, and no interface has the address.</summary>
    NO_INTERFACE_AT_DESTINATION,

    /// <summary>Ours: multicast or broadcast (RT-18).</summary>
    MULTICAST_NOT_SUPPORTED,

    /// <summary>Ours: the flow needs a tracked entry and the table is full (CT-24).</summary>
    TRACKING_TABLE_FULL,

    /// <summary>Ours: more than 16 routes were looked up for one packet.</summary>
    ROUTING_LOOP,

    /// <summary>Ours: outbound TCP port 25 with --block-port-25 (SG-39).</summary>
    PORT_25_BLOCKED,

    /// <summary>Ours: a later fragment with --fragments drop.</summary>
    FRAGMENT_DROPPED,
}
#pragma warning restore CA1707
