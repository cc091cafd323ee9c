using System;
using System.Collections.Generic;
using System.Linq;
using Dataplane.Topology.Documents;

namespace Dataplane.Topology.CloudFormation;

// What the templates hold and the topology does not: said once, by name (contract 2, IMP-30, IMP-32).
internal sealed partial class TemplateReading
{
    /// <summary>Names listed in one message.</summary>
    private const int MostNames = 12;

    private void SayWhatIsNotRead()
    {
        SortedSet<string> unknown = new(StringComparer.Ordinal);
        foreach (TemplateResource resource in _resources)
        {
            string type = resource.Type;
            bool isEc2 = type.StartsWith(ResourceTypes.Ec2, StringComparison.Ordinal);
            string kind = isEc2 ? type[ResourceTypes.Ec2.Length..] : "";
            if ((isEc2 && (ResourceTypes.Read.Contains(kind) || ResourceTypes.Silent.Contains(kind))) || type == "Custom::VpcRestrictDefaultSG")
            {
                continue;
            }

            if (isEc2 && ResourceTypes.NotEnforced.TryGetValue(kind, out string? what))
            {
                _faults.Warn(resource.Where, what, "Judge its effect by hand");
                continue;
            }

            if (type == "AWS::CloudFormation::Stack")
            {
                _faults.Warn(resource.Where, "a nested stack is not opened: what its template declares is not in the topology", "Give that template as a further -t");
                continue;
            }

            if (!ResourceTypes.OnlyNames(type))
            {
                List<string> groups = [];
                List<string> subnets = [];
                Collect(resource.Properties, resource, groups, subnets, 0);
                if (groups.Count > 0 || subnets.Count > 0 || ResourceTypes.BringsUnseen(type))
                {
                    SayUnseen(resource, groups, subnets);
                    continue;
                }
            }

            if (isEc2)
            {
                _faults.Warn(resource.Where, $"the type {SafeText.Line(type)} is unknown: what it does to packets is not enforced", "Judge its effect by hand");
            }
            else if (!ResourceTypes.IsKnown(type))
            {
                unknown.Add(type);
            }
        }

        if (unknown.Count > 0)
        {
            string names = string.Join(", ", unknown.Take(MostNames).Select(t => SafeText.Line(t))) + (unknown.Count > MostNames ? " ..." : "");
            _faults.Warn(
                string.Join(", ", _templates.Select(t => t.File).Take(MostNames)),
                $"these types are not read, and what they would do to the network is not known: {names}",
                "Give --eni for interfaces that they bring");
        }
    }

    private void SayUnseen(TemplateResource resource, List<string> groups, List<string> subnets)
    {
        string group = groups.Count == 0 ? "no groups named" : "groups " + Names(groups);
        string home = subnets.Count == 0 ? "" : "; subnets " + Names(subnets);
        string sg = groups.Count == 0 ? "SG" : string.Join('+', groups.Take(MostNames).Select(g => SafeText.Line(g)));
        _faults.Warn(
            resource.Where,
            $"{SafeText.Line(resource.Type)} brings network interfaces that no file lists ({group}{home}); they are not in the topology",
            $"Give --eni {SafeText.Line(resource.Id)}=ADDRESS,sg={sg} to have one there");
    }

    private static string Names(List<string> names) =>
        string.Join(", ", names.Take(MostNames).Select(n => SafeText.Line(n))) + (names.Count > MostNames ? " ..." : "");

    /// <summary>Values of properties that name groups or subnets, wherever they stand; what cannot be known is a question mark.</summary>
    private void Collect(Node? node, TemplateResource resource, List<string> groups, List<string> subnets, int depth)
    {
        if (node is null || depth > YamlNodes.MostDepth)
        {
            return;
        }

        foreach ((string name, Node value) in node.Members)
        {
            List<string>? into = ResourceTypes.GroupProperties.Contains(name) ? groups : ResourceTypes.SubnetProperties.Contains(name) ? subnets : null;
            if (into is null)
            {
                Collect(value, resource, groups, subnets, depth + 1);
                continue;
            }

            Value found = _evaluator.Quietly(() => _evaluator.Evaluate(value, new Site(resource.Template, resource, name)));
            foreach (Value item in found.Kind == ValueKind.List ? found.Items : [found])
            {
                if (!item.IsNone)
                {
                    string text = item.Kind == ValueKind.Text ? item.Text : "?";
                    if (into.Count < MostNames * 2 && !into.Contains(text))
                    {
                        into.Add(text);
                    }
                }
            }
        }

        foreach (Node item in node.Items)
        {
            Collect(item, resource, groups, subnets, depth + 1);
        }
    }

    /// <summary>IMP-30: imports that no template gives, and that nothing read so far depended on.</summary>
    private void SayImports()
    {
        HashSet<string> said = new(StringComparer.Ordinal);
        foreach (TemplateResource resource in _resources)
        {
            if (resource.Properties is not null)
            {
                foreach ((string name, Node value) in resource.Properties.Members)
                {
                    SayImports(value, resource, name, said, 0);
                }
            }
        }
    }

    private void SayImports(Node node, TemplateResource resource, string path, HashSet<string> said, int depth)
    {
        if (depth > YamlNodes.MostDepth)
        {
            return;
        }

        if (node.Kind == NodeKind.Map && node.Members.Count == 1 && node.Members[0].Key == "Fn::ImportValue")
        {
            Site site = new(resource.Template, resource, path);
            Value value = _evaluator.Quietly(() => _evaluator.Evaluate(node, site));
            if (value is { IsImport: true, Why: not null } && said.Add(resource.Id + "/" + path) && !IsSaid(resource, value.Why))
            {
                _faults.Warn(site.Where(node.Line), $"property {SafeText.Line(path, 120)}: {value.Why}; nothing that is read depends on it", value.Mend);
            }

            return;
        }

        foreach ((_, Node member) in node.Members)
        {
            SayImports(member, resource, path, said, depth + 1);
        }

        foreach (Node item in node.Items)
        {
            SayImports(item, resource, path, said, depth + 1);
        }
    }

    private bool IsSaid(TemplateResource resource, string why)
    {
        if (_saidImports is null)
        {
            _saidImports = new(StringComparer.Ordinal);
            foreach (Fault fault in _faults.Errors)
            {
                _saidImports.Add(fault.Where[(fault.Where.LastIndexOf(", ", StringComparison.Ordinal) + 1)..].Trim() + fault.What[(fault.What.IndexOf(": ", StringComparison.Ordinal) + 1)..].Trim());
            }
        }

        return _saidImports.Contains(resource.Id + why);
    }

    private HashSet<string>? _saidImports;
}
