using System.Collections.Generic;

namespace Dataplane.Topology;

/// <summary>What a number beyond an AWS quota is (SG-40, SG-41, ACL-31, RT-37).</summary>
public enum QuotaPolicy
{
    Warn,
    Ignore,
    Error,
}

/// <summary>What the user gave to make a topology of.</summary>
/// <param name="Paths">Files, and folders that are searched recursively for *.json.</param>
/// <param name="Parameters">CloudFormation parameters, AWS::Region among them.</param>
/// <param name="Interfaces">NAME=ADDRESS,sg=SG[+SG...][,subnet=SUBNET][,public=ADDRESS], as typed.</param>
public sealed record LoadOptions(
    IReadOnlyList<string> Paths, IReadOnlyDictionary<string, string> Parameters, IReadOnlyList<string> Interfaces)
{
    /// <summary>--quotas; quotas can be raised at AWS, so by default they only warn.</summary>
    public QuotaPolicy Quotas { get; init; }

    public static LoadOptions Of(params string[] paths) => new(paths, new Dictionary<string, string>(), []);
}
