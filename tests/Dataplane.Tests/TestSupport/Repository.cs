using System;
using System.IO;

namespace Dataplane.Tests.TestSupport;

/// <summary>Where this checkout is: the folder above the test program that holds Dataplane.sln.</summary>
internal static class Repository
{
    public static string Root { get; } = Find();

    /// <summary>A path below the root.</summary>
    public static string At(string relative) => Path.Combine(Root, relative);

    public static string Captures => Path.Combine(Root, "captures");

    private static string Find()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Dataplane.sln")))
            {
                return folder.FullName;
            }
        }

        throw new InvalidOperationException($"there is no Dataplane.sln above {AppContext.BaseDirectory}");
    }
}
