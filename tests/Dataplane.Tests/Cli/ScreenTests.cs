using System;
using System.IO;
using System.Text.RegularExpressions;
using Dataplane.Tests.TestSupport;
using Xunit;

namespace Dataplane.Tests.Cli;

/// <summary>What a person sees, word for word. DATAPLANE_UPDATE_GOLDEN=1 rewrites the files: look at the difference.</summary>
public sealed partial class ScreenTests
{
    [Theory]
    [InlineData("three-tier-web.txt", "replay", "-t", "captures/three-tier.yaml", "captures/three-tier-web.pcapng")]
    [InlineData("classic-mistakes.txt", "replay", "-t", "captures/classic-mistakes.yaml", "captures/classic-mistakes.pcapng")]
    [InlineData("trace-allowed.txt", "trace", "-t", "captures/three-tier.yaml", "--from", "internet", "--to", "Web", "--port", "80")]
    [InlineData("trace-denied.txt", "trace", "-t", "captures/three-tier.yaml", "--from", "internet", "--to", "Web", "--port", "22")]
    public void A_screen_is_as_it_was_looked_at(string golden, params string[] arguments)
    {
        string path = Repository.At("tests/Dataplane.Tests/Golden/screens/" + golden);
        string said = Speed().Replace(DataplaneProgram.Run(arguments).Output, " packets, TIME");
        if (Environment.GetEnvironmentVariable("DATAPLANE_UPDATE_GOLDEN") == "1")
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, said);
        }

        Assert.Equal(File.ReadAllText(path), said);
    }

    [Fact]
    public void The_readme_shows_what_the_first_command_prints()
    {
        string readme = File.ReadAllText(Repository.At("README.md"));
        string shown = Speed().Replace(readme.Split("<!-- main output -->")[1].Split("```")[1], " packets, TIME");
        string printed = File.ReadAllText(Repository.At("tests/Dataplane.Tests/Golden/screens/three-tier-web.txt"));
        foreach (string part in shown.Split("  ...\n", StringSplitOptions.RemoveEmptyEntries))
        {
            Assert.Contains(part.Trim('\n'), printed, StringComparison.Ordinal);
        }
    }

    [GeneratedRegex(@" packets, \d+\.\d\d s \([0-9.]+ ?[kM]?/s\)", RegexOptions.NonBacktracking)]
    private static partial Regex Speed();
}
