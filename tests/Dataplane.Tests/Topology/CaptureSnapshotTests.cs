using System;
using System.IO;
using System.Linq;
using Dataplane.Topology;
using Dataplane.Topology.Model;
using Xunit;

namespace Dataplane.Tests.Topology;

/// <summary>The folder of raw describe output that belongs to our captures.</summary>
public sealed class CaptureSnapshotTests
{
    [Fact]
    public void The_three_tier_snapshot_loads_without_a_fault()
    {
        (Network? network, FaultList faults) = TopologyLoader.Load(LoadOptions.Of(Path.Combine(Root(), "captures", "three-tier-snapshot")));
        Assert.Empty(faults.All.Select(f => f.ToString()));
        Assert.NotNull(network);
        Assert.Contains(network.Subnets, s => s.RouteTableId != $"{s.VpcId}/main");
    }

    internal static string Root()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Dataplane.sln")))
        {
            folder = folder.Parent;
        }

        return folder?.FullName ?? throw new InvalidOperationException("the tests do not run inside the checkout");
    }
}
