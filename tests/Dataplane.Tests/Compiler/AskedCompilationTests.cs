using System;
using System.Diagnostics;
using System.Threading;
using Dataplane.Compiler.Load;
using Dataplane.Compiler.Lower;
using Dataplane.Filters;
using Dataplane.Packets;
using Dataplane.Topology.Model;
using Xunit;

namespace Dataplane.Tests.Compiler;

/// <summary>What packets ask often is compiled while they ask; what they do not ask is left alone.</summary>
public sealed class AskedCompilationTests
{
    [Fact]
    public void A_long_list_is_compiled_once_packets_ask_it_often_and_the_others_stay_interpreted()
    {
        SecurityGroupRule[] rules = new SecurityGroupRule[60];
        for (int i = 0; i < rules.Length; i++)
        {
            rules[i] = Networks.Rule($"{i}", 6, 1_000 + (10 * i), 1_005 + (10 * i), $"10.{i}.0.0/16");
        }

        Network network = Networks.Of([Networks.Group("sg-a", rules), Networks.Group("sg-b", rules[..40])]);
        FilterCatalog catalog = new(network);
        FilterSet set = FilterCompiler.Interpret(catalog);
        int asked = Networks.List(network, ListKind.SecurityGroup, "sg-a").Key.Slot, other = Networks.List(network, ListKind.SecurityGroup, "sg-b").Key.Slot;
        InterpretedFilter meant = (InterpretedFilter)set[asked];
        using AskedCompilation compilation = new(catalog, set, new FilterCache(), TimeSpan.FromSeconds(30));
        Headers packet = default;
        packet.Protocol = 6;
        packet.Flags = HeaderFlags.PortsKnown;
        packet.Destination = IpAddress.Parse("10.200.0.1");
        Stopwatch watch = Stopwatch.StartNew();
        for (int i = 0; set[asked] == meant && watch.Elapsed < TimeSpan.FromMinutes(2); i++)
        {
            packet.Source = IpAddress.V4(0x0A00_0000u + unchecked((uint)i * 0x9E37_79B1u >> 10));
            packet.DestinationPort = (ushort)(1_000 + (i % 700));
            Assert.Equal(meant.Decide(in packet), set[asked].Decide(in packet));
        }

        Assert.Null(compilation.Failure);
        Assert.IsNotType<InterpretedFilter>(set[asked]);
        Assert.IsType<InterpretedFilter>(set[other]);
        Assert.True(SpinWait.SpinUntil(() => compilation.Report is not null, TimeSpan.FromMinutes(1)));
        Networks.NoBugs(compilation.Report!);
        Assert.Equal(1, compilation.Report!.CompiledLists);
    }
}
