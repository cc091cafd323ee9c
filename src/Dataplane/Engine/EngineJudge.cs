// The engine as a judge of blocks: the caller dispatches, N workers judge, results land in the block.
//
// Judge (1) goes over the block in order: fragments find their first ones, packets get their shard (with one worker only fragments matter, so shards are
// skipped); (2) wakes the workers, each of which judges its own packets into disjoint results; the caller's thread is worker 0; (3) returns when
// all are done. A flow lives in one shard, a shard belongs to one worker, so results do not depend on N unless a cap was reached (IsCapped).
//
// Threads: started on construction, N - 1 of them, in the background; Dispose ends them and frees the flow tables. A worker's exception is rethrown by Judge.

using System;
using System.Collections.Generic;
using System.Runtime.ExceptionServices;
using System.Threading;
using Dataplane.Fabric;
using Dataplane.Filters;
using Dataplane.Flows;
using Dataplane.Packets;
using Dataplane.Records;

namespace Dataplane.Engine;

/// <summary>The compiled engine.</summary>
/// <remarks>One thread calls it.</remarks>
public sealed class EngineJudge : IJudge, IDisposable
{
    private static readonly int[] AllIndexes = CountUp();

    private readonly Worker[] _workers;
    private readonly Sharding _sharding;
    private readonly FragmentMemory _fragments;
    private readonly CausalBudget _budget;
    private readonly FlowPool _pool;
    private readonly JudgeOptions _options;
    private readonly int[] _places = NonePlaces();
    private readonly int[][] _mine;
    private readonly int[] _mineCounts;
    private readonly SemaphoreSlim[] _start;
    private readonly Thread[] _threads;
    private readonly CountdownEvent _done = new(0);
    private readonly Exception?[] _failures;
    private PacketBlock? _block;
    private readonly FragmentPlacer? _placer;
    private int[] _blockPlaces = [];
    private volatile bool _isStopping;

    private EngineJudge(FabricPlan plan, FilterSet filters, ResultTables tables, JudgeOptions options, int workers, int batchSize, Func<int, IBatchObserver>? observers)
    {
        Tables = tables;
        Filters = filters;
        _options = options;
        _sharding = new Sharding(plan);
        _fragments = new FragmentMemory(tables.Paths);
        _placer = options.Fragments == FragmentPolicy.Drop ? null : Place;
        _budget = new CausalBudget();
        _pool = new FlowPool(options.MaxFlows);
        TrackedNames tracked = new(tables.Names);
        AddressClasses classes = new(plan);
        _workers = new Worker[workers];
        _mine = new int[workers][];
        _mineCounts = new int[workers];
        _start = new SemaphoreSlim[workers];
        _threads = new Thread[workers - 1];
        _failures = new Exception?[workers];
        for (int i = 0; i < workers; i++)
        {
            _workers[i] = new Worker(plan, classes, filters, tables, tracked, options, _pool, _budget, _fragments, FlowHash.Secret, batchSize, observers?.Invoke(i));
            _mine[i] = new int[PacketBlock.Capacity];
            _start[i] = new SemaphoreSlim(0);
            if (i > 0)
            {
                int number = i;
                _threads[i - 1] = new Thread(() => Loop(number)) { IsBackground = true, Name = $"worker {i}" };
                _threads[i - 1].Start();
            }
        }
    }

    public ResultTables Tables { get; }

    /// <summary>The rule lists that it asks; a slot may be replaced while it runs.</summary>
    public FilterSet Filters { get; }

    public int Workers => _workers.Length;

    /// <summary>Flow entries of all workers, live and dead.</summary>
    public int Flows
    {
        get
        {
            int sum = 0;
            foreach (Worker worker in _workers)
            {
                sum += worker.Flows;
            }

            return sum;
        }
    }

    /// <summary>A bound was reached (flows, causal memory): from then on records may depend on the number of workers.</summary>
    public bool IsCapped => Flows >= _pool.Capacity || Counters.TableFull + Counters.Reclaimed > 0 || _budget.Dropped > 0;

    /// <summary>Sums over all workers. Not while Judge runs.</summary>
    public Counters Counters
    {
        get
        {
            Counters sum = new();
            foreach (Worker worker in _workers)
            {
                sum.Add(worker.Counters);
            }

            return sum;
        }
    }

    /// <summary>Packets that are unplaced because their source lies behind a gateway that is not enforced, by the gateway's id.</summary>
    public IReadOnlyDictionary<string, long> UnplacedBehind
    {
        get
        {
            SortedDictionary<string, long> sum = new(StringComparer.Ordinal);
            foreach (Worker worker in _workers)
            {
                foreach ((int name, long packets) in worker.UnplacedBehind)
                {
                    string gateway = Tables.Names[name]!;
                    sum[gateway] = sum.GetValueOrDefault(gateway) + packets;
                }
            }

            return sum;
        }
    }

    /// <param name="plan">Made with <paramref name="tables"/>; its rule names are in them.</param>
    /// <param name="filters">By the slots that the plan names.</param>
    /// <param name="workers">1 to 64.</param>
    /// <param name="batchSize">Packets that are looked up together; results do not depend on it.</param>
    /// <param name="observers">Makes the observer of a worker, by number; null for none.</param>
    public static EngineJudge Create(
        FabricPlan plan, FilterSet filters, ResultTables tables, JudgeOptions options, int workers, int batchSize = 128, Func<int, IBatchObserver>? observers = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(workers, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(workers, Sharding.Shards);
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.MaxFlows, 1);
        return new EngineJudge(plan, filters, tables, options, workers, batchSize, observers);
    }

    /// <inheritdoc/>
    public void Judge(PacketBlock block)
    {
        ArgumentNullException.ThrowIfNull(block);
        ObjectDisposedException.ThrowIf(_isStopping, this);
        if (_workers.Length == 1)
        {
            _workers[0].Run(block, AllIndexes.AsSpan(0, block.Count), [], _placer);
            return;
        }

        Dispatch(block);
        _block = block;
        _done.Reset(_workers.Length - 1);
        for (int i = 1; i < _workers.Length; i++)
        {
            _start[i].Release();
        }

        RunWorker(0);
        _done.Wait();
        _block = null;
        foreach (Exception? failure in _failures)
        {
            if (failure is not null)
            {
                ExceptionDispatchInfo.Throw(failure);
            }
        }
    }

    public void Dispose()
    {
        if (!_isStopping)
        {
            _isStopping = true;
            for (int i = 1; i < _start.Length; i++)
            {
                _start[i].Release();
                _threads[i - 1].Join();
            }

            foreach (Worker worker in _workers)
            {
                worker.Dispose();
            }
        }
    }

    /// <summary>With one worker: the places of a batch's fragments.</summary>
    private ReadOnlySpan<int> Place(PacketBlock block, ReadOnlySpan<int> batch)
    {
        _fragments.NextBlock();
        foreach (int index in batch)
        {
            _places[index] = PlaceOf(block, index, 0, out _);
        }

        return _places;
    }

    private void Dispatch(PacketBlock block)
    {
        _fragments.NextBlock();
        _blockPlaces = _places;
        Array.Clear(_mineCounts);
        for (int i = 0; i < block.Count; i++)
        {
            ref readonly Headers packet = ref block.Headers[i];
            int shard = packet.Status == PacketStatus.Ok ? _sharding.ShardOf(in packet, in block.Quotes[i]) : i & (Sharding.Shards - 1);
            _places[i] = PlaceOf(block, i, shard, out int firstShard);
            shard = firstShard >= 0 ? firstShard : shard;
            int worker = shard % _workers.Length;
            _mine[worker][_mineCounts[worker]++] = i;
        }
    }

    /// <param name="firstShard">The shard of a later fragment's first, or -1.</param>
    private int PlaceOf(PacketBlock block, int index, int shard, out int firstShard)
    {
        ref readonly Headers packet = ref block.Headers[index];
        firstShard = -1;
        if (packet.Status != PacketStatus.Ok || _options.Fragments == FragmentPolicy.Drop)
        {
            return -1;
        }

        long now = Timeouts.Clamp(block.Packets[index].Time);
        if (packet.IsFirstFragment)
        {
            return _fragments.Remember(in packet, now, shard);
        }

        if (!packet.IsLaterFragment)
        {
            return -1;
        }

        int place = _fragments.Find(in packet, now, out int first);
        firstShard = place >= 0 ? first : -1;
        return place;
    }

    private void Loop(int number)
    {
        while (true)
        {
            _start[number].Wait();
            if (_isStopping)
            {
                return;
            }

            RunWorker(number);
            _done.Signal();
        }
    }

    private void RunWorker(int number)
    {
        try
        {
            _workers[number].Run(_block!, _mine[number].AsSpan(0, _mineCounts[number]), _blockPlaces);
        }
        catch (Exception exception)
        {
            _failures[number] = exception;
        }
    }

    private static int[] CountUp()
    {
        int[] indexes = new int[PacketBlock.Capacity];
        for (int i = 0; i < indexes.Length; i++)
        {
            indexes[i] = i;
        }

        return indexes;
    }

    private static int[] NonePlaces()
    {
        int[] places = new int[PacketBlock.Capacity];
        Array.Fill(places, -1);
        return places;
    }
}
