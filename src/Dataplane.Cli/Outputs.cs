using System;
using System.Collections.Generic;
using System.Linq;

namespace Dataplane.Cli;

/// <summary>The output files of a command: all take their names together, when everything was written.</summary>
/// <param name="inPlace">Files stand under their names from the start: who runs for days is read meanwhile.</param>
internal sealed class Outputs(IReadOnlyList<string> inputs, bool inPlace = false) : IDisposable
{
    private readonly List<OutputFile> _files = [];

    internal bool UsesStandardOutput => _files.Exists(f => f.IsStandardOutput);

    /// <exception cref="CommandException">It cannot be written, or is an input.</exception>
    internal OutputFile? Open(string? path, string option)
    {
        if (path is null)
        {
            return null;
        }

        OutputFile file = OutputFile.Open(path, option, inputs, inPlace);
        _files.Add(file);
        return file;
    }

    /// <exception cref="CommandException">Two outputs go to the same place.</exception>
    internal void OneStandardOutput()
    {
        if (_files.GroupBy(f => f.Path, StringComparer.Ordinal).FirstOrDefault(g => g.Count() > 1 && !g.Key.StartsWith("/dev/", StringComparison.Ordinal)) is { } twice)
        {
            throw new CommandException(ExitCode.Usage, $"{twice.Key}: two outputs go there. Give each its own file.");
        }
    }

    /// <summary>Files in place lose what stood in them.</summary>
    internal void Begin() => _files.ForEach(file => file.Begin());

    internal void Complete()
    {
        foreach (OutputFile file in _files)
        {
            file.Complete();
        }
    }

    public void Dispose()
    {
        foreach (OutputFile file in _files)
        {
            file.Dispose();
        }
    }
}
