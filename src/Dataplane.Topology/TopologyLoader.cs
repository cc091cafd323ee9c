// Files to a network: find them, tell each one's kind by its content, let the reader of that kind fill the drafts, resolve.
//
// A kind is told by content, never by name: JSON whose keys are those of `aws ec2 describe-*` is a snapshot; a map with Resources that have a Type (or
// AWSTemplateFormatVersion) is a template, in JSON or YAML; the output of `terraform show -json` is recognised so that it can be
// refused with a reason. In a searched folder a JSON file of another kind is a warning, since folders hold other things;
// named by the user it is an error.

using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using Dataplane.Topology.Aws;
using Dataplane.Topology.CloudFormation;
using Dataplane.Topology.Documents;
using Dataplane.Topology.Model;

namespace Dataplane.Topology;

/// <summary>Reads topologies.</summary>
public static class TopologyLoader
{
    private const long LargeSnapshot = 16L << 20;

    /// <summary>Reads the files and folders of <paramref name="options"/>.</summary>
    /// <returns>The network, or null if there are errors; every fault that was found, warnings too.</returns>
    public static (Network? Network, FaultList Faults) Load(LoadOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        FaultList faults = new();
        (List<SourceFile> files, IReadOnlySet<string> found) = TopologyFiles.Read(options.Paths, faults);
        return (Load(files, found, options, faults, files.Clear), faults);
    }

    /// <summary>Reads files that are in memory; the paths of <paramref name="options"/> are not looked at.</summary>
    public static (Network? Network, FaultList Faults) Load(IReadOnlyList<SourceFile> files, LoadOptions options)
    {
        ArgumentNullException.ThrowIfNull(files);
        ArgumentNullException.ThrowIfNull(options);
        FaultList faults = new();
        return (Load(files, new HashSet<string>(), options, faults), faults);
    }

    private static Network? Load(IReadOnlyList<SourceFile> files, IReadOnlySet<string> found, LoadOptions options, FaultList faults, Action? release = null)
    {
        List<(string Name, Node Root)> snapshots = [];
        List<SourceFile> templates = [];
        foreach (SourceFile file in files)
        {
            Sort(file, found.Contains(file.Name), snapshots, templates, faults);
        }

        // Snapshots are the large ones: what was read of them is not kept until the end.
        long bytes = files.Sum(file => (long)file.Content.Length);
        string only = files.Count == 1 ? files[0].Name : "topology";
        release?.Invoke();
        NetworkDraft draft = new();
        AwsReader.Read(snapshots, draft, faults);
        snapshots.Clear();
        if (bytes > LargeSnapshot)
        {
            // Its tree is garbage of hundreds of megabytes: without this the heap would grow by as much again before the runtime looks.
            GC.Collect();
        }

        if (templates.Count > 0)
        {
            CloudFormationReader.Read(templates, options, draft, faults);
        }

        Defaults.Fill(draft);
        foreach (string text in options.Interfaces)
        {
            InterfaceOption.Read(text, faults)?.AddTo(draft, faults);
        }

        if (draft.Vpcs.Count == 0 && !faults.HasErrors)
        {
            faults.Warn(
                only, "no file holds a VPC, so every packet is unplaced", "Add the output of describe-vpcs, or a template with a VPC");
        }

        return Resolver.Resolve(draft, options, faults);
    }

    private static void Sort(SourceFile file, bool found, List<(string, Node)> snapshots, List<SourceFile> templates, FaultList faults)
    {
        ReadOnlySpan<byte> text = file.Content;
        if (text is [0xEF, 0xBB, 0xBF, ..])
        {
            text = text[3..];
        }

        text = text.Trim(" \t\r\n"u8);
        if (text.IsEmpty)
        {
            faults.Add(new Fault(file.Name, "the file is empty, as a command that failed leaves it", "Run the command again", false) { IsIncomplete = true });
            return;
        }

        if (text[0] is not ((byte)'{' or (byte)'[') && text is not [0xFF, 0xFE, ..] and not [0xFE, 0xFF, ..])
        {
            if (IsYamlTemplate(text))
            {
                templates.Add(file);
            }
            else
            {
                Unknown(file.Name, found, faults);
            }

            return;
        }

        if (JsonNodes.Read(file, faults) is not { } root)
        {
            return;
        }

        if (root["AWSTemplateFormatVersion"] is not null
            || (root["Resources"] is { Kind: NodeKind.Map } resources && resources.Members.Any(m => m.Value["Type"] is not null)))
        {
            templates.Add(file);
        }
        else if (root["format_version"] is not null && (root["values"] ?? root["planned_values"] ?? root["terraform_version"]) is not null)
        {
            faults.Error(
                file.Name, "it is the output of terraform show -json, which is not read yet",
                "Give the output of aws ec2 describe-* for what Terraform made, or a CloudFormation template");
        }
        else if (root["terraform_version"] is not null && (root["resources"] ?? root["lineage"]) is not null)
        {
            faults.Error(
                file.Name, "it is a raw Terraform state, which is not read", "Give the output of aws ec2 describe-* for what Terraform made, or a CloudFormation template");
        }
        else if (AwsReader.Knows(root))
        {
            snapshots.Add((file.Name, root));
        }
        else
        {
            Unknown(file.Name, found, faults);
        }
    }

    private static void Unknown(string name, bool found, FaultList faults)
    {
        const string What = "it is neither output of aws ec2 describe-* nor a CloudFormation template";
        if (found)
        {
            faults.Warn(name, $"{What}, and was not read", "Nothing to mend if no packet depends on it");
        }
        else
        {
            faults.Error(name, What, "Name a snapshot, a folder of snapshots or a template: YAML is taken for one by its line Resources:");
        }
    }

    /// <summary>A line that begins with one of the two keys which every template has one of.</summary>
    private static bool IsYamlTemplate(ReadOnlySpan<byte> text)
    {
        ReadOnlySpan<byte> rest = text;
        while (!rest.IsEmpty)
        {
            int end = rest.IndexOf((byte)'\n');
            ReadOnlySpan<byte> line = end < 0 ? rest : rest[..end];
            rest = end < 0 ? [] : rest[(end + 1)..];
            foreach (string key in (ReadOnlySpan<string>)["AWSTemplateFormatVersion", "Resources"])
            {
                ReadOnlySpan<byte> bare = line.TrimStart("\"'"u8);
                if (bare.StartsWith(Encoding.ASCII.GetBytes(key)) && bare[key.Length..].TrimStart("\"' "u8).StartsWith(":"u8))
                {
                    return true;
                }
            }
        }

        return false;
    }
}
