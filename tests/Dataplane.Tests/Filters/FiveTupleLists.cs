using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using Dataplane.Filters;

namespace Dataplane.Tests.Filters;

/// <summary>General rule lists and headers for tests, from seeds, and their meaning.</summary>
internal static class FiveTupleLists
{
    private static readonly ushort[] Ports = [0, 1, 22, 80, 443, 1_024, 65_534, 65_535];
    private static readonly byte[] Protocols = [0, 1, 6, 7, 17, 255];

    /// <summary>Lists in which edges meet often: /0 and /32, empty intervals, ports at both ends, odd protocol masks, duplicates.</summary>
    public static FiveTupleRule[] Odd(Random random, int count)
    {
        FiveTupleRule[] rules = new FiveTupleRule[count];
        for (int i = 0; i < count; i++)
        {
            (uint source, uint sourceMask) = Block(random);
            (uint destination, uint destinationMask) = Block(random);
            (ushort sourceFirst, ushort sourceLast) = random.Next(3) == 0 ? Interval(random) : ((ushort)0, ushort.MaxValue);
            (ushort first, ushort last) = Interval(random);
            byte mask = random.Next(6) switch
            {
                0 => 0,
                1 => (byte)random.Next(256),
                _ => 255,
            };
            rules[i] = i > 0 && random.Next(8) == 0
                ? rules[random.Next(i)]
                : new FiveTupleRule(
                    source, sourceMask, destination, destinationMask, sourceFirst, sourceLast, first, last, Protocols[random.Next(Protocols.Length)], mask);
        }

        return rules;
    }

    /// <summary>Half of them at or beside an edge of a rule, the others anywhere.</summary>
    public static FiveTuple[] Headers(Random random, IReadOnlyList<FiveTupleRule> rules, int count)
    {
        FiveTuple[] headers = new FiveTuple[count];
        for (int i = 0; i < count; i++)
        {
            FiveTupleRule rule = rules.Count == 0 ? default : rules[random.Next(rules.Count)];
            headers[i] = random.Next(2) == 0
                ? new FiveTuple((uint)random.NextInt64(1L << 32), (uint)random.NextInt64(1L << 32), Port(random), Port(random), Protocols[random.Next(Protocols.Length)])
                : new FiveTuple(
                    Edge(random, rule.Source & rule.SourceMask, rule.SourceMask),
                    Edge(random, rule.Destination & rule.DestinationMask, rule.DestinationMask),
                    (ushort)(random.Next(2) == 0 ? rule.SourcePortFirst - random.Next(2) : rule.SourcePortLast + random.Next(2)),
                    (ushort)(random.Next(2) == 0 ? rule.DestinationPortFirst - random.Next(2) : rule.DestinationPortLast + random.Next(2)),
                    (byte)(rule.Protocol ^ (random.Next(4) == 0 ? 1 : 0)));
        }

        return headers;
    }

    /// <summary>1-based number of the first rule that matches, 0 for none: by asking one after the other.</summary>
    public static uint First(IReadOnlyList<FiveTupleRule> rules, in FiveTuple header)
    {
        for (int i = 0; i < rules.Count; i++)
        {
            if (rules[i].Matches(header))
            {
                return (uint)i + 1;
            }
        }

        return 0;
    }

    public static string Text(FiveTupleRule rule) => string.Create(
        CultureInfo.InvariantCulture,
        $"@{Address(rule.Source)}/{uint.PopCount(rule.SourceMask)}\t{Address(rule.Destination)}/{uint.PopCount(rule.DestinationMask)}\t{rule.SourcePortFirst} : {rule.SourcePortLast}\t{rule.DestinationPortFirst} : {rule.DestinationPortLast}\t0x{rule.Protocol:X2}/0x{rule.ProtocolMask:X2}\t0x0000/0x0000");

    public static string Text(FiveTuple header) => string.Create(
        CultureInfo.InvariantCulture, $"{header.Source}\t{header.Destination}\t{header.SourcePort}\t{header.DestinationPort}\t{header.Protocol}\t0\t0");

    private static string Address(uint address) => string.Join('.', new[] { 24, 16, 8, 0 }.Select(shift => (address >> shift & 255).ToString(CultureInfo.InvariantCulture)));

    private static (uint Value, uint Mask) Block(Random random)
    {
        int length = random.Next(4) switch
        {
            0 => 0,
            1 => 32,
            _ => random.Next(33),
        };
        uint mask = length == 0 ? 0 : uint.MaxValue << (32 - length);
        uint value = random.Next(4) switch
        {
            0 => 0,
            1 => uint.MaxValue,
            2 => 0x0A000000u | (uint)random.Next(1 << 10),
            _ => (uint)random.NextInt64(1L << 32),
        };
        return (value & mask, mask);
    }

    private static (ushort First, ushort Last) Interval(Random random)
    {
        ushort a = Ports[random.Next(Ports.Length)], b = Ports[random.Next(Ports.Length)];
        return random.Next(4) switch
        {
            0 => (0, ushort.MaxValue),
            1 => (a, b),    // may end before it begins: then it matches nothing
            2 => (a, a),
            _ => (Math.Min(a, b), Math.Max(a, b)),
        };
    }

    private static ushort Port(Random random) => random.Next(2) == 0 ? Ports[random.Next(Ports.Length)] : (ushort)random.Next(65_536);

    private static uint Edge(Random random, uint value, uint mask) => random.Next(4) switch
    {
        0 => value,
        1 => value | ~mask,
        2 => (value | ~mask) + 1,
        _ => value - 1,
    };
}
