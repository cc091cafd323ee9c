using System.Collections.Generic;
using System.Globalization;
using Dataplane.Topology.Documents;

namespace Dataplane.Topology.CloudFormation;

/// <summary>Properties of a resource, or of a part of one, read by name and kind.</summary>
/// <remarks>
/// A property is evaluated when it is read. What cannot be known, or has another kind than asked for, is reported with file, line, resource and property,
/// and reads as absent.
/// </remarks>
internal sealed class PropertyBag
{
    private readonly Evaluator _evaluator;
    private readonly FaultList _faults;
    private readonly Site _site;
    private readonly Node? _node;
    private readonly Value? _value;

    private PropertyBag(Evaluator evaluator, FaultList faults, Site site, Node? node, Value? value)
    {
        _evaluator = evaluator;
        _faults = faults;
        _site = site;
        _node = node;
        _value = value;
    }

    public static PropertyBag Of(TemplateResource resource, Evaluator evaluator, FaultList faults) =>
        new(evaluator, faults, new Site(resource.Template, resource, ""), resource.Properties, null);

    public TemplateResource Resource => _site.Resource!;

    /// <summary>file:line, id of this part.</summary>
    public string Where => _value is null ? Resource.Where : _site.Where(_value.Line);

    /// <summary>The value as it is, Unknown included.</summary>
    public Value Get(string name)
    {
        if (_value is not null)
        {
            return _value[name] ?? Value.None(_value.Line);
        }

        return _node?[name] is { } node ? _evaluator.Evaluate(node, _site.At(PathOf(name))) : Value.None(Resource.Line);
    }

    public bool Has(string name) => !Get(name).IsNone;

    public string? Text(string name) => TextOf(Get(name), PathOf(name));

    /// <summary>A text that has to be there.</summary>
    public string? Required(string name)
    {
        Value value = Get(name);
        if (!value.IsNone)
        {
            return TextOf(value, PathOf(name));
        }

        Error(Where, PathOf(name), "is missing", $"Give {name}");
        return null;
    }

    public int? Int(string name) => IntOf(Get(name), PathOf(name));

    public bool? Bool(string name)
    {
        string? text = Text(name);
        if (text is null)
        {
            return null;
        }

        // CloudFormation reads templates as YAML 1.1, where these are truth values, too.
        switch (text.ToUpperInvariant())
        {
            case "TRUE" or "YES" or "ON":
                return true;
            case "FALSE" or "NO" or "OFF":
                return false;
            default:
                Error(Where, PathOf(name), $"'{SafeText.Line(text)}' is neither true nor false", "Write true or false");
                return null;
        }
    }

    /// <summary>The texts of a list; a single text counts as a list of one.</summary>
    public List<string> Texts(string name)
    {
        Value value = Get(name);
        List<string> texts = [];
        if (value.Kind == ValueKind.List)
        {
            for (int i = 0; i < value.Items.Count; i++)
            {
                // A list inside the list is what a Ref to a list parameter leaves there.
                if (value.Items[i].Kind == ValueKind.List)
                {
                    foreach (Value inner in value.Items[i].Items)
                    {
                        Add(inner, i);
                    }
                }
                else
                {
                    Add(value.Items[i], i);
                }
            }
        }
        else if (TextOf(value, PathOf(name)) is { } single)
        {
            texts.Add(single);
        }

        return texts;

        void Add(Value item, int i)
        {
            if (TextOf(item, string.Create(CultureInfo.InvariantCulture, $"{PathOf(name)}[{i}]")) is { } text)
            {
                texts.Add(text);
            }
        }
    }

    /// <summary>The maps of a list; a single map counts as a list of one.</summary>
    public IEnumerable<PropertyBag> Bags(string name)
    {
        Value value = Get(name);
        if (value.Kind == ValueKind.Map)
        {
            yield return Part(value, PathOf(name));
            yield break;
        }

        if (value.Kind != ValueKind.List)
        {
            if (!value.IsNone)
            {
                Report(value, PathOf(name), "a list");
            }

            yield break;
        }

        for (int i = 0; i < value.Items.Count; i++)
        {
            string path = string.Create(CultureInfo.InvariantCulture, $"{PathOf(name)}[{i}]");
            foreach (Value item in value.Items[i].Kind == ValueKind.List ? value.Items[i].Items : [value.Items[i]])
            {
                if (item.Kind == ValueKind.Map)
                {
                    yield return Part(item, path);
                }
                else if (!item.IsNone)
                {
                    Report(item, path, "a map");
                }
            }
        }
    }

    /// <summary>A map, or null.</summary>
    public PropertyBag? Bag(string name)
    {
        Value value = Get(name);
        if (value.Kind == ValueKind.Map)
        {
            return Part(value, PathOf(name));
        }

        if (!value.IsNone)
        {
            Report(value, PathOf(name), "a map");
        }

        return null;
    }

    public int? IntOf(Value value, string path)
    {
        string? text = TextOf(value, path);
        if (text is null)
        {
            return null;
        }

        if (int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int number))
        {
            return number;
        }

        Error(_site.Where(value.Line), path, $"'{SafeText.Line(text)}' is not a whole number", "Write a number");
        return null;
    }

    public void Error(string name, string what, string mend) => Error(Where, PathOf(name), what, mend);

    public string PathOf(string name) => _site.Path.Length == 0 ? name : _site.Path + "." + name;

    /// <summary>Says why a value is not what was asked for.</summary>
    public void Report(Value value, string path, string wanted)
    {
        if (value.Kind != ValueKind.Unknown)
        {
            Error(_site.Where(value.Line), path, $"is not {wanted}", $"Write {wanted}");
        }
        else if (value.Why is not null)
        {
            Error(_site.Where(value.Line), path, value.Why, value.Mend);
        }
    }

    private PropertyBag Part(Value value, string path) => new(_evaluator, _faults, _site.At(path), null, value);

    private string? TextOf(Value value, string path)
    {
        if (value.Kind == ValueKind.Text)
        {
            return value.Text;
        }

        if (!value.IsNone)
        {
            Report(value, path, "text");
        }

        return null;
    }

    private void Error(string where, string path, string what, string mend) => _faults.Error(where, $"property {SafeText.Line(path, 120)}: {what}", mend);
}
