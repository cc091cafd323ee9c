using System;

namespace Dataplane.Flows;

/// <summary>Causal states by key, in the order in which they were last renewed.</summary>
/// <remarks>One thread owns it. Chained in flat arrays that double; nothing is allocated otherwise.</remarks>
internal sealed class CausalTable
{
    private int[] _heads = NewHeads(256);
    private Record[] _records = new Record[256];
    private int _used;
    private int _free = -1;
    private int _oldest = -1;
    private int _newest = -1;

    public int Count { get; private set; }

    public int Find(in FlowKey key, uint hash)
    {
        for (int index = _heads[hash & (uint)(_heads.Length - 1)]; index >= 0; index = _records[index].Next)
        {
            if (_records[index].Hash == hash && _records[index].Key.Equals(key))
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
            _free = _records[index].Next;
        }
        else
        {
            if (_used == _records.Length)
            {
                Array.Resize(ref _records, _used * 2);
                Rehash(_used * 2);
            }

            index = _used++;
        }

        ref int head = ref _heads[hash & (uint)(_heads.Length - 1)];
        _records[index] = new Record { Key = key, Hash = hash, Next = head, Older = -1, Newer = -1 };
        head = index;
        Link(index);
        Count++;
        return index;
    }

    /// <summary>Sets a state and makes it the newest.</summary>
    public void Renew(int index, CausalState state)
    {
        (_records[index].Last, _records[index].Bits) = (state.Last, state.Bits);
        if (_newest != index)
        {
            Unlink(index);
            Link(index);
        }
    }

    public void RemoveOldest() => Remove(_oldest);

    public void Remove(int index)
    {
        ref int link = ref _heads[_records[index].Hash & (uint)(_heads.Length - 1)];
        while (link != index)
        {
            link = ref _records[link].Next;
        }

        link = _records[index].Next;
        Unlink(index);
        _records[index].Next = _free;
        _free = index;
        Count--;
    }

    private void Link(int index)
    {
        _records[index].Older = _newest;
        _records[index].Newer = -1;
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

    private void Unlink(int index)
    {
        (int older, int newer) = (_records[index].Older, _records[index].Newer);
        if (older >= 0)
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

    private void Rehash(int size)
    {
        _heads = NewHeads(size);
        for (int index = _oldest; index >= 0; index = _records[index].Newer)
        {
            ref int head = ref _heads[_records[index].Hash & (uint)(size - 1)];
            _records[index].Next = head;
            head = index;
        }
    }

    private static int[] NewHeads(int size)
    {
        int[] heads = new int[size];
        Array.Fill(heads, -1);
        return heads;
    }

    private struct Record
    {
        public FlowKey Key;
        public long Last;
        public ushort Bits;
        public uint Hash;
        public int Next;
        public int Older;
        public int Newer;
    }
}
