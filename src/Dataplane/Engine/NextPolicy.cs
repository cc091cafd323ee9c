using System;
using System.Collections.Generic;
using Dataplane.Fabric;
using Dataplane.Filters;
using Dataplane.Flows;
using Dataplane.Records;

namespace Dataplane.Engine;

/// <summary>A policy that is ready to take over from the one in force (<see cref="EngineJudge.Adopt"/>).</summary>
public sealed class NextPolicy
{
    internal NextPolicy(FabricPlan plan, FilterSet filters, WorkerPolicy worker)
    {
        Plan = plan;
        Filters = filters;
        Worker = worker;
    }

    public FabricPlan Plan { get; }

    public FilterSet Filters { get; }

    internal WorkerPolicy Worker { get; }

    /// <summary>From one plan's numbers to another's. Interfaces and gateways are the same when their names are.</summary>
    internal static PlanNumbers Numbers(FabricPlan from, NameTable fromNames, FabricPlan to, NameTable toNames) => new(
        Map(from.Interfaces, to.Interfaces, one => fromNames[one.Name]!, one => toNames[one.Name]!),
        Map(from.Gateways, to.Gateways, one => fromNames[one.Name]!, one => toNames[one.Name]!),
        from.Addresses,
        to.Addresses);

    private static int[] Map<T, TKey>(ReadOnlySpan<T> from, ReadOnlySpan<T> to, Func<T, TKey> fromKey, Func<T, TKey> toKey)
        where TKey : notnull
    {
        Dictionary<TKey, int> numbers = [];
        for (int i = 0; i < to.Length; i++)
        {
            numbers.TryAdd(toKey(to[i]), i);
        }

        int[] map = new int[from.Length];
        for (int i = 0; i < from.Length; i++)
        {
            map[i] = numbers.GetValueOrDefault(fromKey(from[i]), -1);
        }

        return map;
    }
}
