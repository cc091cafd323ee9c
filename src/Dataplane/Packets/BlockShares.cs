using System;
using System.Linq;
using Dataplane.Records;

namespace Dataplane.Packets;

/// <summary>A block's packets as several workers share them: which are whose, and results of each worker's own, since two cores that write to one line of memory wait for each other.</summary>
internal sealed class BlockShares(int workers)
{
    private readonly int[][] _lists = [.. Enumerable.Range(0, workers).Select(_ => new int[PacketBlock.Capacity])];
    private readonly int[] _counts = new int[workers];
    private readonly PacketResult[]?[] _results = [.. Enumerable.Range(0, workers).Select(i => i == 0 ? null : new PacketResult[PacketBlock.Capacity])];

    public int Workers => workers;

    /// <summary>By index in the block.</summary>
    public byte[] Shards { get; } = new byte[PacketBlock.Capacity];

    /// <summary>By index in the block: a place in the fragment memory, or -1. Set when <see cref="HasPlaces"/>.</summary>
    public int[] Places { get; } = new int[PacketBlock.Capacity];

    public bool HasPlaces { get; set; }

    /// <summary>A worker's packets: indexes in the block, ascending.</summary>
    public ReadOnlySpan<int> Of(int worker) => _lists[worker].AsSpan(0, _counts[worker]);

    /// <summary>Where a worker's results go, by index in the block; null for worker 0, whose results go into the block's own.</summary>
    public PacketResult[]? ResultsOf(int worker) => _results[worker];

    /// <summary>Shares out a block's first packets by their shards.</summary>
    public unsafe void Deal(int count)
    {
        ReadOnlySpan<byte> shards = Shards.AsSpan(0, count);
        if (workers == 2)
        {
            // No branch on whose a packet is: a coin's throw.
            int odd = 0;
            fixed (byte* shard = shards)
            fixed (int* first = _lists[0], second = _lists[1])
            {
                for (int i = 0; i < count; i++)
                {
                    first[i - odd] = i;
                    second[odd] = i;
                    odd += shard[i] & 1;
                }
            }

            _counts[0] = count - odd;
            _counts[1] = odd;
            return;
        }

        Array.Clear(_counts);
        for (int i = 0; i < shards.Length; i++)
        {
            int worker = shards[i] % workers;
            _lists[worker][_counts[worker]++] = i;
        }
    }

    /// <summary>Takes the other workers' results into the block's own.</summary>
    public void GatherInto(PacketResult[] results)
    {
        for (int worker = 1; worker < workers; worker++)
        {
            PacketResult[] from = _results[worker]!;
            foreach (int index in Of(worker))
            {
                results[index] = from[index];
            }
        }
    }
}
