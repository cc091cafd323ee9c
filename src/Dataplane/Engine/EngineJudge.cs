// The engine as a judge of blocks: one worker in the caller's thread, or a crew of them (Crew.cs). Results land in the block.
//
// One worker needs no shards and sees its packets batch by batch. Several take a feed of blocks and do everything for it, or the blocks of one call. A flow
// lives in one shard, a shard belongs to one worker, so results do not depend on N unless a cap was reached (IsCapped).
//
// Threads: started on construction, N - 1 of them, in the background; Dispose ends them and frees the flow tables. A worker's exception is rethrown to the caller.

using System;
using System.Collections.Generic;
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
    private readonly FragmentMemory _fragments;
    private readonly CausalBudget _budget;
    private readonly FlowPool _pool;
    private readonly JudgeOptions _options;
    private readonly int[] _places = NonePlaces();
    private readonly FragmentPlacer? _placer;
    private readonly Crew? _crew;
    private readonly GivenBlock? _given;
    private long _batch;
    private bool _isDisposed;
    private FabricPlan? _importedFrom;
    private PlanNumbers? _importNumbers;

    private EngineJudge(FabricPlan plan, FilterSet filters, ResultTables tables, JudgeOptions options, int workers, int batchSize, Func<int, IBatchObserver>? observers)
    {
        Tables = tables;
        Filters = filters;
        _options = options;
        _fragments = new FragmentMemory(tables.Paths);
        _placer = options.Fragments == FragmentPolicy.Drop ? null : Place;
        _budget = new CausalBudget();
        _pool = new FlowPool(options.MaxFlows);
        TrackedNames tracked = new(tables.Names);
        AddressClasses classes = new(plan);
        Plan = plan;
        _workers = new Worker[workers];
        for (int i = 0; i < workers; i++)
        {
            _workers[i] = new Worker(plan, classes, filters, tables, tracked, options, _pool, _budget, _fragments, FlowHash.Secret, batchSize, observers?.Invoke(i));
        }

        if (workers > 1)
        {
            _crew = new Crew(_workers, new Sharding(plan), _placer is null ? null : PlaceAll);
            _given = new GivenBlock();
        }
    }

    public ResultTables Tables { get; }

    /// <summary>The rule lists that it asks; a slot may be replaced while it runs.</summary>
    public FilterSet Filters { get; private set; }

    /// <summary>The network that it walks.</summary>
    public FabricPlan Plan { get; private set; }

    /// <inheritdoc/>
    public int Workers => _workers.Length;

    /// <summary>Whether large flow tables stand in 2 MiB pages here, in words for a person.</summary>
    public static string HugePages => FlowMemory.HugePages;

    /// <summary>Flow entries of all workers, live and dead.</summary>
    public int Flows => (int)Sum(static worker => worker.Flows);

    /// <summary>Bytes that the flow entries of all workers take, and their index.</summary>
    public long FlowBytes => Sum(static worker => worker.FlowBytes);

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

    /// <summary>Packets that are unplaced because their source lies behind a gateway that is not enforced, or an end of theirs is an interface of such a component, by its id.</summary>
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

    /// <summary>Commits the tables' memory for so many IPv4 flows, before the first packet: then no packet waits for a page of memory.</summary>
    /// <param name="flows">0 to MaxFlows; each of several workers prepares for a quarter more than its share.</param>
    public void Prepare(int flows)
    {
        int share = _workers.Length == 1 ? flows : (int)Math.Min(flows, (flows * 5L / 4 / _workers.Length) + 1);
        foreach (Worker worker in _workers)
        {
            worker.Prepare(Math.Min(share, _pool.Capacity));
        }
    }

    /// <summary>Puts together what <see cref="Adopt"/> takes over. Any thread, beside Judge; it is for the policy that is in force when it is adopted.</summary>
    /// <param name="plan">Made with <see cref="Tables"/>.</param>
    /// <param name="filters">By the slots that the plan names.</param>
    /// <exception cref="InvalidOperationException">Several workers (a flow's shard may depend on the network), or causal memory, which live runs have not.</exception>
    public NextPolicy Prepare(FabricPlan plan, FilterSet filters)
    {
        if (_workers.Length != 1 || _options.Causal)
        {
            throw new InvalidOperationException("a policy is changed under one worker without causal memory only");
        }

        return new NextPolicy(plan, filters, _workers[0].Prepare(plan, new AddressClasses(plan), filters, Tables, new TrackedNames(Tables.Names)));
    }

    /// <summary>From the next block on the policy judges. O(flows) when interfaces or gateways have other numbers, or public addresses or time-outs changed; else O(1) in them. Not while Judge runs.</summary>
    /// <param name="now">When that is, by the packets' clock, nanoseconds since 1970.</param>
    public void Adopt(NextPolicy policy, long now)
    {
        _workers[0].Adopt(policy.Worker, NextPolicy.Numbers(Plan, Tables.Names, policy.Plan, Tables.Names), Timeouts.Clamp(now));
        (Plan, Filters) = (policy.Plan, policy.Filters);
    }

    /// <summary>Adds flows that live to a list. Of one worker, and not while Judge runs.</summary>
    /// <param name="from">0, or what the call before returned.</param>
    /// <param name="most">Entries that are looked at: a bound of the time that it takes.</param>
    /// <returns>Where to go on, or -1 when all were looked at.</returns>
    public int CopyLive(int from, int most, long now, List<FlowSnapshot> to) => _workers[0].CopyLive(from, most, now, to);

    /// <summary>Takes over a flow of another engine, before the first packet. False when nothing of it has a place here.</summary>
    /// <param name="plan">The other engine's.</param>
    /// <param name="names">The other engine's.</param>
    public bool Import(FlowSnapshot flow, long now, FabricPlan plan, NameTable names)
    {
        if (_importedFrom != plan)
        {
            (_importedFrom, _importNumbers) = (plan, NextPolicy.Numbers(plan, names, Plan, Tables.Names));
        }

        return _workers[0].Import(flow, now, _importNumbers!, rule => Tables.Names.Intern(names[rule]!));
    }

    /// <inheritdoc/>
    public void Judge(PacketBlock block)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        if (_crew is null)
        {
            _workers[0].Run(block, AllIndexes.AsSpan(0, block.Count), _placer);
            return;
        }

        _given!.Block = block;
        _crew.Run(_given);
    }

    /// <inheritdoc/>
    public void Run(IBlockFeed feed)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        (_crew ?? throw new NotSupportedException("a judge with one worker is given its blocks")).Run(feed);
    }

    public void Dispose()
    {
        if (!_isDisposed)
        {
            _isDisposed = true;
            _crew?.Dispose();
            foreach (Worker worker in _workers)
            {
                worker.Dispose();
            }
        }
    }

    private long Sum(Func<Worker, long> of)
    {
        long sum = 0;
        foreach (Worker worker in _workers)
        {
            sum += of(worker);
        }

        return sum;
    }

    /// <summary>With one worker: the places of a batch's fragments.</summary>
    private ReadOnlySpan<int> Place(PacketBlock block, ReadOnlySpan<int> batch)
    {
        _fragments.NextBlock(_batch, _batch);
        _batch++;
        foreach (int index in batch)
        {
            _places[index] = PlaceOf(block, index, 0, out _);
        }

        return _places;
    }

    /// <summary>With several workers: the places of a block's fragments, and the shard of a first fragment for the later ones.</summary>
    private void PlaceAll(PacketBlock block, BlockShares shares, long number)
    {
        _fragments.NextBlock(number, _crew!.Done);
        for (int i = 0; i < block.Count; i++)
        {
            shares.Places[i] = PlaceOf(block, i, shares.Shards[i], out int firstShard);
            if (firstShard >= 0)
            {
                shares.Shards[i] = (byte)firstShard;
            }
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

    /// <summary>The block of one call, as a feed. It is parsed, and nobody has to have it back.</summary>
    private sealed class GivenBlock : IBlockFeed
    {
        public PacketBlock? Block { get; set; }

        public Action? Changed { get; set; }

        public Fed Take(out PacketBlock block)
        {
            block = Block!;
            Block = null;
            return block is null ? Fed.End : Fed.Block;
        }

        public void Prepare(PacketBlock block)
        {
        }

        public void Give(PacketBlock block)
        {
        }
    }
}
