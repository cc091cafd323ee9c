using System;
using System.Runtime.InteropServices;

namespace Dataplane.Flows;

/// <summary>Causal states by key, in the order in which they were last renewed.</summary>
/// <remarks>
/// One thread owns it. 48 bytes a flow (IPv6: 80), 13 to 26 of index; nothing is allocated in steady state. Who goes next is read ahead: its record, and the bucket
/// from which it must be taken, are in the cache when it goes.
/// </remarks>
internal sealed class CausalTable : IDisposable
{
    private const int Ahead = 6;

    private readonly FlowIndex _index = new();
    private readonly FlowChunks<Record> _records = new();
    private readonly FlowChunks<FlowKey> _wide = new();
    private int _used;
    private int _free = -1;
    private int _oldest = -1;
    private int _newest = -1;

    /// <summary>A record some places behind the oldest, as a rule; or -1.</summary>
    private int _ahead = -1;

    /// <summary>Hashes whose buckets were asked for last, the earliest first.</summary>
    private uint _asked1;
    private uint _asked2;
    private uint _asked3;

    public int Count => _index.Count;

    public void Prepare(int flows)
    {
        _index.Prepare(flows);
        _records.Prepare(flows);
    }

    public void Prefetch(uint hash) => _index.Prefetch(hash);

    /// <summary>Asks the cache for the record that a hash probably has, or for the bucket where it may be else.</summary>
    public void PrefetchRecord(uint hash)
    {
        int candidate = _index.Candidate(hash);
        if (candidate >= 0)
        {
            _records.Prefetch(candidate);
        }
        else
        {
            _index.PrefetchSpill(hash);
        }
    }

    public int Find(in FlowKey key, uint hash)
    {
        for (int index = _index.First(hash, out FlowIndex.Search search); index >= 0; index = _index.Next(ref search))
        {
            ref Record record = ref _records[index];
            if (record.Ends == key.Ends && record.Rest == key.Rest && ((key.Rest & 1) == 0 || _wide[index].Equals(key)))
            {
                return index;
            }
        }

        return -1;
    }

    public CausalState State(int index) => new() { Last = _records[index].Last, Bits = _records[index].Bits };

    public int Add(in FlowKey key, uint hash)
    {
        int index = _free;
        if (index >= 0)
        {
            _free = _records[index].Newer;
        }
        else
        {
            index = _used++;
            _records.Need(index);
        }

        ref Record record = ref _records[index];
        (record.Ends, record.Rest, record.Hash) = (key.Ends, key.Rest, hash);
        if (key.IsIpv6)
        {
            _wide.Need(index);
            _wide[index] = key;
        }

        _index.Add(hash, index);
        Link(index, ref record);
        return index;
    }

    /// <summary>Sets a state and makes it the newest.</summary>
    public void Renew(int index, in CausalState state)
    {
        ref Record record = ref _records[index];
        (record.Last, record.Bits) = (state.Last, state.Bits);
        if (_newest != index)
        {
            Unlink(index, ref record);
            Link(index, ref record);
        }
    }

    public void RemoveOldest()
    {
        Remove(_oldest);

        // Who goes some turns later: its bucket is asked for now, and the record that probably is a neighbour of its in memory.
        if (_ahead < 0 || _ahead == _oldest)
        {
            _ahead = _oldest;
            for (int i = 0; i < Ahead && _ahead >= 0; i++)
            {
                _ahead = _records[_ahead].Newer;
            }
        }

        if (_ahead >= 0)
        {
            ref Record later = ref _records[_ahead];
            _index.Prefetch(later.Hash);
            _index.PrefetchSpill(_asked1);
            (_asked1, _asked2, _asked3) = (_asked2, _asked3, later.Hash);
            _records.Prefetch(_ahead + Ahead);
            _ahead = later.Newer;
        }
    }

    public void Remove(int index)
    {
        ref Record record = ref _records[index];
        _index.Remove(record.Hash, index);
        Unlink(index, ref record);
        record.Newer = _free;
        _free = index;
    }

    public void Dispose()
    {
        _index.Dispose();
        _records.Dispose();
        _wide.Dispose();
    }

    private void Link(int index, ref Record record)
    {
        record.Older = _newest;
        record.Newer = -1;
        if (_newest >= 0)
        {
            _records[_newest].Newer = index;
        }
        else
        {
            _oldest = index;
        }

        _newest = index;
    }

    private void Unlink(int index, ref Record record)
    {
        (int older, int newer) = (record.Older, record.Newer);
        _ahead = index == _ahead ? newer : _ahead;
        if (index != _oldest)
        {
            _records[older].Newer = newer;
        }
        else
        {
            _oldest = newer;
        }

        if (newer >= 0)
        {
            _records[newer].Older = older;
        }
        else
        {
            _newest = older;
        }
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Record
    {
        public ulong Ends;
        public ulong Rest;
        public long Last;
        public uint Hash;

        /// <summary>Meaningless in the oldest.</summary>
        public int Older;
        public int Newer;
        public ushort Bits;
    }
}
