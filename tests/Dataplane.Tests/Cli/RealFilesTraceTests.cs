using System.Linq;
using Dataplane.Analysis.Trace;
using Dataplane.Compiler;
using Dataplane.Records;
using Dataplane.Tests.TestSupport;
using Dataplane.Topology;
using Dataplane.Topology.Model;
using Xunit;

namespace Dataplane.Tests.Cli;

/// <summary>What the AWS CDK synthesises and what the real <c>aws</c> command prints load with warnings only, and trace answers rightly.</summary>
public sealed class RealFilesTraceTests
{
    private const string Corpus = "tests/Dataplane.Tests/Corpus/";
    private const string Bastion = "BastionInstanceSecurityGroupE5DDECA1";
    private const string WorkerRule = "WorkerInstanceSecurityGroupDB1EE0B7/ingress/WorkerInstanceSecurityGroupfrominstancesBastionInstanceSecurityGroupD658E5A72253E11850";

    public static TheoryData<string, string, string[], string, string, byte, int, string> Questions => new()
    {
        { "the office reaches the bastion by its Elastic IP", "cdk/instances.json", [], "203.0.113.5", "198.18.0.2", 6, 22, $"allow - {Bastion}/ingress/1" },
        { "nobody else does", "cdk/instances.json", [], "internet", "Bastion2B4CEC30", 6, 22, $"deny ENI_SG_RULES_MISMATCH {Bastion}/ingress/none" },
        { "the bastion reaches the worker by a stand-alone rule that names its group", "cdk/instances.json", [], "Bastion2B4CEC30", "Worker11F36D0F", 6, 22, $"allow - {WorkerRule}" },
        { "a NAT gateway is not enforced yet, and says so", "cdk/instances.json", [], "Worker11F36D0F", "internet", 6, 443, "deny UNSUPPORTED_COMPONENT VpcPrivateSubnet1RouteTableB2C5B500/0.0.0.0/0" },
        { "a group that only the load balancer may reach", "cdk/alb-rds.json", [], "internet", "HostB4E45AD7", 6, 8080, "deny ENI_SG_RULES_MISMATCH AppF1B96344/ingress/none" },
        { "the ACL of the public subnets lets HTTPS in", "cdk/groups-and-acls.json", ["web=10.0.0.10,sg=Web3C8945DB,public=198.51.100.1"], "internet", "web", 6, 443, "allow - Web3C8945DB/ingress/1" },
        { "and SSH not", "cdk/groups-and-acls.json", ["web=10.0.0.10,sg=Web3C8945DB,public=198.51.100.1"], "internet", "web", 6, 22, "deny SUBNET_ACL_RESTRICTION AclD68BE482/ingress/*" },
        { "a stateless ACL stops the app's call into the public subnet", "cdk/groups-and-acls.json", ["web=10.0.0.10,sg=Web3C8945DB", "app=10.0.128.20,sg=AppF1B96344"], "app", "web", 6, 8080, "deny SUBNET_ACL_RESTRICTION AclD68BE482/ingress/*" },
        { "members of the default group that the CDK emptied reach nothing", "cdk/isolated-endpoints.json", ["a=10.20.0.10,sg=Vpc8378EB38/default-sg", "b=10.20.0.11,sg=Vpc8378EB38/default-sg"], "a", "b", 6, 443, "deny ENI_SG_RULES_MISMATCH Vpc8378EB38/default-sg/egress/none" },
        { "the aws command's snapshot: HTTPS by the public address, whatever it looks like", "aws-cli", [], "internet", "eni-e051eae9a2e392a30", 6, 443, "allow - sg-b6385df633f4c65e1/ingress/sgr-715855c2" },
        { "and by group from the web tier to the application", "aws-cli", [], "eni-e051eae9a2e392a30", "eni-6ef73dc2300162154", 6, 8085, "allow - sg-fd3c939cd5945121e/ingress/sgr-309e3abe" },
        { "and not past its port range: the ACL stops it before the group", "aws-cli", [], "eni-e051eae9a2e392a30", "eni-6ef73dc2300162154", 6, 8091, "deny SUBNET_ACL_RESTRICTION acl-4110b3c0dc144c441/ingress/*" },
    };

    [Theory, MemberData(nameof(Questions))]
    public void Trace_answers(string shows, string file, string[] interfaces, string from, string to, byte protocol, int port, string answer)
    {
        (Network? network, FaultList faults) = TopologyLoader.Load(LoadOptions.Of(Repository.At(Corpus + file)) with { Interfaces = interfaces });
        Assert.True(network is not null, string.Join('\n', faults.Errors));
        Tracer tracer = new(network, JudgeOptions.Default, (n, o) => NetworkEngine.Build(n, o).Judge);
        Outcome outcome = tracer.Trace(new TraceQuestion(from, to, protocol, port, null, 8, 0)).Answer.Forward;
        string said = $"{outcome.Verdict.ToString().ToLowerInvariant()} {(outcome.Reason == DenyReason.None ? "-" : outcome.Reason.ToString())} {Rule(outcome)}";
        Assert.StartsWith($"{shows}: {answer}", $"{shows}: {said}", System.StringComparison.Ordinal);
    }

    /// <summary>The rule that decided; of an allow the last group's rule, which is the question's point.</summary>
    private static string Rule(Outcome outcome) => outcome.Verdict == Verdict.Allow
        ? outcome.Path.Last(step => step.Contains("/ingress/", System.StringComparison.Ordinal))
        : outcome.Rule ?? "-";
}
