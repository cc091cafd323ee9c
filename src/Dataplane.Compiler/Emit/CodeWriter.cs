using System;
using System.Text;

namespace Dataplane.Compiler.Emit;

/// <summary>Writes C# line by line: four spaces a level, line feeds, nothing that depends on the machine.</summary>
/// <remarks>
/// Names from input files pass only through <see cref="Comment"/>, which makes them harmless and gives each a line of its own; all other
/// text is ours. So what is left without whole-line comments does not depend on any name.
/// </remarks>
internal sealed class CodeWriter
{
    /// <summary>Deeper text is a bug of the emitter; nothing in an input file can nest.</summary>
    public const int Deepest = 8;

    private readonly StringBuilder _text = new();
    private int _level;
    private bool _needsBlank;

    /// <summary>One line of code; an empty one is a blank line.</summary>
    public CodeWriter Line(string code = "")
    {
        if (code.Length == 0)
        {
            _needsBlank = true;
            return this;
        }

        Blank();
        _text.Append(' ', _level * 4).Append(code).Append('\n');
        return this;
    }

    public CodeWriter Open(string? code = null)
    {
        if (code is not null)
        {
            Line(code);
        }

        Line("{");
        if (++_level > Deepest)
        {
            throw new InvalidOperationException("generated code nests deeper than it may");
        }

        return this;
    }

    public CodeWriter Close(string end = "")
    {
        _level--;
        _needsBlank = false;
        return Line("}" + end);
    }

    /// <summary>Opens a collection expression that <see cref="CloseList"/> ends.</summary>
    public CodeWriter OpenList(string code)
    {
        Line(code).Line("[");
        _level++;
        return this;
    }

    public CodeWriter CloseList()
    {
        _level--;
        _needsBlank = false;
        return Line("];");
    }

    /// <summary>A comment line of our own words.</summary>
    public CodeWriter Note(string text) => Line("// " + text);

    /// <summary>A comment line that may hold names from input files; nothing for an empty text.</summary>
    public CodeWriter Comment(string before, string name, string after = "")
    {
        string safe = HarmlessText.Of(name);
        return before.Length + safe.Length + after.Length == 0 ? this : Line($"// {before}{safe}{after}".TrimEnd());
    }

    public override string ToString() => _text.ToString();

    private void Blank()
    {
        if (_needsBlank)
        {
            _text.Append('\n');
            _needsBlank = false;
        }
    }
}
