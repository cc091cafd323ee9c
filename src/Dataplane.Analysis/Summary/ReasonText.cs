using System;
using Dataplane.Packets;
using Dataplane.Records;

namespace Dataplane.Analysis.Summary;

/// <summary>Deny reasons as sentences.</summary>
public static class ReasonText
{
    /// <summary>What happened to a packet, for a person; no full stop.</summary>
    public static string Of(Outcome denied, in Headers packet, JudgeOptions options)
    {
        ArgumentNullException.ThrowIfNull(denied);
        ArgumentNullException.ThrowIfNull(options);
        bool wantsState = denied.Reason == DenyReason.ENI_SG_RULES_MISMATCH && options.Midstream == MidstreamPolicy.Drop && packet.Protocol == 6 && !packet.IsSyn;
        return wantsState ? $"{Of(denied)}, or it begins nothing and belongs to nothing (--midstream drop)" : Of(denied);
    }

    /// <summary>What happened, for a person; no full stop.</summary>
    public static string Of(Outcome denied)
    {
        string rule = denied.Rule ?? "";
        bool ingress = rule.Contains("/ingress/", StringComparison.Ordinal);
        return denied.Reason switch
        {
            DenyReason.ENI_SG_RULES_MISMATCH => ingress
                ? "no ingress rule of its security groups lets it in"
                : "no egress rule of its security groups lets it out",
            DenyReason.SUBNET_ACL_RESTRICTION => rule.EndsWith("/*", StringComparison.Ordinal)
                ? $"no entry of the network ACL allows it {(ingress ? "into" : "out of")} the subnet"
                : $"an entry of the network ACL denies it {(ingress ? "into" : "out of")} the subnet",
            DenyReason.NO_ROUTE_TO_DESTINATION => "the route table has no route to the destination",
            DenyReason.BAD_STATE_ROUTE => "the route leads to something that is gone (blackhole)",
            DenyReason.ENI_SOURCE_DEST_CHECK_RESTRICTION => "the interface checks source and destination and neither is its own",
            DenyReason.IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS => "the source has no public address, so the internet gateway drops it",
            DenyReason.IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS => "no public address leads to this private one",
            DenyReason.IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS => "the internet gateway refuses private destinations (RFC 1918)",
            DenyReason.IGW_DESTINATION_ADDRESS_NOT_IN_RFC6598_EGRESS => "the internet gateway refuses shared-space destinations (RFC 6598)",
            DenyReason.IGW_SOURCE_ADDRESS_NOT_IN_RFC1918_INGRESS => "the internet gateway refuses private sources (RFC 1918)",
            DenyReason.IGW_SOURCE_ADDRESS_NOT_IN_RFC6598_INGRESS => "the internet gateway refuses shared-space sources (RFC 6598)",
            DenyReason.GATEWAY_REJECTS_SPOOFED_TRAFFIC => "the source is not the VPC's own",
            DenyReason.INGRESS_RTB_NO_PUBLIC_IP => "the appliance of the gateway's route table has no public address",
            DenyReason.UNSUPPORTED_COMPONENT => "the route leads to a kind of gateway that is not enforced yet",
            DenyReason.VPCE_INTRA_VPC_TRAFFIC => "an interface endpoint begins nothing and answers no ping",
            DenyReason.IGW_TRAFFIC_DENIED => "the interface denies all internet-gateway traffic",
            DenyReason.EIGW_INBOUND => "an egress-only internet gateway lets no connection in",
            DenyReason.NO_INTERFACE_AT_DESTINATION => "no interface has the destination address",
            DenyReason.MULTICAST_NOT_SUPPORTED => "a VPC carries no multicast or broadcast",
            DenyReason.TRACKING_TABLE_FULL => "the tracking table is full (--max-flows)",
            DenyReason.ROUTING_LOOP => "its routes go round in a circle",
            DenyReason.PORT_25_BLOCKED => "EC2 blocks outbound TCP port 25",
            DenyReason.FRAGMENT_DROPPED => "later fragments are dropped (--fragments drop)",
            _ => "it was denied",
        };
    }
}
