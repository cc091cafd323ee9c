using System;
using Dataplane.Compiler.Load;
using Dataplane.Compiler.Lower;
using Dataplane.Engine;
using Dataplane.Fabric;
using Dataplane.Filters;
using Dataplane.Records;
using Dataplane.Topology.Model;

namespace Dataplane.Compiler;

/// <summary>The engine of a network: its catalogue of rule lists, its plan, its judge.</summary>
/// <remarks>It judges at once, by interpreted lists; <see cref="FilterCompiler"/> replaces the slots of <see cref="Filters"/> as compiled ones are ready.</remarks>
public sealed class NetworkEngine : IDisposable
{
    /// <summary>Rules of a list that is not left to the interpreter when a network takes over under load.</summary>
    private const int LongList = 33;

    private NetworkEngine(FilterCatalog catalog, FabricPlan plan, FilterSet filters, EngineJudge judge)
    {
        Catalog = catalog;
        Plan = plan;
        Filters = filters;
        Judge = judge;
    }

    public FilterCatalog Catalog { get; }

    public FabricPlan Plan { get; }

    /// <summary>By the slots of <see cref="Catalog"/>.</summary>
    public FilterSet Filters { get; }

    public EngineJudge Judge { get; }

    /// <param name="workers">1 to 64.</param>
    /// <param name="tables">Where names and paths go; null for tables of its own.</param>
    /// <param name="batchSize">Packets that are looked up together; results do not depend on it.</param>
    /// <param name="observers">Makes the observer of a worker, by number; null for none.</param>
    /// <param name="cache">Compiled filters of an earlier network: equal lists are judged by them from the first packet on; null for none.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is out of its range.</exception>
    public static NetworkEngine Build(
        Network network, JudgeOptions options, int workers = 1, ResultTables? tables = null, int batchSize = 128, Func<int, IBatchObserver>? observers = null, FilterCache? cache = null)
    {
        tables ??= new ResultTables();
        FilterCatalog catalog = new(network);
        FabricPlan plan = FabricLowering.Lower(catalog, tables);
        FilterSet filters = FilterCompiler.Interpret(catalog);
        if (cache is not null)
        {
            FilterCompiler.Reuse(catalog, filters, cache);
        }

        return new NetworkEngine(catalog, plan, filters, EngineJudge.Create(plan, filters, tables, options, workers, batchSize, observers));
    }

    /// <summary>A network that may take over (<see cref="EngineJudge.Adopt"/>): everything that takes time is done here, on whatever thread.</summary>
    /// <param name="cache">Compiled filters of earlier networks; null for none.</param>
    public NextNetwork Next(Network network, FilterCache? cache = null)
    {
        FilterCatalog catalog = new(network);
        FabricPlan plan = FabricLowering.Lower(catalog, Judge.Tables);
        FilterSet filters = FilterCompiler.Interpret(catalog);
        Func<CompileReport>? check = null;
        if (cache is not null)
        {
            FilterCompiler.Reuse(catalog, filters, cache);
            check = FilterCompiler.CompileData(catalog, filters, cache, LongList);
        }

        return new NextNetwork(network, catalog, Judge.Prepare(plan, filters), check);
    }

    public void Dispose() => Judge.Dispose();
}

/// <summary>A network that may take over from the one in force.</summary>
/// <param name="Catalog">Its rule lists, for the compiler.</param>
/// <param name="Policy">Takes over in the engine; its filters are replaced as compiled ones are ready.</param>
/// <param name="Check">Checks that are left for when it has taken over, or null.</param>
public sealed record NextNetwork(Network Network, FilterCatalog Catalog, NextPolicy Policy, Func<CompileReport>? Check);
