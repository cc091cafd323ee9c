using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using Spectre.Console;

namespace Dataplane.Cli;

/// <summary>Text for a person: wrapped at words, columns aligned, styled where a terminal shows it, without spaces at the ends of lines.</summary>
/// <remarks>Everything that comes from files is made harmless here, so that no name can steer a terminal.</remarks>
internal sealed class Page
{
    private const int NoWrapping = 100_000;

    private readonly TextWriter _writer;
    private readonly IAnsiConsole _screen;
    private readonly int _width;

    internal Page(TextWriter writer)
    {
        _writer = writer;
        _screen = Voice.Screen(writer);
        _width = _screen.Profile.Width;
        _screen.Profile.Width = NoWrapping;    // lines are wrapped here, so that commands can stay whole
    }

    internal void Blank() => _writer.WriteLine();

    /// <summary>One line that is never wrapped.</summary>
    internal void Line(string text, string? style = null)
    {
        string safe = Voice.Harmless(text).TrimEnd();
        if (style is null)
        {
            _writer.WriteLine(safe);
        }
        else
        {
            _writer.Flush();
            _screen.Write(new Text(safe, Style.Parse(style)));
            _writer.WriteLine();
        }
    }

    internal void Heading(string text)
    {
        Blank();
        Line(text, "bold");
    }

    /// <summary>A paragraph: its first line begins with <paramref name="label"/> padded to <paramref name="indent"/>, the others with spaces.</summary>
    internal void Paragraph(int indent, string label, string text, string? style = null)
    {
        string safe = Voice.Harmless(text);
        string begin = label.PadRight(indent);
        foreach (string line in Wrap(safe, Math.Max(20, _width - indent)))
        {
            Line(begin + line, style);
            begin = new string(' ', indent);
        }
    }

    /// <summary>Rows of columns; a column whose cells are numbers is right-aligned by the caller's choice.</summary>
    internal void Table(int indent, IReadOnlyList<string[]> rows, string rightAligned, IReadOnlyList<string?>? styles = null)
    {
        int columns = rows.Max(r => r.Length);
        int[] widths = [.. Enumerable.Range(0, columns).Select(c => rows.Where(r => c < r.Length).Max(r => Voice.Harmless(r[c]).Length))];
        for (int i = 0; i < rows.Count; i++)
        {
            string line = new(' ', indent);
            for (int c = 0; c < rows[i].Length; c++)
            {
                string cell = Voice.Harmless(rows[i][c]);
                line += (c == 0 ? "" : "  ") + (rightAligned[c] == 'r' ? cell.PadLeft(widths[c]) : cell.PadRight(widths[c]));
            }

            Line(line, styles?[i]);
        }
    }

    /// <summary>Lines of at most <paramref name="width"/> characters, broken at spaces; a longer word stands alone.</summary>
    internal static IEnumerable<string> Wrap(string text, int width)
    {
        string line = "";
        foreach (string word in text.Split(' '))
        {
            if (line.Length > 0 && line.Length + 1 + word.Length > width)
            {
                yield return line;
                line = word;
            }
            else
            {
                line = line.Length == 0 ? word : line + " " + word;
            }
        }

        yield return line;
    }
}
