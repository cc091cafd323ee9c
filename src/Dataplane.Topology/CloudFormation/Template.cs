using System;
using System.Collections.Generic;
using System.Globalization;
using Dataplane.Topology.Documents;

namespace Dataplane.Topology.CloudFormation;

/// <summary>One resource of a template, its properties not yet evaluated.</summary>
internal sealed class TemplateResource
{
    public required Template Template { get; init; }

    public required string LogicalId { get; init; }

    public required string Type { get; init; }

    public required int Line { get; init; }

    /// <summary>A map, or null when the resource has no properties.</summary>
    public Node? Properties { get; init; }

    public string? Condition { get; init; }

    /// <summary>The logical id, or FILE/ID when two templates share it (IMP-30).</summary>
    public string Id { get; set; } = "";

    /// <summary>False when its condition does not hold: it is as if it were not written.</summary>
    public bool Exists { get; set; } = true;

    public string Where => Template.At(Line) + ", " + Id;
}

/// <summary>One template's sections, looked up by name.</summary>
internal sealed class Template
{
    public required string File { get; init; }

    public Dictionary<string, Node> Parameters { get; } = new(StringComparer.Ordinal);

    public Dictionary<string, Node> Mappings { get; } = new(StringComparer.Ordinal);

    public Dictionary<string, Node> Conditions { get; } = new(StringComparer.Ordinal);

    public Dictionary<string, Node> Outputs { get; } = new(StringComparer.Ordinal);

    public Dictionary<string, TemplateResource> Resources { get; } = new(StringComparer.Ordinal);

    /// <summary>In file order.</summary>
    public List<TemplateResource> Ordered { get; } = [];

    public string At(int line) => string.Create(CultureInfo.InvariantCulture, $"{File}:{line}");

    /// <summary>The sections of a document; what does not look like a section is a fault.</summary>
    public static Template? From(string file, Node root, FaultList faults)
    {
        Template template = new() { File = file };
        if (root.Kind != NodeKind.Map)
        {
            faults.Error(template.At(root.Line), "the file holds no template: its top level is not a map", "Give a CloudFormation template");
            return null;
        }

        template.Section(root, "Parameters", template.Parameters, faults);
        template.Section(root, "Mappings", template.Mappings, faults);
        template.Section(root, "Conditions", template.Conditions, faults, mapsOnly: false);
        template.Section(root, "Outputs", template.Outputs, faults);
        template.SayTransforms(root["Transform"], faults);
        if (root["Resources"] is not { } resources)
        {
            faults.Error(template.At(root.Line), "the template has no section Resources", "Give a template that declares resources");
            return template;
        }

        if (resources.Kind != NodeKind.Map)
        {
            faults.Error(template.At(resources.Line), "Resources is not a map", "List each resource under its logical id");
            return template;
        }

        foreach ((string id, Node body) in resources.Members)
        {
            template.AddResource(id, body, faults);
        }

        return template;
    }

    private void Section(Node root, string name, Dictionary<string, Node> into, FaultList faults, bool mapsOnly = true)
    {
        Node? section = root[name];
        if (section is null or { Kind: NodeKind.Null })
        {
            return;
        }

        if (section.Kind != NodeKind.Map)
        {
            faults.Error(At(section.Line), $"{name} is not a map", "Write NAME: and what belongs to it below");
            return;
        }

        foreach ((string key, Node body) in section.Members)
        {
            if (mapsOnly && body.Kind != NodeKind.Map)
            {
                faults.Error(At(body.Line), $"{name}.{SafeText.Line(key)} is not a map", "Correct the section's shape");
                continue;
            }

            into[key] = body;
        }
    }

    private void SayTransforms(Node? transform, FaultList faults)
    {
        if (transform is null)
        {
            return;
        }

        foreach (Node item in transform.Kind == NodeKind.List ? transform.Items : [transform])
        {
            // The language extensions' functions are evaluated one by one; a loop says by itself that it is not.
            string name = item.Kind == NodeKind.Map ? item["Name"]?.Text ?? "" : item.Text;
            if (name != "AWS::LanguageExtensions")
            {
                faults.Warn(
                    At(item.Line),
                    $"the transform {SafeText.Line(name)} is not carried out: resources that it would make are not seen",
                    "Give the processed template (aws cloudformation get-template --template-stage Processed)");
            }
        }
    }

    private void AddResource(string id, Node body, FaultList faults)
    {
        if (id.StartsWith("Fn::ForEach", StringComparison.Ordinal) || id == "Fn::Transform")
        {
            faults.Warn(
                At(body.Line),
                $"{SafeText.Line(id)} is not carried out: resources that it would make are not seen",
                "Give the processed template (aws cloudformation get-template --template-stage Processed)");
            return;
        }

        if (!IsLogicalId(id))
        {
            faults.Error(At(body.Line), $"the logical id '{SafeText.Line(id)}' is not 1 to 255 letters and digits", "Rename the resource");
            return;
        }

        if (body.Kind != NodeKind.Map || body["Type"] is not { Kind: NodeKind.Text } type || type.Text.Length is 0 or > 255)
        {
            faults.Error(At(body.Line) + ", " + id, "the resource has no Type", "Write Type: AWS::SERVICE::KIND");
            return;
        }

        Node? properties = body["Properties"];
        if (properties is { Kind: not (NodeKind.Map or NodeKind.Null) })
        {
            faults.Error(At(properties.Line) + ", " + id, "Properties is not a map", "Write NAME: VALUE for each property");
            return;
        }

        if (properties?["Fn::Transform"] is not null)
        {
            faults.Warn(At(properties.Line) + ", " + id, "Fn::Transform in Properties is not carried out", "Write the properties out");
        }

        Node? condition = body["Condition"];
        if (condition is { Kind: not NodeKind.Text })
        {
            faults.Error(At(condition.Line) + ", " + id, "Condition is not the name of a condition", "Name one of the section Conditions");
            condition = null;
        }

        // The line of the id itself is not in the tree; its body begins on the next line or on the same one.
        TemplateResource resource = new()
        {
            Template = this,
            LogicalId = id,
            Id = id,
            Type = type.Text,
            Line = body.Line,
            Properties = properties is { Kind: NodeKind.Map } ? properties : null,
            Condition = condition?.Text,
        };
        Resources[id] = resource;
        Ordered.Add(resource);
    }

    private static bool IsLogicalId(string id)
    {
        if (id.Length is 0 or > 255)
        {
            return false;
        }

        foreach (char c in id)
        {
            if (!char.IsAsciiLetterOrDigit(c))
            {
                return false;
            }
        }

        return true;
    }
}
