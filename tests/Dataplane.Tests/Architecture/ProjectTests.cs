using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Xml;
using System.Xml.Linq;
using Dataplane.Tests.TestSupport;
using Xunit;

namespace Dataplane.Tests.Architecture;

/// <summary>The arrows between projects and the packages that they take, as their files say.</summary>
public sealed class ProjectTests
{
    /// <summary>Each project of src, and the projects that it may refer to.</summary>
    private static readonly Dictionary<string, string[]> Arrows = new(StringComparer.Ordinal)
    {
        ["Dataplane"] = [],
        ["Dataplane.Topology"] = ["Dataplane"],
        ["Dataplane.Compiler"] = ["Dataplane", "Dataplane.Topology"],
        ["Dataplane.Capture"] = ["Dataplane"],
        ["Dataplane.Analysis"] = ["Dataplane", "Dataplane.Compiler", "Dataplane.Topology"],
        ["Dataplane.Reports"] = ["Dataplane", "Dataplane.Analysis"],
        ["Dataplane.Cli"] = ["Dataplane", "Dataplane.Analysis", "Dataplane.Capture", "Dataplane.Compiler", "Dataplane.Reports", "Dataplane.Topology"],
    };

    private static readonly string[] SourceProjects = [.. Directory.GetFiles(Repository.At("src"), "*.csproj", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];

    [Fact]
    public void The_projects_are_those_of_the_architecture_page() =>
        Assert.Equal(Arrows.Keys.Order(StringComparer.Ordinal), SourceProjects.Select(Name).Order(StringComparer.Ordinal));

    [Fact]
    public void A_project_refers_only_where_an_arrow_leads()
    {
        foreach (string project in SourceProjects)
        {
            string[] wrong = [.. Items(project, "ProjectReference").Select(i => Name((string)i.Attribute("Include")!)).Except(Arrows[Name(project)])];
            Assert.True(wrong.Length == 0, $"{Name(project)} refers to {string.Join(", ", wrong)}: docs/architecture.md has no such arrow.");
        }
    }

    [Fact]
    public void The_core_has_no_package() => Assert.Empty(Items(Repository.At("src/Dataplane/Dataplane.csproj"), "PackageReference"));

    [Fact]
    public void Only_the_core_and_the_captures_may_be_unsafe() => Assert.Equal(
        ["Dataplane", "Dataplane.Capture"],
        SourceProjects.Where(p => Items(p, "AllowUnsafeBlocks").Any(i => i.Value != "false")).Select(Name).Order(StringComparer.Ordinal));

    [Fact]
    public void Versions_stand_in_one_file_only()
    {
        foreach (string project in AllProjects().Append(Repository.At("Directory.Build.props")))
        {
            Assert.DoesNotContain(
                Items(project, "PackageReference"), i => i.Attribute("Version") is not null || i.Attribute("VersionOverride") is not null || i.HasElements);
            Assert.Empty(Items(project, "PackageVersion"));
        }
    }

    [Fact]
    public void Each_package_says_what_it_is_for_and_is_used()
    {
        string[] used = [.. AllProjects().SelectMany(p => Items(p, "PackageReference")).Select(i => (string)i.Attribute("Include")!).Distinct()];
        foreach (XElement package in Items(Repository.At("Directory.Packages.props"), "PackageVersion"))
        {
            string name = (string)package.Attribute("Include")!;
            XNode? before = package.NodesBeforeSelf().LastOrDefault(n => n.NodeType != XmlNodeType.Text);
            Assert.True(before is XComment { Value.Length: > 10 }, $"Directory.Packages.props: {name} has no comment above it. Say what it is for.");
            Assert.True(used.Contains(name), $"Directory.Packages.props: no project uses {name}. Remove it.");
        }
    }

    private static IEnumerable<string> AllProjects() =>
        new[] { "src", "tests", "bench" }.Select(Repository.At).Where(Directory.Exists).SelectMany(f => Directory.GetFiles(f, "*.csproj", SearchOption.AllDirectories));

    private static XElement[] Items(string file, string name) => [.. XDocument.Load(file).Descendants(name)];

    private static string Name(string project) => Path.GetFileNameWithoutExtension(project.Replace('\\', '/'));
}
