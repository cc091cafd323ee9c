// An output is written beside its final name and renamed when it is whole, so that a full disk or a crash leaves no half file where an old one was.
// Standard output, devices and pipes are written as they are.

using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;

namespace Dataplane.Cli;

/// <summary>One output of a command: a file, or standard output for <c>-</c>.</summary>
internal sealed class OutputFile : IDisposable
{
    private readonly string? _temporary;
    private bool _done;

    private OutputFile(string path, string? temporary, Stream stream)
    {
        Path = path;
        _temporary = temporary;
        Stream = stream;
    }

    internal string Path { get; }

    internal Stream Stream { get; }

    internal bool IsStandardOutput => Path == "-";

    /// <param name="path">A path, or - for standard output.</param>
    /// <param name="option">The option's name, for messages.</param>
    /// <param name="inputs">Files that are read: an output never goes over one of them.</param>
    /// <param name="inPlace">It is written under its own name, not under another one until it is complete.</param>
    /// <exception cref="CommandException">It cannot be written.</exception>
    internal static OutputFile Open(string path, string option, IEnumerable<string> inputs, bool inPlace = false)
    {
        if (path == "-")
        {
            return new OutputFile(path, null, Console.OpenStandardOutput());
        }

        string full = System.IO.Path.GetFullPath(path);
        if (inputs.Any(input => input != "-" && string.Equals(System.IO.Path.GetFullPath(input), full, StringComparison.Ordinal)))
        {
            throw new CommandException(ExitCode.Usage, $"{option} {path}: this file is an input. Name another file for the output.");
        }

        try
        {
            if (Directory.Exists(full))
            {
                throw new CommandException(ExitCode.System, $"{option} {path}: this is a folder. Name a file in it.");
            }

            bool special = File.Exists(full) && (File.GetAttributes(full) & (FileAttributes.Device | FileAttributes.ReparsePoint)) != 0;
            if (special || IsSpecial(full))
            {
                return new OutputFile(path, null, new FileStream(full, FileMode.Open, FileAccess.Write, FileShare.ReadWrite, 1));
            }

            if (inPlace)
            {
                return new OutputFile(full, null, new FileStream(full, FileMode.Create, FileAccess.Write, FileShare.Read, 1));
            }

            string temporary = $"{full}.{Environment.ProcessId}.part";
            return new OutputFile(full, temporary, new FileStream(temporary, FileMode.Create, FileAccess.Write, FileShare.Read, 1));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandException(ExitCode.System, $"{option} {path}: {Sentence(e.Message)} Choose a place that can be written.");
        }
    }

    /// <summary>Everything was written: the file takes its name.</summary>
    internal void Complete()
    {
        Stream.Flush();
        if (_temporary is not null)
        {
            Stream.Dispose();
            File.Move(_temporary, Path, true);
        }

        _done = true;
    }

    public void Dispose()
    {
        if (IsStandardOutput)
        {
            return;
        }

        Stream.Dispose();
        if (!_done && _temporary is not null)
        {
            File.Delete(_temporary);
        }
    }

    internal static string Sentence(string message) => message.EndsWith('.') ? message : message + ".";

    /// <summary>Devices are no files that a rename may replace.</summary>
    internal static bool IsSpecial(string full) =>
        full.StartsWith("/dev/", StringComparison.Ordinal) || full.StartsWith("/proc/", StringComparison.Ordinal);
}
