using Dataplane.Engine;
using Dataplane.Records;
using Dataplane.Topology.Model;

namespace Dataplane.Analysis;

/// <summary>Makes what decides packets on a network: one way for replay, trace and diff, so that they cannot disagree.</summary>
public delegate IJudge JudgeFactory(Network network, JudgeOptions options);
