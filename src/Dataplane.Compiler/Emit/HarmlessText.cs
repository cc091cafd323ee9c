using System;
using System.Globalization;
using System.Text;

namespace Dataplane.Compiler.Emit;

/// <summary>Makes a name from an input file fit for a comment or a terminal: one line, printable, bounded.</summary>
public static class HarmlessText
{
    /// <summary>Characters of one name or line that are kept.</summary>
    public const int Longest = 160;

    /// <summary>
    /// The text with everything that could end a line, move the cursor or turn the reading direction replaced by '?', and cut after
    /// <see cref="Longest"/> characters.
    /// </summary>
    /// <remarks>Reads no more of the text than it keeps.</remarks>
    public static string Of(string text)
    {
        StringBuilder safe = new(Math.Min(text.Length, Longest));
        foreach (Rune rune in text.EnumerateRunes())
        {
            if (safe.Length + rune.Utf16SequenceLength > Longest - 3)
            {
                safe.Append("...");
                break;
            }

            switch (Rune.GetUnicodeCategory(rune))
            {
                case UnicodeCategory.SpaceSeparator:
                    safe.Append(' ');
                    break;

                // Rune.ReplacementChar stands for half of a surrogate pair.
                case UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator
                    or UnicodeCategory.PrivateUse or UnicodeCategory.Surrogate or UnicodeCategory.OtherNotAssigned
                    or UnicodeCategory.NonSpacingMark or UnicodeCategory.EnclosingMark:
                    safe.Append('?');
                    break;

                default:
                    safe.Append(rune == Rune.ReplacementChar ? "?" : rune.ToString());
                    break;
            }
        }

        return safe.ToString().Trim();
    }
}
