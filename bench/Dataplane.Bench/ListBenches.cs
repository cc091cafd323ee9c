using System;
using System.Collections.Generic;
using System.Linq;
using BenchmarkDotNet.Attributes;
using Dataplane.Compiler.FiveTuples;
using Dataplane.Compiler.Load;
using Dataplane.Compiler.Lower;
using Dataplane.Fabric;
using Dataplane.Filters;
using Dataplane.Packets;
using Dataplane.Topology.Model;

namespace Dataplane.Bench;

/// <summary>What a look-up in a general five-tuple list costs; every answer is compared with asking one rule after the other before it is timed.</summary>
[MemoryDiagnoser]
public class RuleListBench
{
    private const int Count = 16_384;

    private FiveTuple[] _headers = [];
    private FiveTupleRule[] _rules = [];
    private FiveTupleClassifier _classifier = null!;
    private readonly uint[] _found = new uint[Count];

    [Params("acl", "fw", "sg")]
    public string Kind { get; set; } = "acl";

    [Params(10, 60, 100, 1_000, 10_000)]
    public int Rules { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _rules = RuleSets.Rules(Kind, Rules);
        _headers = RuleSets.Headers(_rules, Count);
        _classifier = FiveTupleCompiler.Compile(_rules).Classifier;
        _classifier.Classify(_headers, _found);
        for (int i = 0; i < Count; i++)
        {
            if (_found[i] != RuleSets.First(_rules, _headers[i]))
            {
                throw new InvalidOperationException($"header {i}: rule {_found[i]} is not the first that matches");
            }
        }
    }

    [Benchmark(OperationsPerInvoke = Count)]
    public uint Classify()
    {
        _classifier.Classify(_headers, _found);
        return _found[0];
    }

    [Benchmark]
    public long Build() => FiveTupleCompiler.Compile(_rules).Classifier.Bytes;
}

/// <summary>What a security group's list costs on random headers, asked in batches of 128 and one by one; checked against the interpreter before it is timed.</summary>
[MemoryDiagnoser]
public class AwsListBench
{
    private const int Count = 16_384, Batch = 128;

    private static readonly int[] Ports = [22, 53, 80, 123, 443, 3306, 5432, 6379, 8080, 8443, 9092, 27017];

    private readonly Decision[] _decisions = new Decision[Count];
    private Headers[] _packets = [];
    private Filter _filter = null!;

    [Params(4, 8, 16, 60, 1_000)]
    public int Rules { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        Random random = new(7);
        SecurityGroupRule[] rules = [.. Enumerable.Range(0, Rules).Select(i => Rule(random, i))];
        _packets = [.. Enumerable.Range(0, Count).Select(_ => Packet(random, rules))];
        Network network = Traffic.Network(2) with { SecurityGroups = [new SecurityGroup("sg-1", "web", ["vpc-1"], [.. rules], [])] };
        FilterCatalog catalog = new(network);
        FilterSet set = FilterCompiler.Interpret(catalog);
        int slot = catalog.Find(ListKind.SecurityGroup, "sg-1", "vpc-1", true).Slot;
        Filter meant = set[slot];
        FilterCompiler.CompileAll(catalog, set);
        _filter = set[slot];
        for (int i = 0; i < Count; i++)
        {
            if (_filter.Decide(in _packets[i]).Bits != meant.Decide(in _packets[i]).Bits || ReferenceEquals(_filter, meant))
            {
                throw new InvalidOperationException($"packet {i} is not decided as the interpreter decides it");
            }
        }
    }

    [Benchmark(OperationsPerInvoke = Count)]
    public uint Batches()
    {
        for (int i = 0; i < Count; i += Batch)
        {
            _filter.Decide(_packets.AsSpan(i, Batch), _decisions.AsSpan(i, Batch));
        }

        return _decisions[0].Bits;
    }

    [Benchmark(OperationsPerInvoke = Count)]
    public uint OneByOne()
    {
        uint bits = 0;
        foreach (ref readonly Headers packet in _packets.AsSpan())
        {
            bits ^= _filter.Decide(in packet).Bits;
        }

        return bits;
    }

    private static SecurityGroupRule Rule(Random random, int i)
    {
        int[] lengths = [8, 16, 20, 24, 24, 28, 32, 32];
        IpPrefix block = new(IpAddress.V4((uint)random.NextInt64(1L << 32)), random.Next(10) == 0 ? 0 : lengths[random.Next(lengths.Length)]);
        int port = random.Next(2) == 0 ? Ports[random.Next(Ports.Length)] : random.Next(1, 60_000);
        int last = port + (random.Next(4) == 0 ? random.Next(200) : 0);
        return random.Next(100) switch
        {
            < 2 when block.Length > 0 => new SecurityGroupRule($"{i + 1}", -1, 0, 65_535, new CidrPeer(block)),
            < 6 => new SecurityGroupRule($"{i + 1}", 1, 8, -1, new CidrPeer(block)),
            < 25 => new SecurityGroupRule($"{i + 1}", 17, port, last, new CidrPeer(block)),
            _ => new SecurityGroupRule($"{i + 1}", 6, port, last, new CidrPeer(block)),
        };
    }

    /// <summary>Half of them inside a random rule, half from anywhere to any port.</summary>
    private static Headers Packet(Random random, SecurityGroupRule[] rules)
    {
        SecurityGroupRule rule = rules[random.Next(rules.Length)];
        IpPrefix block = ((CidrPeer)rule.Peer).Block;
        bool inside = random.Next(2) == 0;
        uint any = (uint)random.NextInt64(1L << 32), fixedBits = block.Length == 0 ? 0 : uint.MaxValue << (32 - block.Length);
        return new Headers
        {
            SourceLow = inside ? (uint)block.Address.Low | (any & ~fixedBits) : any,
            DestinationLow = 0x0A00010A,
            Protocol = (byte)(rule.Protocol < 0 ? 6 : rule.Protocol),
            DestinationPort = (ushort)(rule.Protocol == 1 ? 0x0800 : inside && rule.Protocol > 0 ? random.Next(rule.From, rule.To + 1) : random.Next(65_536)),
            Flags = HeaderFlags.PortsKnown,
        };
    }
}

/// <summary>What finding the longest prefix, and asking a set of prefixes, costs.</summary>
[MemoryDiagnoser]
public class PrefixBench
{
    private const int Count = 16_384;

    private IpAddress[] _asked = [];
    private PrefixMap _routes = PrefixMap.Empty;
    private AddressSet _set = new([]);

    [Params(10, 1_000, 100_000)]
    public int Prefixes { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        Random random = new(3);
        List<(IpPrefix Block, int Value)> blocks =
            [.. Enumerable.Range(0, Prefixes).Select(i => (new IpPrefix(IpAddress.V4((uint)random.NextInt64(1L << 32)), random.Next(12, 30)), i))];
        _routes = new PrefixMap(blocks);
        _set = new AddressSet(blocks.Select(entry => entry.Block));
        _asked = [.. Enumerable.Range(0, Count).Select(_ => IpAddress.V4((uint)random.NextInt64(1L << 32)))];
        Dictionary<IpPrefix, int> byBlock = [];
        foreach ((IpPrefix block, int value) in blocks)
        {
            byBlock[block] = value;
        }

        foreach (IpAddress address in _asked)
        {
            int meant = -1;
            for (int length = 32; length >= 0 && meant < 0; length--)
            {
                meant = byBlock.TryGetValue(new IpPrefix(address, length), out int value) ? value : -1;
            }

            if (meant != _routes.FindValue(address) || meant >= 0 != _set.Contains(address))
            {
                throw new InvalidOperationException($"{address}: its longest prefix is {meant}");
            }
        }
    }

    [Benchmark(OperationsPerInvoke = Count)]
    public int Route()
    {
        int sum = 0;
        foreach (IpAddress address in _asked)
        {
            sum += _routes.FindValue(address);
        }

        return sum;
    }

    [Benchmark(OperationsPerInvoke = Count)]
    public int Set()
    {
        int sum = 0;
        foreach (IpAddress address in _asked)
        {
            sum += _set.Contains(address) ? 1 : 0;
        }

        return sum;
    }
}
