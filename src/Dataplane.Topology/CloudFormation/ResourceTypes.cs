using System;
using System.Collections.Generic;

namespace Dataplane.Topology.CloudFormation;

/// <summary>What is known about resource types besides those that the reader turns into drafts.</summary>
internal static class ResourceTypes
{
    public const string Ec2 = "AWS::EC2::";

    /// <summary>EC2 types (without the prefix) that the reader turns into drafts.</summary>
    public static readonly HashSet<string> Read = new(StringComparer.Ordinal)
    {
        "VPC", "VPCCidrBlock", "Subnet", "SubnetCidrBlock", "RouteTable", "Route", "SubnetRouteTableAssociation", "GatewayRouteTableAssociation",
        "VPNGatewayRoutePropagation", "NetworkAcl", "NetworkAclEntry", "SubnetNetworkAclAssociation", "SecurityGroup", "SecurityGroupIngress",
        "SecurityGroupEgress", "SecurityGroupVpcAssociation", "InternetGateway", "VPCGatewayAttachment", "EgressOnlyInternetGateway", "EIP",
        "EIPAssociation", "NetworkInterface", "NetworkInterfaceAttachment", "Instance", "PrefixList", "VPCPeeringConnection", "VPNGateway",
        "VPNConnection", "VPNConnectionRoute", "NatGateway", "VPCEndpoint", "CarrierGateway", "TransitGateway", "TransitGatewayAttachment",
        "TransitGatewayVpcAttachment", "LaunchTemplate",
    };

    /// <summary>EC2 types that change nothing about packets, or whose gateway is warned about already.</summary>
    public static readonly HashSet<string> Silent = new(StringComparer.Ordinal)
    {
        "FlowLog", "KeyPair", "PlacementGroup", "DHCPOptions", "VPCDHCPOptionsAssociation", "Volume", "VolumeAttachment", "Host", "CapacityReservation",
        "CapacityReservationFleet", "EnclaveCertificateIamRoleAssociation", "IPAM", "IPAMScope", "IPAMPool", "IPAMPoolCidr", "IPAMAllocation",
        "IPAMResourceDiscovery", "IPAMResourceDiscoveryAssociation", "NetworkInsightsPath", "NetworkInsightsAnalysis", "NetworkInsightsAccessScope",
        "NetworkInsightsAccessScopeAnalysis", "NetworkInterfacePermission", "NetworkPerformanceMetricSubscription", "SnapshotBlockPublicAccess",
        "CustomerGateway", "TransitGatewayRouteTable", "TransitGatewayRoute", "TransitGatewayRouteTableAssociation",
        "TransitGatewayRouteTablePropagation", "TransitGatewayPeeringAttachment", "TransitGatewayConnect", "TransitGatewayMulticastDomain",
        "TransitGatewayMulticastDomainAssociation", "TransitGatewayMulticastGroupMember", "TransitGatewayMulticastGroupSource", "VPCEndpointService",
        "VPCEndpointServicePermissions", "VPCEndpointConnectionNotification", "TrafficMirrorFilter", "TrafficMirrorFilterRule", "TrafficMirrorSession",
        "TrafficMirrorTarget", "VPCPeeringConnectionOptions", "EC2Tag", "InstanceMetadataDefaults",
    };

    /// <summary>EC2 types that filter or carry packets and are not enforced, with what to say.</summary>
    public static readonly Dictionary<string, string> NotEnforced = new(StringComparer.Ordinal)
    {
        ["VPCBlockPublicAccessOptions"] = "VPC Block Public Access is not enforced",
        ["VPCBlockPublicAccessExclusion"] = "VPC Block Public Access and its exclusions are not enforced",
        ["ClientVpnEndpoint"] = "Client VPN is not enforced",
        ["ClientVpnRoute"] = "Client VPN is not enforced",
        ["ClientVpnAuthorizationRule"] = "Client VPN is not enforced",
        ["ClientVpnTargetNetworkAssociation"] = "Client VPN is not enforced: its interfaces are not in the topology",
        ["VPCEncryptionControl"] = "VPC encryption control is not enforced",
    };

    /// <summary>Services whose resources bring no network interface unless a property names groups or subnets.</summary>
    private static readonly HashSet<string> KnownServices = new(StringComparer.Ordinal)
    {
        "AWS::ACMPCA", "AWS::AccessAnalyzer", "AWS::ApiGateway", "AWS::ApiGatewayV2", "AWS::AppConfig", "AWS::AppSync", "AWS::ApplicationAutoScaling",
        "AWS::Athena", "AWS::AutoScaling", "AWS::AutoScalingPlans", "AWS::Backup", "AWS::Batch", "AWS::Budgets", "AWS::CDK", "AWS::CertificateManager",
        "AWS::CloudFormation", "AWS::CloudFront", "AWS::CloudTrail", "AWS::CloudWatch", "AWS::CodeArtifact", "AWS::CodeBuild", "AWS::CodeCommit",
        "AWS::CodeDeploy", "AWS::CodePipeline", "AWS::Cognito", "AWS::Config", "AWS::DAX", "AWS::DLM", "AWS::DMS", "AWS::DocDB", "AWS::DynamoDB", "AWS::ECR",
        "AWS::ECS", "AWS::EFS", "AWS::EKS", "AWS::ElastiCache", "AWS::ElasticLoadBalancing", "AWS::ElasticLoadBalancingV2", "AWS::Events",
        "AWS::FSx", "AWS::Glue", "AWS::GuardDuty", "AWS::IAM", "AWS::ImageBuilder", "AWS::Inspector", "AWS::InspectorV2", "AWS::KMS", "AWS::Kinesis",
        "AWS::KinesisFirehose", "AWS::LakeFormation", "AWS::Lambda", "AWS::Logs", "AWS::MSK", "AWS::Neptune", "AWS::NeptuneGraph",
        "AWS::OpenSearchService", "AWS::Organizations", "AWS::Pipes", "AWS::RAM", "AWS::RDS", "AWS::Redshift", "AWS::ResourceGroups", "AWS::Route53",
        "AWS::Route53Resolver", "AWS::S3", "AWS::SES", "AWS::SNS", "AWS::SQS", "AWS::SSM", "AWS::Scheduler", "AWS::SecretsManager", "AWS::SecurityHub",
        "AWS::ServiceCatalog", "AWS::ServiceDiscovery", "AWS::Signer", "AWS::StepFunctions", "AWS::Synthetics", "AWS::Transfer", "AWS::WAF",
        "AWS::WAFRegional", "AWS::WAFv2", "AWS::XRay",
    };

    /// <summary>Properties that name security groups, wherever they stand in a resource.</summary>
    public static readonly HashSet<string> GroupProperties = new(StringComparer.Ordinal)
    {
        "SecurityGroups", "SecurityGroupIds", "SecurityGroup", "VPCSecurityGroups", "VpcSecurityGroupIds", "VpcSecurityGroups", "SecurityGroupIdList",
    };

    /// <summary>Properties that name subnets, wherever they stand in a resource.</summary>
    public static readonly HashSet<string> SubnetProperties = new(StringComparer.Ordinal)
    {
        "Subnets", "SubnetIds", "SubnetId", "ClientSubnets", "VPCZoneIdentifier",
    };

    /// <summary>True for a type that only names subnets or groups for others, and brings no interface by itself.</summary>
    public static bool OnlyNames(string type) =>
        type.EndsWith("SubnetGroup", StringComparison.Ordinal) || type.EndsWith("SecurityGroup", StringComparison.Ordinal)
        || type.EndsWith("SecurityGroupIngress", StringComparison.Ordinal) || type is "AWS::AutoScaling::LaunchConfiguration" or "AWS::EC2::LaunchTemplate"
        || type.EndsWith("::TargetGroup", StringComparison.Ordinal);

    /// <summary>Types whose interfaces nothing in their properties shows.</summary>
    public static bool BringsUnseen(string type) => type is
        "AWS::RDS::DBInstance" or "AWS::RDS::DBCluster" or "AWS::ElasticLoadBalancing::LoadBalancer" or "AWS::ElasticLoadBalancingV2::LoadBalancer"
        or "AWS::EFS::MountTarget" or "AWS::AutoScaling::AutoScalingGroup" or "AWS::EC2::EC2Fleet" or "AWS::EC2::SpotFleet"
        or "AWS::EC2::InstanceConnectEndpoint" or "AWS::NetworkFirewall::Firewall" or "AWS::DirectoryService::MicrosoftAD" or "AWS::Redshift::Cluster"
        or "AWS::ElastiCache::CacheCluster" or "AWS::ElastiCache::ReplicationGroup" or "AWS::DocDB::DBCluster" or "AWS::Neptune::DBCluster";

    /// <summary>True when the type needs no word although nothing reads it.</summary>
    public static bool IsKnown(string type)
    {
        int end = type.LastIndexOf("::", StringComparison.Ordinal);
        return end > 0 && type != "AWS::CloudFormation::CustomResource" && KnownServices.Contains(type[..end]);
    }

    /// <summary>The port that a database engine listens on unless told otherwise (IMP-21); null for one that we do not know.</summary>
    /// <remarks>Common knowledge: the engines' documented defaults.</remarks>
    public static string? DefaultPort(string engine) =>
        engine is "postgres" ? "5432"
        : engine is "mysql" or "mariadb" ? "3306"
        : engine.StartsWith("oracle-", StringComparison.Ordinal) || engine.StartsWith("custom-oracle-", StringComparison.Ordinal) ? "1521"
        : engine.StartsWith("sqlserver-", StringComparison.Ordinal) || engine.StartsWith("custom-sqlserver-", StringComparison.Ordinal) ? "1433"
        : null;
}
