using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;

namespace Dataplane.LiveTests.Lab;

/// <summary>What a machine must have for live tests.</summary>
internal static class Requirements
{
    private const string Kernel = "Linux ";

    private static readonly string[] Always = ["ip", "ethtool"];

    private static readonly Lazy<string?> Namespaces = new(WhyNoNamespaces);

    /// <summary>Why a test cannot run here; null when it can.</summary>
    /// <param name="tools">Programs; <c>Linux 6.8</c> asks for that kernel or a later one.</param>
    internal static string? Missing(IReadOnlyCollection<string> tools)
    {
        if (!OperatingSystem.IsLinux())
        {
            return "network namespaces are of Linux only";
        }

        if (!Environment.IsPrivilegedProcess)
        {
            return "network namespaces need root: run the tests as root";
        }

        string? linux = tools.FirstOrDefault(t => t.StartsWith(Kernel, StringComparison.Ordinal));
        if (linux is not null && Environment.OSVersion.Version < Version.Parse(linux[Kernel.Length..]))
        {
            return $"it needs Linux {linux[Kernel.Length..]}, and this is {Environment.OSVersion.Version}";
        }

        string[] missing = [.. Always.Concat(tools.Where(t => t != linux)).Where(t => Find(t) is null)];
        return missing.Length > 0 ? $"not installed: {string.Join(", ", missing)}" : Namespaces.Value;
    }

    /// <summary>The file of a program; null when it is not installed.</summary>
    internal static string? Find(string tool) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Concat(["/usr/sbin", "/sbin"]).Where(f => f.Length > 0)
            .Select(folder => Path.Combine(folder, tool)).FirstOrDefault(File.Exists);

    private static string? WhyNoNamespaces()
    {
        string name = $"{NamespaceLab.Prefix}probe";
        CommandResult added = Command.Run(Find("ip")!, ["netns", "add", name]);
        if (!added.Succeeded)
        {
            return $"network namespaces cannot be made here: {added.Errors.Trim()}";
        }

        Command.Run(Find("ip")!, ["netns", "del", name]);
        return null;
    }
}
