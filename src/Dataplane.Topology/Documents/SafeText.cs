using System;

namespace Dataplane.Topology.Documents;

/// <summary>Text from a file, made fit for a message or a comment: one line of printable ASCII.</summary>
/// <remarks>Generated code shows rules in comments, faults go to terminals: neither may be steered by a name in a file.</remarks>
public static class SafeText
{
    /// <summary>Each character outside ' ' to '~' becomes '?'; what is longer than <paramref name="most"/> ends in "...".</summary>
    public static string Line(string text, int most = 120)
    {
        ArgumentNullException.ThrowIfNull(text);
        bool cut = text.Length > most;
        ReadOnlySpan<char> kept = cut ? text.AsSpan(0, most - 3) : text;
        if (!cut && kept.IndexOfAnyExceptInRange(' ', '~') < 0)
        {
            return text;
        }

        Span<char> safe = new char[kept.Length];
        for (int i = 0; i < kept.Length; i++)
        {
            safe[i] = kept[i] is >= ' ' and <= '~' ? kept[i] : '?';
        }

        return cut ? string.Concat(safe, "...") : safe.ToString();
    }

    /// <summary>A value inside a message: quoted, at most 80 characters.</summary>
    public static string Quote(string text) => $"'{Line(text, 80)}'";
}
