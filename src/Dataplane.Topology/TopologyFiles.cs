using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using Dataplane.Topology.Documents;

namespace Dataplane.Topology;

/// <summary>Finds and reads the files of a topology: files as they are, folders searched for *.json.</summary>
/// <remarks>
/// Ordinal order of path, each file once. Bounded: 100,000 files, 1 GiB in all, folders 64 deep; a folder is entered once, so
/// links that form a loop are harmless.
/// </remarks>
internal sealed class TopologyFiles
{
    public const int MostFiles = 100_000;

    public const long MostBytes = 1L << 30;

    private const int MostDepth = 64;
    private const int LongestName = 400;

    private readonly FaultList _faults;
    private readonly List<SourceFile> _files = [];
    private readonly HashSet<string> _fromFolders = new(StringComparer.Ordinal);
    private readonly HashSet<string> _seen = new(StringComparer.Ordinal);
    private readonly HashSet<string> _names = new(StringComparer.Ordinal);
    private long _bytes;
    private bool _full;
    private bool _hasInput;

    private TopologyFiles(FaultList faults) => _faults = faults;

    /// <summary>The files that could be read, and the names of those that were found by searching a folder; the rest are faults.</summary>
    public static (List<SourceFile> Files, IReadOnlySet<string> Found) Read(IReadOnlyList<string> paths, FaultList faults)
    {
        TopologyFiles reader = new(faults);
        foreach (string path in paths)
        {
            reader.Path(path);
        }

        return (reader._files, reader._fromFolders);
    }

    private void Path(string path)
    {
        try
        {
            if (path == "-" && _hasInput)
            {
                _faults.Usage("-", "standard input can be read once", "Give - once");
            }
            else if (path == "-")
            {
                _hasInput = true;
                using Stream input = Console.OpenStandardInput();
                Content("-", input);
            }
            else if (Directory.Exists(path))
            {
                int before = _files.Count;
                Folder(path, path, RealPath(new DirectoryInfo(path)), 0);
                if (_files.Count == before && !_faults.HasErrors)
                {
                    _faults.Error(path, "the folder holds no *.json file", "Name the folder that holds the output of aws ec2 describe-*");
                }
            }
            else if (File.Exists(path))
            {
                One(path, path);
            }
            else
            {
                _faults.Error(path, "there is no such file or folder", "Check the path");
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            _faults.Error(path, $"it cannot be read ({SafeText.Line(e.Message)})", "Check the path and its permissions");
        }
    }

    private void Folder(string root, string path, string realPath, int depth)
    {
        if (_full || !_seen.Add(realPath + "/"))
        {
            return;
        }

        if (depth > MostDepth)
        {
            _faults.Error(path, $"the folder lies deeper than {MostDepth} levels", "Name a folder further down");
            return;
        }

        foreach (FileSystemInfo entry in new DirectoryInfo(path).EnumerateFileSystemInfos().OrderBy(e => e.Name, StringComparer.Ordinal))
        {
            string child = System.IO.Path.Combine(path, entry.Name);
            try
            {
                if (Directory.Exists(child))
                {
                    Folder(root, child, entry.LinkTarget is null ? System.IO.Path.Combine(realPath, entry.Name) : RealPath(entry), depth + 1);
                }
                else if (entry.Name.EndsWith(".json", StringComparison.OrdinalIgnoreCase) && File.Exists(child))
                {
                    One(child, System.IO.Path.GetRelativePath(root, child), isFound: true);
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                _faults.Error(child, $"it cannot be read ({SafeText.Line(e.Message)})", "Check its permissions");
            }
        }
    }

    private static string RealPath(FileSystemInfo entry) => entry.ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? entry.FullName.TrimEnd('/');

    private void One(string path, string name, bool isFound = false)
    {
        if (!_seen.Add(System.IO.Path.GetFullPath(path)))
        {
            return;
        }

        using FileStream input = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        string shown = Unique(SafeText.Line(name, LongestName), SafeText.Line(path, LongestName));
        if (isFound)
        {
            _fromFolders.Add(shown);
        }

        Content(shown, input);
    }

    /// <summary>A name that no file before has: those of two folders may be alike, and so may names that are shown without what a terminal should not get.</summary>
    private string Unique(string name, string path)
    {
        string unique = _names.Contains(name) ? path : name;
        for (int i = 2; !_names.Add(unique); i++)
        {
            unique = string.Create(CultureInfo.InvariantCulture, $"{path} ({i})");
        }

        return unique;
    }

    private void Content(string name, Stream input)
    {
        if (_full)
        {
            return;
        }

        // A file says how long it is, so that a large one is not copied while it is read; a pipe, and what a file grew by meanwhile, is read in steps.
        long expected = input.CanSeek ? Math.Min(input.Length, MostBytes) : 0;
        byte[] content = new byte[expected > 0 ? expected : 81_920];
        Span<byte> next = stackalloc byte[1];
        int length = 0;
        while (true)
        {
            int read = length < content.Length ? input.Read(content, length, content.Length - length) : input.Read(next);
            if (read == 0)
            {
                break;
            }

            if (length == content.Length)
            {
                Array.Resize(ref content, (int)Math.Min(content.Length * 2L, MostBytes + 1));
                content[length] = next[0];
            }

            length += read;
            if (_bytes + length > MostBytes)
            {
                _full = true;
                _faults.Error(name, $"the files hold more than {MostBytes} bytes in all", "Name fewer files");
                return;
            }
        }

        _bytes += length;
        if (_files.Count == MostFiles)
        {
            _full = true;
            _faults.Error(name, $"there are more than {MostFiles} files", "Name fewer files");
            return;
        }

        _files.Add(new SourceFile(name, length == content.Length ? content : content[..length]));
    }
}
