// What a template's expressions come to.
//
// A value is computed when a property is read, never before: a parameter, an import or an attribute that nobody reads may stay unknown in silence
// (IMP-29, IMP-30). What only a deployment could tell is a Value of kind Unknown that carries its reason; whoever needs it reports the reason with the
// property. What is plainly wrong (a Ref that names nothing, a Select beyond the list) is reported here, at once, and becomes an Unknown without reason.
//
// Hostile templates are bounded: nesting of evaluation (an attribute evaluates another resource's property, which ...), steps over all files, characters
// produced, length of one text. Conditions, exports and attributes that stand inside themselves are found by the set of what is in progress.

using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text;
using Dataplane.Packets;
using Dataplane.Topology.Documents;

namespace Dataplane.Topology.CloudFormation;

/// <summary>Where an expression stands, for faults.</summary>
/// <param name="Resource">Null in the sections Conditions and Outputs.</param>
/// <param name="Path">The property, or the section and name.</param>
internal sealed record Site(Template Template, TemplateResource? Resource, string Path)
{
    public string Where(int line) => Template.At(line) + (Resource is null ? "" : ", " + Resource.Id);

    public Site At(string path) => this with { Path = path };
}

/// <summary>Evaluates intrinsics, parameters, conditions and exports of all templates of one reading.</summary>
internal sealed class Evaluator
{
    /// <summary>Levels of evaluation inside each other.</summary>
    public const int MostDepth = 200;

    /// <summary>Values made over all templates.</summary>
    public const int MostSteps = 20_000_000;

    /// <summary>Characters produced over all templates.</summary>
    public const long MostCharacters = 64L * 1024 * 1024;

    /// <summary>Characters of one text.</summary>
    public const int MostText = 4 * 1024 * 1024;

    /// <summary>AWS::AccountId, unless --parameter gives it.</summary>
    public const string Account = "123456789012";

    private const string Everywhere = "AWS::";

    private static readonly string[] Zones = ["a", "b", "c", "d", "e", "f"];

    private readonly IReadOnlyDictionary<string, string> _given;
    private readonly IReadOnlyList<Template> _templates;
    private readonly Func<TemplateResource, string, Site, int, Value> _attribute;
    private readonly Func<TemplateResource, int, Value> _reference;
    private readonly Dictionary<(Template Template, string Name), bool?> _conditions = [];
    private readonly Dictionary<(Template Template, string Name), Value> _parameters = [];
    private readonly Dictionary<Node, Dictionary<string, Node>> _maps = [];
    private readonly HashSet<(Template? Template, string What)> _inProgress = [];
    private Dictionary<string, (Template Template, Node Value)>? _exports;
    /// <summary>Where faults go now; not the run's own list while something is evaluated quietly.</summary>
    private FaultList _faults;

    /// <summary>The run's own list: for faults that stand whoever asks first, since what they are about is evaluated once.</summary>
    private readonly FaultList _loud;
    private int _depth;
    private int _steps;
    private long _characters;
    private bool _exhausted;

    /// <param name="attribute">Gives Fn::GetAtt of a resource that exists.</param>
    /// <param name="reference">Gives Ref of a resource that exists.</param>
    public Evaluator(
        IReadOnlyList<Template> templates,
        IReadOnlyDictionary<string, string> given,
        Func<TemplateResource, string, Site, int, Value> attribute,
        Func<TemplateResource, int, Value> reference,
        FaultList faults)
    {
        _templates = templates;
        _given = given;
        _attribute = attribute;
        _reference = reference;
        _faults = faults;
        _loud = faults;
    }

    /// <summary>Evaluates without reporting anything: for messages, and for what need not be known.</summary>
    public T Quietly<T>(Func<T> evaluate)
    {
        FaultList before = _faults;
        _faults = new FaultList();
        try
        {
            return evaluate();
        }
        finally
        {
            _faults = before;
        }
    }

    public string Region => _given.GetValueOrDefault("AWS::Region", "us-east-1");

    /// <summary>The value of an expression; its maps and lists hold values that may each be Unknown.</summary>
    public Value Evaluate(Node? node, Site site)
    {
        if (node is null)
        {
            return Value.None(0);
        }

        if (_depth >= MostDepth)
        {
            return Fault(site, node.Line, string.Create(CultureInfo.InvariantCulture, $"expressions are nested deeper than {MostDepth} levels"), "Break the chain of references");
        }

        if (!Spend(site, node.Line, 0))
        {
            return Value.Unknown(node.Line, null);
        }

        _depth++;
        try
        {
            switch (node.Kind)
            {
                case NodeKind.Null:
                    return Value.None(node.Line);
                case NodeKind.Map:
                    return Map(node, site);
                case NodeKind.List:
                    List<Value> items = new(node.Items.Count);
                    foreach (Node item in node.Items)
                    {
                        Value value = Evaluate(item, site);
                        if (!value.IsNone)
                        {
                            items.Add(value);
                        }
                    }

                    return Value.Of(items, node.Line);
                default:
                    return node.Text.Contains("{{resolve:", StringComparison.Ordinal)
                        ? Value.Unknown(node.Line, $"the dynamic reference {SafeText.Line(node.Text)} is looked up when the template is deployed", "Write the value, or a parameter, there")
                        : Value.Of(node.Text, node.Line);
            }
        }
        finally
        {
            _depth--;
        }
    }

    /// <summary>Whether a condition holds; null when nobody can know (then a fault says so).</summary>
    public bool? Condition(Template template, string name, Site site, int line)
    {
        if (_conditions.TryGetValue((template, name), out bool? known))
        {
            return known;
        }

        if (!template.Conditions.TryGetValue(name, out Node? body))
        {
            Fault(site, line, $"the condition {SafeText.Line(name)} is not declared", "Declare it under Conditions");
            return null;
        }

        if (!_inProgress.Add((template, "Condition " + name)))
        {
            Fault(site, line, $"the condition {SafeText.Line(name)} depends on itself", "Break the circle");
            return null;
        }

        bool? holds = Truth(body, new Site(template, null, "Conditions." + name));
        _inProgress.Remove((template, "Condition " + name));
        if (holds is not null || ReferenceEquals(_faults, _loud))
        {
            _conditions[(template, name)] = holds;
        }

        return holds;
    }

    /// <summary>Guards the evaluation of one resource's attribute against circles.</summary>
    public Value Guarded(TemplateResource resource, string attribute, Site site, int line, Func<Value> evaluate)
    {
        string what = resource.LogicalId + "." + attribute;
        if (!_inProgress.Add((resource.Template, what)))
        {
            return Fault(site, line, $"{SafeText.Line(what)} depends on itself", "Break the circle of references");
        }

        try
        {
            return evaluate();
        }
        finally
        {
            _inProgress.Remove((resource.Template, what));
        }
    }

    /// <summary>Reports something wrong with an expression, and makes an Unknown of it that need not be reported again.</summary>
    public Value Fault(Site site, int line, string what, string mend)
    {
        _faults.Error(site.Where(line), $"property {SafeText.Line(site.Path, 120)}: {what}", mend);
        return Value.Unknown(line, null);
    }

    private bool Spend(Site site, int line, int characters)
    {
        _characters += characters;
        if (++_steps <= MostSteps && _characters <= MostCharacters)
        {
            return true;
        }

        if (!_exhausted)
        {
            _exhausted = true;
            _loud.Error(site.Where(line), "the templates take too long to evaluate", "Use fewer and smaller expressions");
        }

        return false;
    }

    private Value Text(string text, Site site, int line) =>
        text.Length > MostText
            ? Fault(site, line, string.Create(CultureInfo.InvariantCulture, $"the text grows beyond {MostText} characters"), "Make it shorter")
            : Spend(site, line, text.Length) ? Value.Of(text, line) : Value.Unknown(line, null);

    private Value Map(Node node, Site site)
    {
        if (node.Members.Count == 1)
        {
            (string name, Node argument) = node.Members[0];
            if (name == "Ref" || name.StartsWith("Fn::", StringComparison.Ordinal))
            {
                return Function(name, argument, node.Line, site);
            }
        }

        List<KeyValuePair<string, Value>> members = new(node.Members.Count);
        foreach ((string key, Node member) in node.Members)
        {
            if (key.StartsWith("Fn::", StringComparison.Ordinal))
            {
                return Fault(site, node.Line, $"{SafeText.Line(key)} stands beside other keys", "Let a function be the only key of its map");
            }

            Value value = Evaluate(member, site.Path.Length > 200 ? site : site.At(site.Path + "." + key));
            if (!value.IsNone)
            {
                members.Add(new(key, value));
            }
        }

        return new Value { Kind = ValueKind.Map, Line = node.Line, Members = members };
    }

    private Value Function(string name, Node argument, int line, Site site) => name switch
    {
        "Ref" => Ref(argument, line, site),
        "Fn::GetAtt" => GetAtt(argument, line, site),
        "Fn::Sub" => Sub(argument, line, site),
        "Fn::Join" => Join(argument, line, site),
        "Fn::Select" => Select(argument, line, site),
        "Fn::Split" => Split(argument, line, site),
        "Fn::Cidr" => Cidr(argument, line, site),
        "Fn::GetAZs" => GetZones(argument, line, site),
        "Fn::FindInMap" => FindInMap(argument, line, site),
        "Fn::If" => If(argument, line, site),
        "Fn::ImportValue" => Import(argument, line, site),
        "Fn::Base64" => Base64(argument, line, site),
        "Fn::Length" => Length(argument, line, site),
        "Fn::Equals" or "Fn::And" or "Fn::Or" or "Fn::Not" => TruthValue(name, argument, line, site),
        "Fn::Transform" or "Fn::ToJsonString" => Value.Unknown(line, $"{name} is not carried out", "Write the value out"),
        _ => Fault(site, line, $"the function {SafeText.Line(name)} is unknown", "Use a function of CloudFormation"),
    };

    private Value Ref(Node argument, int line, Site site)
    {
        if (argument.Kind != NodeKind.Text)
        {
            return Fault(site, line, "Ref takes the name of a parameter or resource", "Write Ref: NAME");
        }

        string name = argument.Text;
        if (name.StartsWith(Everywhere, StringComparison.Ordinal))
        {
            return Pseudo(name, line, site);
        }

        if (site.Template.Parameters.ContainsKey(name))
        {
            return Parameter(site.Template, name, line, site);
        }

        return Resource(name, line, site, out Value? fault) is { } resource ? _reference(resource, line) : fault!;
    }

    private TemplateResource? Resource(string name, int line, Site site, out Value? fault)
    {
        fault = null;
        if (!site.Template.Resources.TryGetValue(name, out TemplateResource? resource))
        {
            fault = Fault(site, line, $"'{SafeText.Line(name)}' names no resource and no parameter of the template", "Name one that the template declares");
            return null;
        }

        if (!resource.Exists)
        {
            fault = Fault(
                site,
                line,
                $"{name} is not made, because its condition {SafeText.Line(resource.Condition ?? "")} does not hold",
                "Guard the reference with Fn::If on the same condition");
            return null;
        }

        return resource;
    }

    private Value Pseudo(string name, int line, Site site)
    {
        if (name == "AWS::NoValue")
        {
            return Value.None(line);
        }

        if (_given.TryGetValue(name, out string? given))
        {
            return name == "AWS::NotificationARNs" ? Texts(given.Split(','), line) : Value.Of(given, line);
        }

        string region = Region;
        string partition = region.StartsWith("cn-", StringComparison.Ordinal) ? "aws-cn"
            : region.StartsWith("us-gov-", StringComparison.Ordinal) ? "aws-us-gov" : "aws";
        string account = _given.GetValueOrDefault("AWS::AccountId", Account);
        string file = site.Template.File[(site.Template.File.LastIndexOfAny(['/', '\\']) + 1)..];
        string stack = _given.GetValueOrDefault("AWS::StackName", file.Contains('.', StringComparison.Ordinal) ? file[..file.IndexOf('.', StringComparison.Ordinal)] : file);
        return name switch
        {
            "AWS::Region" => Value.Of(region, line),
            "AWS::AccountId" => Value.Of(account, line),
            "AWS::Partition" => Value.Of(partition, line),
            "AWS::URLSuffix" => Value.Of(partition == "aws-cn" ? "amazonaws.com.cn" : "amazonaws.com", line),
            "AWS::StackName" => Value.Of(stack, line),
            "AWS::StackId" => Value.Of($"arn:{partition}:cloudformation:{region}:{account}:stack/{stack}/00000000-0000-0000-0000-000000000000", line),
            "AWS::NotificationARNs" => Value.Of((IReadOnlyList<Value>)[], line),
            _ => Fault(site, line, $"the pseudo parameter {SafeText.Line(name)} is unknown", "Use AWS::Region, AWS::AccountId, AWS::Partition, AWS::URLSuffix, AWS::StackName, AWS::StackId or AWS::NoValue"),
        };
    }

    private static Value Texts(IEnumerable<string> texts, int line) =>
        Value.Of((IReadOnlyList<Value>)[.. texts.Select(t => Value.Of(t.Trim(), line))], line);

    private Value Parameter(Template template, string name, int line, Site site)
    {
        if (_parameters.TryGetValue((template, name), out Value? known))
        {
            return known.Kind == ValueKind.List && !Spend(site, line, known.Items.Count) ? Value.Unknown(line, null) : known;
        }

        Value value = ReadParameter(template, name);
        _parameters[(template, name)] = value;
        return value;
    }

    private Value ReadParameter(Template template, string name)
    {
        Node body = template.Parameters[name];
        string type = body["Type"]?.Text ?? "String";
        string where = template.At(body.Line) + ", parameter " + SafeText.Line(name);
        bool isStored = type.StartsWith("AWS::SSM::Parameter::Value<", StringComparison.Ordinal);
        if (isStored)
        {
            type = type["AWS::SSM::Parameter::Value<".Length..].TrimEnd('>');
        }

        bool isGiven = _given.TryGetValue(name, out string? text);
        if (!isGiven)
        {
            Node? standard = body["Default"];
            if (standard is null)
            {
                return Value.Unknown(body.Line, $"the parameter {SafeText.Line(name)} has neither a default nor a value", $"Give --parameter {SafeText.Line(name)}=VALUE");
            }

            if (standard.Kind is NodeKind.Map or NodeKind.List)
            {
                _loud.Error(where, "its Default is not text", "Write a list as text with commas");
                return Value.Unknown(body.Line, null);
            }

            if (isStored)
            {
                return Value.Unknown(
                    body.Line,
                    $"the parameter {SafeText.Line(name)} is looked up in the SSM parameter {SafeText.Line(standard.Text)} when the template is deployed",
                    $"Give --parameter {SafeText.Line(name)}=VALUE");
            }

            text = standard.Text;
        }

        CheckAllowed(body, name, where, text!);
        if (type is "CommaDelimitedList" || type.StartsWith("List<", StringComparison.Ordinal))
        {
            return text!.Length == 0 ? Value.Of((IReadOnlyList<Value>)[], body.Line) : Texts(text.Split(','), body.Line);
        }

        if (type == "Number" && !double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out _))
        {
            _loud.Error(where, $"its value '{SafeText.Line(text!)}' is not a number", $"Give --parameter {SafeText.Line(name)}=NUMBER");
            return Value.Unknown(body.Line, null);
        }

        return Value.Of(text!, body.Line);
    }

    /// <summary>AllowedValues: a deployment would refuse the value; here it is only said. Patterns and lengths are not looked at.</summary>
    private void CheckAllowed(Node body, string name, string where, string text)
    {
        if (body["AllowedValues"] is { Kind: NodeKind.List } allowed && !allowed.Items.Any(i => i.Text == text))
        {
            _loud.Warn(where, $"the value '{SafeText.Line(text)}' is not one of its AllowedValues; it is used all the same", $"Give --parameter {SafeText.Line(name)}=VALUE with one of them");
        }
    }

    private Value GetAtt(Node argument, int line, Site site)
    {
        string? name;
        string? attribute = null;
        if (argument.Kind == NodeKind.Text)
        {
            int dot = argument.Text.IndexOf('.', StringComparison.Ordinal);
            name = dot < 0 ? argument.Text : argument.Text[..dot];
            attribute = dot < 0 ? "" : argument.Text[(dot + 1)..];
        }
        else if (argument.Kind == NodeKind.List && argument.Items.Count == 2 && argument.Items[0].Kind == NodeKind.Text)
        {
            name = argument.Items[0].Text;
            Value second = Evaluate(argument.Items[1], site);    // the attribute's name may be a Ref
            if (second.Kind == ValueKind.Unknown)
            {
                return second;
            }

            attribute = second.Kind == ValueKind.Text ? second.Text : null;
        }
        else
        {
            name = null;
        }

        return name is null || string.IsNullOrEmpty(attribute)
            ? Fault(site, line, "Fn::GetAtt takes a resource and an attribute", "Write Fn::GetAtt: [RESOURCE, ATTRIBUTE]")
            : Attribute(name, attribute, line, site);
    }

    private Value Attribute(string name, string attribute, int line, Site site)
    {
        if (Resource(name, line, site, out Value? fault) is not { } resource)
        {
            return fault!;
        }

        return Guarded(resource, attribute, site, line, () => _attribute(resource, attribute, site, line));
    }

    private Value Sub(Node argument, int line, Site site)
    {
        Node? text = argument;
        Node? names = null;
        if (argument.Kind == NodeKind.List && argument.Items.Count is 1 or 2)
        {
            text = argument.Items[0];
            names = argument.Items.Count == 2 ? argument.Items[1] : null;
        }

        if (text.Kind is NodeKind.Map or NodeKind.List or NodeKind.Null || names is { Kind: not NodeKind.Map })
        {
            return Fault(site, line, "Fn::Sub takes a text, or a text and a map", "Write Fn::Sub: TEXT or Fn::Sub: [TEXT, {NAME: VALUE}]");
        }

        StringBuilder result = new();
        string template = text.Text;
        int at = 0;
        while (at < template.Length)
        {
            int open = template.IndexOf("${", at, StringComparison.Ordinal);
            int close = open < 0 ? -1 : template.IndexOf('}', open);
            if (close < 0)
            {
                break;
            }

            result.Append(template, at, open - at);
            string name = template[(open + 2)..close].Trim();
            at = close + 1;
            if (name.StartsWith('!'))
            {
                result.Append("${").Append(name, 1, name.Length - 1).Append('}');
                continue;
            }

            Value value = Substitute(name, names, line, site);
            if (value.Kind == ValueKind.Unknown)
            {
                return value;
            }

            if (value.Kind != ValueKind.Text)
            {
                return Fault(site, line, $"${{{SafeText.Line(name)}}} is not text", "Use a value that is text");
            }

            result.Append(value.Text);
            if (result.Length > MostText || !Spend(site, line, value.Text.Length))
            {
                return Text(result.ToString(), site, line);
            }
        }

        result.Append(template, at, template.Length - at);
        return Text(result.ToString(), site, line);
    }

    private Value Substitute(string name, Node? names, int line, Site site)
    {
        if (names is not null && MapOf(names).TryGetValue(name, out Node? own))
        {
            return Evaluate(own, site);
        }

        if (name.StartsWith(Everywhere, StringComparison.Ordinal))
        {
            return Pseudo(name, line, site);
        }

        int dot = name.IndexOf('.', StringComparison.Ordinal);
        if (dot > 0 && dot < name.Length - 1)
        {
            return Attribute(name[..dot], name[(dot + 1)..], line, site);
        }

        return site.Template.Parameters.ContainsKey(name)
            ? Parameter(site.Template, name, line, site)
            : Resource(name, line, site, out Value? fault) is { } resource ? _reference(resource, line) : fault!;
    }

    private Value Join(Node argument, int line, Site site)
    {
        if (argument.Kind != NodeKind.List || argument.Items.Count != 2 || argument.Items[0].Kind is NodeKind.Map or NodeKind.List)
        {
            return Fault(site, line, "Fn::Join takes a delimiter and a list", "Write Fn::Join: [DELIMITER, [VALUE, ...]]");
        }

        Value list = Evaluate(argument.Items[1], site);
        if (list.Kind == ValueKind.Unknown)
        {
            return list;
        }

        List<string> parts = [];
        long length = 0;
        Value? bad = Flatten(list, parts, site, line, ref length, 0);
        if (bad is not null)
        {
            return bad;
        }

        length += (long)parts.Count * argument.Items[0].Text.Length;
        return length > MostText
            ? Fault(site, line, string.Create(CultureInfo.InvariantCulture, $"the text grows beyond {MostText} characters"), "Make it shorter")
            : Text(string.Join(argument.Items[0].Text, parts), site, line);
    }

    /// <summary>The texts of a list, lists inside it opened; an Unknown when one of them is.</summary>
    private Value? Flatten(Value value, List<string> into, Site site, int line, ref long length, int depth)
    {
        switch (value.Kind)
        {
            case ValueKind.Unknown:
                return value;
            case ValueKind.Text:
                into.Add(value.Text);
                length += value.Text.Length;
                return length > MostText ? Fault(site, line, "the text grows too long", "Make it shorter") : null;
            case ValueKind.List when depth < MostDepth:
                foreach (Value item in value.Items)
                {
                    if (Flatten(item, into, site, line, ref length, depth + 1) is { } bad)
                    {
                        return bad;
                    }
                }

                return null;
            case ValueKind.None:
                return null;
            default:
                return Fault(site, line, "the list holds something that is not text", "Join texts only");
        }
    }

    private Value Select(Node argument, int line, Site site)
    {
        if (argument.Kind != NodeKind.List || argument.Items.Count != 2)
        {
            return Fault(site, line, "Fn::Select takes an index and a list", "Write Fn::Select: [INDEX, LIST]");
        }

        Value index = Evaluate(argument.Items[0], site);
        Value list = Evaluate(argument.Items[1], site);
        if (index.Kind == ValueKind.Unknown || list.Kind == ValueKind.Unknown)
        {
            return index.Kind == ValueKind.Unknown ? index : list;
        }

        if (index.Kind != ValueKind.Text || !int.TryParse(index.Text, NumberStyles.None, CultureInfo.InvariantCulture, out int at) || list.Kind != ValueKind.List)
        {
            return Fault(site, line, "Fn::Select takes a number from 0 and a list", "Write Fn::Select: [INDEX, LIST]");
        }

        return at < list.Items.Count
            ? list.Items[at]
            : Fault(site, line, string.Create(CultureInfo.InvariantCulture, $"Fn::Select asks for entry {at} of a list of {list.Items.Count}"), "Select an entry that the list has");
    }

    private Value Split(Node argument, int line, Site site)
    {
        if (argument.Kind != NodeKind.List || argument.Items.Count != 2 || argument.Items[0].Kind != NodeKind.Text || argument.Items[0].Text.Length == 0)
        {
            return Fault(site, line, "Fn::Split takes a delimiter and a text", "Write Fn::Split: [DELIMITER, TEXT]");
        }

        Value text = Evaluate(argument.Items[1], site);
        if (text.Kind == ValueKind.Unknown)
        {
            return text;
        }

        return text.Kind != ValueKind.Text
            ? Fault(site, line, "Fn::Split takes a text", "Split a text, not a list")
            : Spend(site, line, text.Text.Length)
                ? Value.Of((IReadOnlyList<Value>)[.. text.Text.Split(argument.Items[0].Text).Select(t => Value.Of(t, line))], line)
                : Value.Unknown(line, null);
    }

    private Value Cidr(Node argument, int line, Site site)
    {
        Value arguments = Evaluate(argument, site);
        if (arguments.Kind == ValueKind.Unknown)
        {
            return arguments;
        }

        if (arguments.Kind != ValueKind.List || arguments.Items.Count is not (2 or 3))
        {
            return Fault(site, line, "Fn::Cidr takes a block, a count and the number of host bits", "Write Fn::Cidr: [BLOCK, COUNT, BITS]");
        }

        foreach (Value item in arguments.Items)
        {
            if (item.Kind != ValueKind.Text)
            {
                return item.Kind == ValueKind.Unknown ? item : Fault(site, line, "Fn::Cidr takes texts and numbers", "Write Fn::Cidr: [BLOCK, COUNT, BITS]");
            }
        }

        if (!IpPrefix.TryParse(arguments.Items[0].Text, out IpPrefix block))
        {
            return Fault(site, line, $"Fn::Cidr: '{SafeText.Line(arguments.Items[0].Text)}' is not a CIDR block", "Give a block like 10.0.0.0/16");
        }

        string bitsText = arguments.Items.Count == 3 ? arguments.Items[2].Text : block.IsIpv6 ? "64" : "8";
        if (!int.TryParse(arguments.Items[1].Text, NumberStyles.None, CultureInfo.InvariantCulture, out int count)
            || !int.TryParse(bitsText, NumberStyles.None, CultureInfo.InvariantCulture, out int bits)
            || count is < 1 or > 256 || bits < 1 || bits > block.Address.Bits)
        {
            return Fault(
                site,
                line,
                $"Fn::Cidr: count '{SafeText.Line(arguments.Items[1].Text)}' or host bits '{SafeText.Line(bitsText)}' is out of range",
                "Use a count of 1 to 256, and host bits (8 makes /24, 64 makes an IPv6 /64)");
        }

        int length = block.Address.Bits - bits;
        int spare = length - block.Length;
        if (spare < 0 || (spare < 9 && count > 1 << spare))
        {
            return Fault(
                site,
                line,
                string.Create(CultureInfo.InvariantCulture, $"Fn::Cidr: {block} does not hold {count} blocks of /{length}"),
                "Ask for fewer or smaller blocks");
        }

        List<Value> blocks = new(count);
        for (int i = 0; i < count; i++)
        {
            blocks.Add(Value.Of(new IpPrefix(Plus(block.Address, (ulong)i, bits), length).ToString(), line));
        }

        return Spend(site, line, count * 16) ? Value.Of(blocks, line) : Value.Unknown(line, null);
    }

    private static IpAddress Plus(IpAddress address, ulong n, int shift)
    {
        if (shift < 64)
        {
            // n is below 256; what it loses at the top of the low half belongs to the high half.
            IpAddress sum = address.Plus(n << shift);
            ulong over = shift > 56 ? n >> (64 - shift) : 0;
            return over == 0 || !address.IsIpv6 ? sum : IpAddress.V6(sum.High + over, sum.Low);
        }

        return IpAddress.V6(address.High + (n << (shift - 64)), address.Low);
    }

    private Value GetZones(Node argument, int line, Site site)
    {
        Value region = Evaluate(argument, site);
        if (region.Kind == ValueKind.Unknown)
        {
            return region;
        }

        if (region.Kind is ValueKind.Map or ValueKind.List)
        {
            return Fault(site, line, "Fn::GetAZs takes the name of a Region", "Write Fn::GetAZs: \"\" for the own Region");
        }

        string name = region.Text.Length == 0 ? Region : region.Text;
        return Value.Of((IReadOnlyList<Value>)[.. Zones.Select(z => Value.Of(name + z, line))], line);
    }

    private Value FindInMap(Node argument, int line, Site site)
    {
        if (argument.Kind != NodeKind.List || argument.Items.Count is not (3 or 4))
        {
            return Fault(site, line, "Fn::FindInMap takes a map and two keys", "Write Fn::FindInMap: [MAP, KEY, KEY]");
        }

        string[] keys = new string[3];
        for (int i = 0; i < 3; i++)
        {
            Value key = Evaluate(argument.Items[i], site);
            if (key.Kind == ValueKind.Unknown)
            {
                return key;
            }

            if (key.Kind != ValueKind.Text)
            {
                return Fault(site, line, "Fn::FindInMap takes texts as its keys", "Write Fn::FindInMap: [MAP, KEY, KEY]");
            }

            keys[i] = key.Text;
        }

        if (site.Template.Mappings.TryGetValue(keys[0], out Node? map)
            && MapOf(map).TryGetValue(keys[1], out Node? row) && row.Kind == NodeKind.Map
            && MapOf(row).TryGetValue(keys[2], out Node? found))
        {
            return Evaluate(found, site);
        }

        return argument.Items.Count == 4 && argument.Items[3]["DefaultValue"] is { } standard
            ? Evaluate(standard, site)
            : Fault(
                site,
                line,
                $"the mapping has no {SafeText.Line(keys[0])}.{SafeText.Line(keys[1])}.{SafeText.Line(keys[2])}",
                keys.Contains(Region) ? "Add the key, or give --parameter AWS::Region=REGION" : "Add the key, or a DefaultValue");
    }

    /// <summary>A map's members by name, made once for each map.</summary>
    private Dictionary<string, Node> MapOf(Node map)
    {
        if (!_maps.TryGetValue(map, out Dictionary<string, Node>? members))
        {
            members = new(StringComparer.Ordinal);
            foreach ((string key, Node member) in map.Members)
            {
                members.TryAdd(key, member);
            }

            _maps[map] = members;
        }

        return members;
    }

    private Value If(Node argument, int line, Site site)
    {
        if (argument.Kind != NodeKind.List || argument.Items.Count != 3)
        {
            return Fault(site, line, "Fn::If takes a condition and two values", "Write Fn::If: [CONDITION, VALUE, VALUE]");
        }

        Node condition = argument.Items[0];
        bool? holds = condition.Kind == NodeKind.Text ? Condition(site.Template, condition.Text, site, line) : Truth(condition, site);
        return holds is null ? Value.Unknown(line, null) : Evaluate(argument.Items[holds.Value ? 1 : 2], site);
    }

    private Value TruthValue(string name, Node argument, int line, Site site)
    {
        Node whole = new() { Kind = NodeKind.Map, Line = line, Members = [new(name, argument)] };
        return Truth(whole, site) is { } holds ? Value.Of(holds ? "true" : "false", line) : Value.Unknown(line, null);
    }

    private bool? Truth(Node node, Site site)
    {
        if (_depth >= MostDepth)
        {
            Fault(site, node.Line, "conditions are nested too deeply", "Break the chain of conditions");
            return null;
        }

        if (!Spend(site, node.Line, 0))
        {
            return null;
        }

        _depth++;
        try
        {
            if (node.Kind is NodeKind.Text or NodeKind.Boolean && node.Text is "true" or "false")
            {
                return node.Text == "true";
            }

            if (node.Kind == NodeKind.Map && node.Members.Count == 1)
            {
                (string name, Node argument) = node.Members[0];
                switch (name)
                {
                    case "Condition" when argument.Kind == NodeKind.Text:
                        return Condition(site.Template, argument.Text, site, node.Line);
                    case "Fn::Not" when argument.Kind == NodeKind.List && argument.Items.Count == 1:
                        return !Truth(argument.Items[0], site);
                    case "Fn::And" or "Fn::Or" when argument.Kind == NodeKind.List && argument.Items.Count > 0:
                        return Several(argument, name == "Fn::Or", site);
                    case "Fn::Equals" when argument.Kind == NodeKind.List && argument.Items.Count == 2:
                        return AreEqual(argument, site);
                    case "Fn::If" or "Ref" or "Fn::FindInMap":
                        Value value = Evaluate(node, site);
                        if (value.Kind == ValueKind.Text && value.Text is "true" or "false")
                        {
                            return value.Text == "true";
                        }

                        break;
                }
            }

            Fault(site, node.Line, "the condition is none that CloudFormation knows", "Use Fn::Equals, Fn::And, Fn::Or, Fn::Not or Condition");
            return null;
        }
        finally
        {
            _depth--;
        }
    }

    private bool? Several(Node argument, bool isOr, Site site)
    {
        bool? all = !isOr;
        foreach (Node item in argument.Items)
        {
            bool? one = Truth(item, site);
            if (one == isOr)
            {
                return isOr;
            }

            all = one is null ? null : all;
        }

        return all;
    }

    private bool? AreEqual(Node argument, Site site)
    {
        Value left = Evaluate(argument.Items[0], site);
        Value right = Evaluate(argument.Items[1], site);
        Value? unknown = left.Kind == ValueKind.Unknown ? left : right.Kind == ValueKind.Unknown ? right : null;
        if (unknown is null)
        {
            return Same(left, right, 0);
        }

        if (unknown.Why is not null)
        {
            Fault(site, argument.Line, unknown.Why, unknown.Mend);
        }

        return null;
    }

    private static bool Same(Value left, Value right, int depth)
    {
        if (left.Kind != right.Kind || left.Items.Count != right.Items.Count || left.Members.Count != right.Members.Count || left.Text != right.Text || depth > MostDepth)
        {
            return false;
        }

        for (int i = 0; i < left.Items.Count; i++)
        {
            if (!Same(left.Items[i], right.Items[i], depth + 1))
            {
                return false;
            }
        }

        for (int i = 0; i < left.Members.Count; i++)
        {
            if (left.Members[i].Key != right.Members[i].Key || !Same(left.Members[i].Value, right.Members[i].Value, depth + 1))
            {
                return false;
            }
        }

        return true;
    }

    private Value Import(Node argument, int line, Site site)
    {
        Value name = Evaluate(argument, site);
        if (name.Kind == ValueKind.Unknown)
        {
            return name;
        }

        if (name.Kind != ValueKind.Text)
        {
            return Fault(site, line, "Fn::ImportValue takes the name of an export", "Write Fn::ImportValue: NAME");
        }

        if (!Exports().TryGetValue(name.Text, out (Template Template, Node Value) export))
        {
            return new Value
            {
                Kind = ValueKind.Unknown,
                Line = line,
                Why = $"no given template exports '{SafeText.Line(name.Text)}'",
                Mend = "Give the template that exports it as a further -t",
                IsImport = true,
            };
        }

        if (!_inProgress.Add((export.Template, "Export " + name.Text)))
        {
            return Fault(site, line, $"the export '{SafeText.Line(name.Text)}' depends on itself", "Break the circle of imports");
        }

        try
        {
            return Evaluate(export.Value, new Site(export.Template, null, "Outputs"));
        }
        finally
        {
            _inProgress.Remove((export.Template, "Export " + name.Text));
        }
    }

    private Dictionary<string, (Template Template, Node Value)> Exports()
    {
        if (_exports is not null)
        {
            return _exports;
        }

        // Set before it is full: an export's name that imports something must not come back here.
        _exports = new(StringComparer.Ordinal);
        List<(string Name, Template Template, Node Value)> found = [];
        foreach (Template template in _templates)
        {
            foreach ((string name, Node output) in template.Outputs)
            {
                if (output["Export"]?["Name"] is not { } exportName || output["Value"] is not { } value)
                {
                    continue;
                }

                Site site = new(template, null, "Outputs." + name);
                bool exists = output["Condition"] is not { Kind: NodeKind.Text } condition
                    || Quietly(() => Condition(template, condition.Text, site, output.Line)) == true;
                Value text = Quietly(() => Evaluate(exportName, site));
                if (exists && text.Kind == ValueKind.Text)
                {
                    found.Add((text.Text, template, value));
                }
            }
        }

        foreach ((string name, Template template, Node value) in found)
        {
            if (!_exports.TryAdd(name, (template, value)))
            {
                _loud.Warn(
                    template.At(value.Line),
                    $"the export '{SafeText.Line(name)}' is given by {_exports[name].Template.File} too; that one is used",
                    "Give --topology only stacks of one Region, or rename the export");
            }
        }

        return _exports;
    }

    private Value Base64(Node argument, int line, Site site)
    {
        Value text = Evaluate(argument, site);
        return text.Kind switch
        {
            ValueKind.Unknown => text,
            ValueKind.Text => Text(Convert.ToBase64String(Encoding.UTF8.GetBytes(text.Text)), site, line),
            _ => Fault(site, line, "Fn::Base64 takes a text", "Write Fn::Base64: TEXT"),
        };
    }

    private Value Length(Node argument, int line, Site site)
    {
        Value list = Evaluate(argument, site);
        return list.Kind switch
        {
            ValueKind.Unknown => list,
            ValueKind.List => Value.Of(list.Items.Count.ToString(CultureInfo.InvariantCulture), line),
            _ => Fault(site, line, "Fn::Length takes a list", "Write Fn::Length: LIST"),
        };
    }
}
