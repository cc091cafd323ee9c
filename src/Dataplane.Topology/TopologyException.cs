using System;

namespace Dataplane.Topology;

/// <summary>A topology that cannot be read: its faults say why.</summary>
public sealed class TopologyException(FaultList faults) : Exception("the topology has faults")
{
    public FaultList Faults { get; } = faults;
}
