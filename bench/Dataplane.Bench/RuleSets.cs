// General rule lists and headers from fixed seeds, in three kinds, for the classifier's benchmarks and its peers.
//
//   acl   a provider's filter: nearly every rule names two blocks inside few networks, source ports are open, destination ports are mostly single well-known ones
//   fw    a firewall: a third of the addresses are open, source ports are restricted more often
//   sg    cloud groups as five-tuples: sources from anywhere to hosts, destinations inside few networks
//
// Rules with more fixed address bits come first, with some disorder, and the last one matches everything. Nine headers of ten lie in a random rule, the others anywhere; some come several
// times, as packets of a flow do.

using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Numerics;
using Dataplane.Compiler.FiveTuples;
using Dataplane.Filters;
using Dataplane.Topology;

namespace Dataplane.Bench;

/// <summary>Makes, writes and checks rule lists.</summary>
internal static class RuleSets
{
    private static readonly ushort[] WellKnown = [21, 22, 25, 53, 80, 110, 123, 143, 161, 389, 443, 465, 587, 636, 993, 1433, 1521, 3306, 3389, 5432, 5900, 6379, 8080, 8443, 9092, 27017];

    private static readonly Dictionary<string, Kind> Kinds = new(StringComparer.Ordinal)
    {
        ["acl"] = new(0.05, 0.05, [16, 20, 22, 24, 24, 24, 26, 28, 30, 32, 32, 32], [16, 20, 22, 24, 24, 24, 26, 28, 30, 32, 32, 32], 0.05),
        ["fw"] = new(0.35, 0.35, [8, 16, 24, 24, 28, 32, 32], [8, 16, 24, 24, 28, 32, 32], 0.25),
        ["ipc"] = new(0.10, 0.10, [8, 16, 24, 27, 28, 30, 32, 32, 32], [8, 16, 24, 27, 28, 30, 32, 32, 32], 0.15),
        ["sg"] = new(0.25, 0.05, [8, 16, 16, 20, 24, 24, 28, 32], [16, 20, 24, 24, 28, 32, 32], 0.05),
    };

    /// <exception cref="ArgumentException">There is no such kind.</exception>
    internal static FiveTupleRule[] Rules(string kind, int count, int seed = 1)
    {
        if (!Kinds.TryGetValue(kind, out Kind? shape))
        {
            throw new ArgumentException($"'{kind}' is no kind of rules: {string.Join(", ", Kinds.Keys)}", nameof(kind));
        }

        Random random = new(seed);
        uint[] networks = [.. Enumerable.Range(0, Math.Max(4, count / 40)).Select(_ => (uint)random.Next(1 << 16) << 16)];
        HashSet<FiveTupleRule> rules = [];
        while (rules.Count < count - 1)
        {
            (uint source, uint sourceMask) = Block(shape.OpenSources, shape.SourceLengths);
            (uint destination, uint destinationMask) = Block(shape.OpenDestinations, shape.DestinationLengths);
            byte protocol = random.Next(100) switch
            {
                < 70 => 6,
                < 90 => 17,
                < 93 => 1,
                _ => 0,
            };
            bool hasPorts = protocol is 6 or 17;
            (ushort sourceFirst, ushort sourceLast) = hasPorts && random.NextDouble() < shape.RestrictedSourcePorts
                ? random.Next(3) == 0 ? One(random) : ((ushort)1_024, ushort.MaxValue)
                : ((ushort)0, ushort.MaxValue);
            (ushort first, ushort last) = hasPorts ? Ports(random) : ((ushort)0, ushort.MaxValue);
            FiveTupleRule rule = new(
                source, sourceMask, destination, destinationMask, sourceFirst, sourceLast, first, last, protocol, (byte)(protocol == 0 ? 0 : 255));
            if (sourceMask != 0 || destinationMask != 0 || last - first != ushort.MaxValue)
            {
                rules.Add(rule);
            }
        }

        FiveTupleRule everything = new(0, 0, 0, 0, 0, ushort.MaxValue, 0, ushort.MaxValue, 0, 0);
        return [.. rules.Select(rule => (rule, Rank(rule))).OrderBy(pair => pair.Item2).Select(pair => pair.rule), everything];

        (uint Value, uint Mask) Block(double open, int[] lengths)
        {
            if (random.NextDouble() < open)
            {
                return (0, 0);
            }

            uint mask = uint.MaxValue << (32 - lengths[random.Next(lengths.Length)]);
            return ((networks[random.Next(networks.Length)] | (uint)random.Next(1 << 16)) & mask, mask);
        }

        double Rank(in FiveTupleRule rule) =>
            (random.NextDouble() * 40) - BitOperations.PopCount(rule.SourceMask) - BitOperations.PopCount(rule.DestinationMask)
            - (rule.DestinationPortFirst == rule.DestinationPortLast ? 16 : 0);
    }

    internal static FiveTuple[] Headers(FiveTupleRule[] rules, int count, int seed = 2)
    {
        Random random = new(seed);
        FiveTuple[] headers = new FiveTuple[count];
        for (int i = 0; i < count;)
        {
            FiveTupleRule rule = rules[random.Next(10) == 0 ? rules.Length - 1 : random.Next(rules.Length)];
            FiveTuple header = new(
                (rule.Source & rule.SourceMask) | ((uint)random.NextInt64(1L << 32) & ~rule.SourceMask),
                (rule.Destination & rule.DestinationMask) | ((uint)random.NextInt64(1L << 32) & ~rule.DestinationMask),
                (ushort)random.Next(rule.SourcePortFirst, rule.SourcePortLast + 1),
                (ushort)random.Next(rule.DestinationPortFirst, rule.DestinationPortLast + 1),
                rule.ProtocolMask == 0 ? (byte)(random.Next(2) == 0 ? 6 : 17) : rule.Protocol);
            int times = random.Next(2) == 0 ? 1 : 1 + (int)Math.Min(30, -2 * Math.Log(1 - random.NextDouble()));
            for (; times > 0 && i < count; times--)
            {
                headers[i++] = header;
            }
        }

        return headers;
    }

    /// <summary>1-based number of the first rule that matches, by asking one after the other.</summary>
    internal static uint First(FiveTupleRule[] rules, in FiveTuple header)
    {
        for (int i = 0; i < rules.Length; i++)
        {
            if (rules[i].Matches(header))
            {
                return (uint)i + 1;
            }
        }

        return 0;
    }

    internal static int Write(string kind, int rules, int headers, string ruleFile, string headerFile)
    {
        FiveTupleRule[] made = Rules(kind, rules);
        File.WriteAllLines(ruleFile, made.Select(rule => string.Create(
            CultureInfo.InvariantCulture,
            $"@{Address(rule.Source)}/{BitOperations.PopCount(rule.SourceMask)}\t{Address(rule.Destination)}/{BitOperations.PopCount(rule.DestinationMask)}\t{rule.SourcePortFirst} : {rule.SourcePortLast}\t{rule.DestinationPortFirst} : {rule.DestinationPortLast}\t0x{rule.Protocol:X2}/0x{rule.ProtocolMask:X2}\t0x0000/0x0000")));
        File.WriteAllLines(headerFile, Headers(made, headers).Select(header => string.Create(
            CultureInfo.InvariantCulture, $"{header.Source}\t{header.Destination}\t{header.SourcePort}\t{header.DestinationPort}\t{header.Protocol}")));
        return 0;
    }

    /// <summary>Compares the first answers of a file with asking one rule after the other; 1 and a line for the first that is wrong.</summary>
    internal static int Check(string ruleFile, string headerFile, string answerFile, int count)
    {
        FaultList faults = new();
        using StreamReader ruleReader = new(ruleFile), headerReader = new(headerFile);
        FiveTupleRule[] rules = [.. ClassBench.ReadRules(ruleReader, ruleFile, faults)];
        List<FiveTuple> headers = ClassBench.ReadHeaders(headerReader, headerFile, faults);
        int at = 0;
        foreach (string line in File.ReadLines(answerFile).Take(count))
        {
            uint first = First(rules, headers[at]);
            if (line != first.ToString(CultureInfo.InvariantCulture))
            {
                Console.Error.WriteLine($"{answerFile}:{at + 1}: {line}, but the first rule that matches is {first}");
                return 1;
            }

            at++;
        }

        return 0;
    }

    private static (ushort First, ushort Last) Ports(Random random)
    {
        switch (random.Next(100))
        {
            case < 12:
                return (0, ushort.MaxValue);
            case < 22:
                return (1_024, ushort.MaxValue);
            case < 80:
                return One(random);
            default:
                int first = random.Next(65_000);
                return ((ushort)first, (ushort)Math.Min(ushort.MaxValue, first + (1 << random.Next(1, 13))));
        }
    }

    private static (ushort First, ushort Last) One(Random random)
    {
        ushort port = random.Next(10) < 7 ? WellKnown[random.Next(WellKnown.Length)] : (ushort)random.Next(1, 65_536);
        return (port, port);
    }

    private static string Address(uint address) =>
        string.Create(CultureInfo.InvariantCulture, $"{address >> 24}.{address >> 16 & 255}.{address >> 8 & 255}.{address & 255}");

    private sealed record Kind(double OpenSources, double OpenDestinations, int[] SourceLengths, int[] DestinationLengths, double RestrictedSourcePorts);
}
