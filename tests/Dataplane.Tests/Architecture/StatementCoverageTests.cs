// Every statement of what AWS does, every ruling on what AWS leaves open and every rule of the importers has a test whose name holds its id (SG_14_..., R_07_..., IMP_15_...), or
// stands with a reason in docs/verdicts.md under "Statements without a test". Never both: what has got a test leaves the list.

using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using Dataplane.Tests.TestSupport;
using Xunit;

namespace Dataplane.Tests.Architecture;

/// <summary>Which statements have tests, and which say why not.</summary>
public sealed partial class StatementCoverageTests
{
    private const string Heading = "## Statements without a test";

    /// <summary>A section's letters and its last number; numbers begin at 1.</summary>
    private static readonly (string Section, int Last)[] Sections =
    [
        ("SG", 41), ("CT", 26), ("ACL", 31), ("RT", 37), ("IGW", 14), ("EIGW", 3), ("ORD", 20), ("CFN", 10), ("IN", 6), ("R", 53), ("IMP", 35),
        ("NAT", 18), ("VGW", 8), ("PCX", 9), ("TGW", 13), ("GWE", 9), ("IFE", 9), ("FL", 32), ("AN", 14), ("TFJ", 9), ("BFS", 5),
    ];

    private static readonly string[] Statements =
    [
        .. Sections.SelectMany(s => Enumerable.Range(1, s.Last).Select(n => string.Create(CultureInfo.InvariantCulture, $"{s.Section}-{n:00}"))), "RT-05b", "RT-21b", "NAT-12b", "FL-40",
    ];

    [Theory]
    [InlineData("SG_14_A_port_matches", "SG-14")]
    [InlineData("RT_05b_IGW_06_EIGW_01_R_09_Several", "RT-05b IGW-06 EIGW-01 R-09")]
    [InlineData("NAT_12b_IFE_03_and_FL_40", "NAT-12b IFE-03 FL-40")]
    [InlineData("REL_22_ten_thousand", "")]
    [InlineData("SG_1_and_SG_140_and_xSG_14_are_none", "")]
    public void The_ids_in_a_name(string name, string ids) => Assert.Equal(ids, string.Join(' ', IdsOf(name)));

    [Fact]
    public void Every_statement_has_a_test_or_a_reason()
    {
        HashSet<string> tested = Tested(), excused = [.. Excused().Select(e => e.Id)];
        string[] missing = [.. Statements.Where(s => !tested.Contains(s) && !excused.Contains(s))];
        Assert.True(missing.Length == 0, $"neither a test's name nor docs/verdicts.md, '{Heading}', holds: {string.Join(' ', missing)}");
    }

    [Fact]
    public void What_has_a_test_is_not_excused()
    {
        HashSet<string> tested = Tested();
        string[] both = [.. Excused().Select(e => e.Id).Where(tested.Contains)];
        Assert.True(both.Length == 0, $"docs/verdicts.md, '{Heading}', lists statements that have tests: {string.Join(' ', both)}. Remove them there.");
    }

    [Fact]
    public void An_excuse_names_a_statement_once_and_says_why()
    {
        (string Id, string Why)[] excused = [.. Excused()];
        Assert.Empty(excused.Select(e => e.Id).Except(Statements));
        Assert.Empty(excused.GroupBy(e => e.Id).Where(g => g.Count() > 1).Select(g => g.Key));
        Assert.All(excused, e => Assert.True(e.Why.Length >= 20, $"{e.Id}: '{e.Why}' is no reason"));
    }

    [Fact]
    public void A_test_names_only_statements_that_there_are() => Assert.Empty(Tested().Except(Statements));

    private static HashSet<string> Tested() =>
    [
        .. typeof(StatementCoverageTests).Assembly.GetTypes().SelectMany(t => t.GetMethods())
            .Where(m => m.IsDefined(typeof(FactAttribute), inherit: true)).SelectMany(m => IdsOf(m.Name)),
    ];

    private static IEnumerable<string> IdsOf(string name) => Id().Matches(name).Select(m => $"{m.Groups[1].Value}-{m.Groups[2].Value}");

    private static IEnumerable<(string Id, string Why)> Excused()
    {
        string[] rows =
        [
            .. File.ReadLines(Repository.At("docs/verdicts.md")).SkipWhile(l => l != Heading).Skip(1)
                .TakeWhile(l => !l.StartsWith('#')).Where(l => l.StartsWith('|')).Skip(2),
        ];
        Assert.NotEmpty(rows);
        foreach (string row in rows)
        {
            string[] cells = row.Split('|', StringSplitOptions.TrimEntries);
            foreach (string id in cells[1].Split(',', StringSplitOptions.TrimEntries).SelectMany(Each))
            {
                yield return (id, cells[2]);
            }
        }
    }

    /// <summary>NAT-01 of <c>NAT-01</c>; all three of <c>NAT-01 to NAT-03</c>.</summary>
    private static IEnumerable<string> Each(string ids)
    {
        string[] ends = ids.Split(" to ");
        if (ends.Length == 1)
        {
            return [ids];
        }

        string section = ends[0][..(ends[0].IndexOf('-', StringComparison.Ordinal) + 1)];
        int first = int.Parse(ends[0][section.Length..], CultureInfo.InvariantCulture), last = int.Parse(ends[1][section.Length..], CultureInfo.InvariantCulture);
        Assert.True(ends[1].StartsWith(section, StringComparison.Ordinal) && first < last, ids);
        return Enumerable.Range(first, last - first + 1).Select(n => string.Create(CultureInfo.InvariantCulture, $"{section}{n:00}"));
    }

    [GeneratedRegex("(?<![A-Za-z0-9])(SG|CT|ACL|RT|IGW|EIGW|ORD|CFN|IN|R|IMP|NAT|VGW|PCX|TGW|GWE|IFE|FL|AN|TFJ|BFS)_([0-9]{2}b?)(?![A-Za-z0-9])")]
    private static partial Regex Id();
}
