using System;
using System.IO;
using Dataplane.Reports;

namespace Dataplane.Cli;

/// <summary>Which format a file of records has: its extension says it.</summary>
internal static class RecordFiles
{
    /// <param name="path">A file, or - for standard output; null when it was not asked for.</param>
    /// <param name="option">The option's name, for messages.</param>
    /// <param name="csv">Whether these records exist as CSV.</param>
    /// <returns>JSON lines for standard output, devices and pipes, which have no extension.</returns>
    /// <exception cref="CommandException">The extension promises a format that is not written.</exception>
    internal static RecordFormat Format(string? path, string option, bool csv = true)
    {
        if (path is null or "-" || OutputFile.IsSpecial(Path.GetFullPath(path)))
        {
            return RecordFormat.JsonLines;
        }

        string extension = Path.GetExtension(path);
        bool Is(string known) => string.Equals(extension, known, StringComparison.OrdinalIgnoreCase);
        return Is(".jsonl") ? RecordFormat.JsonLines
            : csv && Is(".csv") ? RecordFormat.Csv
            : throw new CommandException(ExitCode.Usage,
                $"{option} {path}: {(extension.Length == 0 ? "no extension says the format" : $"records are not written as {extension}")}. Name the file .jsonl{(csv ? " or .csv" : "")}, or give - for JSON lines on standard output.");
    }
}
