using System;
using System.Collections.Generic;
using Dataplane.Topology.Documents;
using Dataplane.Topology.Model;

namespace Dataplane.Topology.CloudFormation;

/// <summary>Reads CloudFormation templates.</summary>
public static class CloudFormationReader
{
    /// <summary>Adds what all templates together say to <paramref name="draft"/>.</summary>
    public static void Read(IReadOnlyList<SourceFile> templates, LoadOptions options, NetworkDraft draft, FaultList faults)
    {
        ArgumentNullException.ThrowIfNull(templates);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(draft);
        ArgumentNullException.ThrowIfNull(faults);
        foreach (SourceFile template in templates)
        {
            faults.Error(
                template.Name, "it is a CloudFormation template, which this version does not read",
                "Deploy it, and give the output of aws ec2 describe-* instead");
        }
    }
}
