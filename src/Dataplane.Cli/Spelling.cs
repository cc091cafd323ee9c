using System;
using System.Collections.Generic;
using System.CommandLine;
using System.CommandLine.Parsing;
using System.Linq;

namespace Dataplane.Cli;

/// <summary>What a mistyped command or option may have meant.</summary>
internal static class Spelling
{
    /// <summary>Longer words are no typing errors of ours; it bounds the comparison.</summary>
    private const int LongestWord = 32;

    /// <summary>The names that come near to words the parser could not place, in the order of the words.</summary>
    internal static IEnumerable<string> Meant(ParseResult parsed)
    {
        Command command = parsed.CommandResult.Command;
        List<string> options = [], commands = [.. command.Subcommands.Select(c => c.Name)];
        for (SymbolResult? level = parsed.CommandResult; level is not null; level = level.Parent)
        {
            if (level is CommandResult at)
            {
                options.AddRange(at.Command.Options.Where(o => at.Command == command || o.Recursive).SelectMany(o => o.Aliases.Append(o.Name)).Where(n => n.StartsWith("--", StringComparison.Ordinal)));
            }
        }

        IEnumerable<string> odd = parsed.UnmatchedTokens.Concat(parsed.CommandResult.Tokens.Select(t => t.Value).Where(v => v.StartsWith("--", StringComparison.Ordinal)));
        return odd.Distinct().Select(word => Nearest(word, word.StartsWith('-') ? options : commands)).OfType<string>().Distinct();
    }

    /// <summary>The name with the fewest typing errors between it and the word; null when more than a third of the word would be wrong.</summary>
    internal static string? Nearest(string word, IEnumerable<string> names)
    {
        if (word.Length > LongestWord)
        {
            return null;
        }

        int most = Math.Max(1, word.Trim('-').Length / 3);
        return names.Select(name => (Name: name, Errors: Errors(word, name)))
            .Where(n => n.Errors <= most)
            .OrderBy(n => n.Errors).ThenBy(n => n.Name, StringComparer.Ordinal)
            .Select(n => n.Name).FirstOrDefault();
    }

    /// <summary>Letters put in, left out, replaced, or swapped with their neighbour.</summary>
    private static int Errors(string a, string b)
    {
        int[,] d = new int[a.Length + 1, b.Length + 1];
        for (int i = 0; i <= a.Length; i++)
        {
            for (int j = 0; j <= b.Length; j++)
            {
                if (i == 0 || j == 0)
                {
                    d[i, j] = i + j;
                    continue;
                }

                d[i, j] = Math.Min(Math.Min(d[i - 1, j], d[i, j - 1]) + 1, d[i - 1, j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1));
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                {
                    d[i, j] = Math.Min(d[i, j], d[i - 2, j - 2] + 1);
                }
            }
        }

        return d[a.Length, b.Length];
    }
}
