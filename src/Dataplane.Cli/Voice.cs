using System;
using System.Collections.Generic;
using System.IO;
using System.Text;
using Spectre.Console;

namespace Dataplane.Cli;

/// <summary>Everything that is said to a person on standard error, and the terminal that results are drawn on.</summary>
internal sealed class Voice
{
    private const int NarrowestWidth = 80;
    private const int WidthWithoutTerminal = 100;
    private const int WidestWidth = 160;

    private readonly HashSet<string> _warned = new(StringComparer.Ordinal);

    internal Voice(bool quiet, bool verbose)
    {
        Quiet = quiet;
        Verbose = verbose;
    }

    internal bool Quiet { get; }

    internal bool Verbose { get; }

    /// <summary>Standard error is a terminal that a person watches.</summary>
    internal static bool IsInteractive => !Console.IsErrorRedirected;

    internal static bool Colour => IsInteractive && !Console.IsOutputRedirected && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"));

    internal void Say(string message)
    {
        if (!Quiet)
        {
            Write(Harmless(message) + Environment.NewLine);
        }
    }

    internal void Explain(string message)
    {
        if (Verbose && !Quiet)
        {
            Write(Harmless(message) + Environment.NewLine);
        }
    }

    /// <summary>A warning that a person is to see whether or not there is a screen.</summary>
    internal void Warn(string warning)
    {
        if (!Quiet && _warned.Add(warning))
        {
            Say($"warning: {warning}");
        }
    }

    /// <summary>A warning that a screen shows too: said with -v only. Each warning is said once.</summary>
    internal void ExplainWarning(string warning)
    {
        if (Verbose)
        {
            Warn(warning);
        }
    }

    /// <summary>Errors are said even when quiet.</summary>
    internal static void Error(string message) => Write(Harmless(message) + Environment.NewLine);

    /// <summary>Writes to standard error. That its terminal was closed or its disk is full is no reason to stop what the command does.</summary>
    internal static void Write(string text)
    {
        try
        {
            Console.Error.Write(text);
        }
        catch (IOException)
        {
            // There is nowhere to say it.
        }
    }

    /// <summary>A terminal to draw results on: colour only where a person watches.</summary>
    internal static IAnsiConsole Screen(TextWriter writer)
    {
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = Colour ? AnsiSupport.Yes : AnsiSupport.No,
            ColorSystem = Colour ? ColorSystemSupport.Standard : ColorSystemSupport.NoColors,
            Interactive = InteractionSupport.No,
            Out = new AnsiConsoleOutput(writer),
        });
        console.Profile.Width = Width();
        return console;
    }

    /// <summary>Text from files must not steer a terminal: control and format characters become visible.</summary>
    internal static string Harmless(string text)
    {
        StringBuilder? safe = null;
        for (int i = 0; i < text.Length; i++)
        {
            char c = text[i];
            bool bad = (char.IsControl(c) && c is not ('\n' or '\t')) || char.GetUnicodeCategory(c) is System.Globalization.UnicodeCategory.Format
                or System.Globalization.UnicodeCategory.LineSeparator or System.Globalization.UnicodeCategory.ParagraphSeparator;
            if (bad && safe is null)
            {
                safe = new StringBuilder(text, 0, i, text.Length + 16);
            }

            if (bad)
            {
                safe!.Append("\\u").Append(((int)c).ToString("x4", System.Globalization.CultureInfo.InvariantCulture));
            }
            else
            {
                safe?.Append(c);
            }
        }

        return safe?.ToString() ?? text;
    }

    private static int Width()
    {
        if (Console.IsOutputRedirected)
        {
            return WidthWithoutTerminal;
        }

        try
        {
            return Math.Clamp(Console.WindowWidth, NarrowestWidth, WidestWidth);
        }
        catch (IOException)
        {
            return WidthWithoutTerminal;
        }
    }
}
