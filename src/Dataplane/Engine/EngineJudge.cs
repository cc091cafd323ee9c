// The engine as a judge of blocks: the caller dispatches, N workers judge, results land in the block.
//
// With several workers some blocks go through two rounds together, the caller's thread being worker 0. (1) Whoever has time takes the next slice of a block: the
// shard of every packet. So a worker that is woken late holds nobody up. Who finishes the last slice gives fragments their places, in order, if there
// are any. (2) Each judges the packets of its own shards into disjoint results. A flow lives in one shard, a shard belongs to one worker, so results do not
// depend on N unless a cap was reached (IsCapped). Workers meet twice for up to sixteen blocks: where cores are taken by others, a meeting costs a turn of the
// scheduler. One worker needs no shards and sees its packets batch by batch.
//
// Threads: started on construction, N - 1 of them, in the background; Dispose ends them and frees the flow tables. A worker's exception is rethrown by Judge.

using System;
using System.Collections.Generic;
using System.Linq;
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
    private const int MostBlocks = 16;

    // Packets of a slice: some microseconds, so that slices come out even and taking one costs nothing beside it.
    private const int Slice = 256;
    private const int Slices = PacketBlock.Capacity / Slice;

    private readonly int[] _places = NonePlaces();
    private readonly Pass[] _passes;
    private readonly Thread[] _threads;
    private readonly Gate _start = new();
    private readonly Gate _ready = new();
    private readonly Gate _done = new();
    private int _round;
    private int _working;
    private int _nextSlice;
    private int _unseen;
    private int _flags;
    private int _count;
    private readonly Exception?[] _failures;
    private readonly FragmentPlacer? _placer;
    private volatile bool _isStopping;
    private FabricPlan? _importedFrom;
    private PlanNumbers? _importNumbers;

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
        Plan = plan;
        _workers = new Worker[workers];
        _passes = new Pass[workers == 1 ? 0 : MostBlocks];
        for (int i = 0; i < _passes.Length; i++)
        {
            _passes[i] = new Pass(workers);
        }

        _threads = new Thread[workers - 1];
        _failures = new Exception?[workers];
        for (int i = 0; i < workers; i++)
        {
            _workers[i] = new Worker(plan, classes, filters, tables, tracked, options, _pool, _budget, _fragments, FlowHash.Secret, batchSize, observers?.Invoke(i));
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
    public FilterSet Filters { get; private set; }

    /// <summary>The network that it walks.</summary>
    public FabricPlan Plan { get; private set; }

    public int Workers => _workers.Length;

    /// <summary>Whether large flow tables stand in 2 MiB pages here, in words for a person.</summary>
    public static string HugePages => FlowMemory.HugePages;

    /// <inheritdoc/>
    public int BlocksAtOnce => _workers.Length == 1 ? 1 : MostBlocks;

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

    /// <summary>From the next block on the policy judges. O(flows) when interfaces, gateways or associations have other numbers now, else O(1). Not while Judge runs.</summary>
    public void Adopt(NextPolicy policy)
    {
        PlanNumbers numbers = NextPolicy.Numbers(Plan, Tables.Names, policy.Plan, Tables.Names);
        _workers[0].Adopt(policy.Worker, numbers.IsSame ? null : numbers);
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
    public void Judge(PacketBlock block) => Judge(new ReadOnlySpan<PacketBlock>(in block));

    /// <inheritdoc/>
    public void Judge(ReadOnlySpan<PacketBlock> blocks)
    {
        ObjectDisposedException.ThrowIf(_isStopping, this);
        if (_workers.Length == 1)
        {
            foreach (PacketBlock block in blocks)
            {
                _workers[0].Run(block, AllIndexes.AsSpan(0, block.Count), _placer);
            }

            return;
        }

        for (int first = 0; first < blocks.Length; first += MostBlocks)
        {
            JudgeTogether(blocks.Slice(first, Math.Min(MostBlocks, blocks.Length - first)));
        }
    }

    public void Dispose()
    {
        if (!_isStopping)
        {
            _isStopping = true;
            _start.Move();
            foreach (Thread thread in _threads)
            {
                thread.Join();
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

    private void JudgeTogether(ReadOnlySpan<PacketBlock> blocks)
    {
        _count = blocks.Length;
        for (int i = 0; i < blocks.Length; i++)
        {
            _passes[i].Block = blocks[i];
        }

        _flags = 0;
        _nextSlice = 0;
        _unseen = blocks.Length * Slices;
        Volatile.Write(ref _working, _workers.Length - 1);
        int round = _round++;
        _start.Move();
        RunWorker(0, round);
        _done.WaitWhile(round);
        for (int i = 0; i < blocks.Length; i++)
        {
            _passes[i].Merge(_workers.Length);
        }

        foreach (Exception? failure in _failures)
        {
            if (failure is not null)
            {
                ExceptionDispatchInfo.Throw(failure);
            }
        }
    }

    /// <summary>With several workers: the places of a block's fragments, and the shard of a first fragment for the later ones.</summary>
    private void PlaceAll(Pass pass)
    {
        for (int i = 0; i < pass.Block.Count; i++)
        {
            pass.Places[i] = PlaceOf(pass.Block, i, pass.Shards[i], out int firstShard);
            if (firstShard >= 0)
            {
                pass.Shards[i] = (byte)firstShard;
            }
        }
    }

    /// <summary>Between the rounds, by one thread: what needs all packets in order. Then everybody may judge.</summary>
    private void Meet()
    {
        bool hasFragments = _placer is not null && ((HeaderFlags)_flags & (HeaderFlags.FirstFragment | HeaderFlags.LaterFragment)) != 0;
        try
        {
            if (hasFragments)
            {
                _fragments.NextBlock();
            }

            for (int i = 0; i < _count; i++)
            {
                _passes[i].HasPlaces = hasFragments;
                if (hasFragments)
                {
                    PlaceAll(_passes[i]);
                }
            }
        }
        finally
        {
            _ready.Move();
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
        for (int round = 0; ; round++)
        {
            _start.WaitWhile(round);
            if (_isStopping)
            {
                return;
            }

            RunWorker(number, round);
            if (Interlocked.Decrement(ref _working) == 0)
            {
                _done.Move();
            }
        }
    }

    private void RunWorker(int number, int round)
    {
        try
        {
            See();
            _ready.WaitWhile(round);
            for (int i = 0; i < _count; i++)
            {
                Pass pass = _passes[i];
                _workers[number].RunShards(pass.Block, pass.ResultsOf(number), pass.Shards, number, _workers.Length, pass.HasPlaces ? pass.Places : []);
            }
        }
        catch (Exception exception)
        {
            _failures[number] ??= exception;
            _ready.WaitWhile(round);    // the others may still need this round's blocks
        }
    }

    /// <summary>First round: slices until there are none.</summary>
    private void See()
    {
        int all = _count * Slices;
        for (int slice = Interlocked.Increment(ref _nextSlice) - 1; slice < all; slice = Interlocked.Increment(ref _nextSlice) - 1)
        {
            Pass pass = _passes[slice / Slices];
            int from = slice % Slices * Slice;
            try
            {
                HeaderFlags flags = _sharding.See(pass.Block, from, Math.Min(pass.Block.Count, from + Slice), pass.Shards);
                if ((flags & (HeaderFlags.FirstFragment | HeaderFlags.LaterFragment)) != 0)
                {
                    Interlocked.Or(ref _flags, (int)flags);
                }
            }
            finally
            {
                if (Interlocked.Decrement(ref _unseen) == 0)
                {
                    Meet();
                }
            }
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

    /// <summary>What the first round finds of a block, for the second.</summary>
    private sealed class Pass(int workers)
    {
        // Worker 0 is the thread that has the block next, and writes into it.
        private readonly PacketResult[][] _others = [.. Enumerable.Range(1, workers - 1).Select(_ => new PacketResult[PacketBlock.Capacity])];

        public PacketBlock Block { get; set; } = null!;

        public byte[] Shards { get; } = new byte[PacketBlock.Capacity];

        public int[] Places { get; } = new int[PacketBlock.Capacity];

        public bool HasPlaces { get; set; }

        public PacketResult[] ResultsOf(int worker) => worker == 0 ? Block.Results : _others[worker - 1];

        /// <summary>Takes the others' results into the block, when all are done.</summary>
        public void Merge(int workers)
        {
            PacketResult[] results = Block.Results;
            ReadOnlySpan<byte> shards = Shards.AsSpan(0, Block.Count);
            for (int i = 0; i < shards.Length; i++)
            {
                int worker = shards[i] % workers;
                if (worker != 0)
                {
                    results[i] = _others[worker - 1][i];
                }
            }
        }
    }
}
