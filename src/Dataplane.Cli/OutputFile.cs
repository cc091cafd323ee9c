// An output is written beside its final name and renamed when it is whole, so that a full disk or a crash leaves no half file where an old one was.
// Standard output, devices and pipes are written as they are. So is a file of a live run, which is read while it grows: opened before anything else is done, emptied when
// all that can be checked was, and cut back to its last whole record when its disk is full.

using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using Dataplane.Capture;

namespace Dataplane.Cli;

/// <summary>One output of a command: a file, or standard output for <c>-</c>.</summary>
internal sealed class OutputFile : IDisposable
{
    private readonly string? _temporary;
    private readonly bool _inPlace;
    private readonly bool _isNew;
    private long _kept;
    private bool _hasBegun;
    private bool _done;

    private OutputFile(string option, string path, string? temporary, Stream stream, bool inPlace = false, bool isNew = false)
    {
        Option = option;
        Path = path;
        _temporary = temporary;
        _inPlace = inPlace;
        _isNew = isNew;
        Stream = stream;
    }

    /// <summary>The option that asked for it, for messages.</summary>
    internal string Option { get; }

    internal string Path { get; }

    internal Stream Stream { get; }

    internal bool IsStandardOutput => Path == "-";

    /// <summary>It could not be written, and nothing more is.</summary>
    internal bool HasFailed { get; private set; }

    /// <summary>Whether a file is an input, or one of those that are read of a folder; under whatever name.</summary>
    private static bool IsInput(string input, string full)
    {
        if (string.Equals(System.IO.Path.GetFullPath(input), full, StringComparison.Ordinal))
        {
            return true;
        }

        if (IsSpecial(full) || FileIdentity.Of(full) is not { } output)
        {
            return false;
        }

        try
        {
            return Directory.Exists(input)
                ? Directory.EnumerateFiles(input, "*.json", SearchOption.AllDirectories).Any(file => FileIdentity.Of(file) == output)
                : FileIdentity.Of(input) == output;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;    // reading it says what is wrong
        }
    }

    /// <param name="path">A path, or - for standard output.</param>
    /// <param name="option">The option's name, for messages.</param>
    /// <param name="inputs">Files that are read: an output never goes over one of them.</param>
    /// <param name="inPlace">It is written under its own name, not under another one until it is complete; what stands there stays until <see cref="Begin"/>.</param>
    /// <exception cref="CommandException">It cannot be written.</exception>
    internal static OutputFile Open(string path, string option, IEnumerable<string> inputs, bool inPlace = false)
    {
        if (path == "-")
        {
            return new OutputFile(option, path, null, new NamedStream(StandardOutput.Open(), $"{option} -"));
        }

        string full = System.IO.Path.GetFullPath(path);
        NamedStream Named(FileStream stream) => new(stream, $"{option} {path}", stream.Name);
        if (inputs.Any(input => input != "-" && IsInput(input, full)))
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
                return new OutputFile(option, path, null, Named(new FileStream(full, FileMode.Open, FileAccess.Write, FileShare.ReadWrite, 1)));
            }

            if (inPlace)
            {
                bool isNew = !File.Exists(full);
                return new OutputFile(option, full, null, Named(new FileStream(full, FileMode.OpenOrCreate, FileAccess.Write, FileShare.Read, 1)), inPlace, isNew);
            }

            string temporary = $"{full}.{Environment.ProcessId}.part";
            return new OutputFile(option, full, temporary, Named(new FileStream(temporary, FileMode.Create, FileAccess.Write, FileShare.Read, 1)));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            string what = e.Message.Replace($".{Environment.ProcessId}.part", "", StringComparison.Ordinal);
            throw new CommandException(ExitCode.System, $"{option} {path}: {Sentence(what)} Choose a place that can be written.");
        }
    }

    /// <summary>From here on it is written: a file in place loses what stood in it.</summary>
    internal void Begin()
    {
        _hasBegun = true;
        if (_inPlace && Stream.CanSeek)
        {
            Stream.SetLength(0);
        }
    }

    /// <summary>What was written so far is whole records.</summary>
    internal void Keep() => _kept = _inPlace && Stream.CanSeek ? Stream.Position : 0;

    /// <summary>It cannot be written any more: what is more than whole records goes.</summary>
    internal void GiveUp()
    {
        HasFailed = true;
        if (_inPlace && Stream.CanSeek)
        {
            try
            {
                Stream.SetLength(_kept);
            }
            catch (IOException)
            {
                // Then its last record is a part of one.
            }
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

        if (_isNew && !_hasBegun)
        {
            File.Delete(Path);    // the command did not come to it
        }
    }

    internal static string Sentence(string message) => message.EndsWith('.') ? message : message + ".";

    /// <summary>Devices are no files that a rename may replace.</summary>
    internal static bool IsSpecial(string full) =>
        full.StartsWith("/dev/", StringComparison.Ordinal) || full.StartsWith("/proc/", StringComparison.Ordinal);
}
