// From templates to drafts, all templates of one run together.
//
//   files      -> trees         YamlNodes or JsonNodes, short tags made long
//   trees      -> Template      sections by name; ids made unique over the templates (IMP-30); resources whose condition does not hold are left out
//   VPCs, subnets               first: whose blocks give others their addresses
//   interfaces                  planned, explicit addresses taken, then private and public ones chosen in the templates' order (IMP-18)
//   everything else             tables, ACLs, groups, gateways; the order does not matter any more
//   what was not read           warned about by type (IMP-32), imports that nobody gives (IMP-30)
//
// A resource's id is its logical id, so an expression that refers to it evaluates to that text, and a text that an expression gives is looked up among
// the resources by type (IMP-14), never guessed from its letters.

using System;
using System.Collections.Generic;
using Dataplane.Topology.Documents;
using Dataplane.Topology.Model;

namespace Dataplane.Topology.CloudFormation;

/// <summary>Reads CloudFormation templates.</summary>
public static class CloudFormationReader
{
    /// <summary>Adds what the templates declare to a draft.</summary>
    /// <param name="templates">YAML or JSON, in the order given by the user; the order decides about chosen addresses.</param>
    /// <param name="options">Parameters by name (pseudo parameters too); of <see cref="LoadOptions.Interfaces"/> only addresses, which are not chosen again.</param>
    /// <param name="draft">Drafts that are there already (of AWS CLI files) may be referred to by their ids.</param>
    /// <param name="faults">Everything that is wrong, in one go. Never throws for what the files hold.</param>
    public static void Read(IReadOnlyList<SourceFile> templates, LoadOptions options, NetworkDraft draft, FaultList faults)
    {
        List<Template> read = [];
        HashSet<string> names = new(StringComparer.Ordinal);
        foreach (SourceFile file in templates)
        {
            // The same file given twice is one template.
            if (names.Add(file.Name) && Parse(file, faults) is { } root && Template.From(file.Name, root, faults) is { } template)
            {
                read.Add(template);
            }
        }

        new TemplateReading(read, options, draft, faults).Run(templates.Count == names.Count && read.Count == names.Count);
    }

    private static Node? Parse(SourceFile file, FaultList faults)
    {
        ReadOnlySpan<byte> content = file.Content;
        content = content.StartsWith((ReadOnlySpan<byte>)[0xEF, 0xBB, 0xBF]) ? content[3..] : content;
        content = content.TrimStart(" \t\r\n"u8);
        return content.StartsWith("{"u8) ? JsonNodes.Read(file, faults) : YamlNodes.Read(file, faults);
    }
}
