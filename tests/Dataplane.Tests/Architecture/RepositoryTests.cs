using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using Dataplane.Tests.TestSupport;
using Xunit;

namespace Dataplane.Tests.Architecture;

/// <summary>A checkout works anywhere: no file of it, text or capture, names a place that only one machine has.</summary>
public sealed class RepositoryTests
{
    // In two pieces each, so that this file does not name them either.
    private static readonly string[] Names =
    [
        "/wo" + "rk/", "/ro" + "ot/", "/home/" + "runner/", "nuget" + ".config", "api.nuget" + ".org", "www.nuget" + ".org", "registry.npm" + "js.org", "pypi" + ".org", "proxy.golang" + ".org",
    ];

    [Fact]
    public void No_file_names_a_path_of_a_machine_or_a_package_registry()
    {
        List<string> found = [];
        int read = 0;
        foreach (string file in Files(new DirectoryInfo(Repository.Root)))
        {
            // One character a byte: finds ASCII names in text and captures alike.
            string path = Path.GetRelativePath(Repository.Root, file).Replace('\\', '/');
            string content = path + "\n" + Encoding.Latin1.GetString(File.ReadAllBytes(file));
            found.AddRange(Names.Where(n => content.Contains(n, StringComparison.OrdinalIgnoreCase)).Select(n => $"{path}: {n}"));
            read++;
        }

        Assert.True(found.Count == 0, string.Join('\n', found));
        Assert.InRange(read, 100, 100_000);
    }

    /// <summary>All files but those of folders that .gitignore names and git's own.</summary>
    private static IEnumerable<string> Files(DirectoryInfo root)
    {
        HashSet<string> skipped = [".git", .. File.ReadLines(Path.Combine(root.FullName, ".gitignore")).Where(l => l.EndsWith('/')).Select(l => l.TrimEnd('/'))];
        Stack<DirectoryInfo> folders = new([root]);
        while (folders.TryPop(out DirectoryInfo? folder))
        {
            foreach (FileSystemInfo entry in folder.EnumerateFileSystemInfos())
            {
                if (skipped.Contains(entry.Name))
                {
                    continue;
                }

                if (entry is DirectoryInfo inner)
                {
                    folders.Push(inner);
                }
                else
                {
                    yield return entry.FullName;
                }
            }
        }
    }
}
