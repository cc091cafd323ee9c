using System;
using System.Linq;

namespace Dataplane.Cli;

/// <summary>Words for a POSIX shell, so that a printed command can be pasted.</summary>
internal static class Shell
{
    internal static string Quote(string word) =>
        word.Length > 0 && word.All(c => char.IsAsciiLetterOrDigit(c) || "-_./:=@%+,".Contains(c, StringComparison.Ordinal))
            ? word
            : "'" + word.Replace("'", "'\\''", StringComparison.Ordinal) + "'";
}
