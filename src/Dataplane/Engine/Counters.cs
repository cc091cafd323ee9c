using System;
using Dataplane.Records;

namespace Dataplane.Engine;

/// <summary>What one worker, or all together, did.</summary>
/// <remarks>Packets in = the sum of <see cref="Packets"/>, exactly.</remarks>
public sealed class Counters
{
    /// <summary>Packets by <see cref="Verdict"/>.</summary>
    public long[] Packets { get; } = new long[6];

    /// <summary>Bytes on the wire by <see cref="Verdict"/>.</summary>
    public long[] Bytes { get; } = new long[6];

    /// <summary>Packets that a cached decision answered.</summary>
    public long Hits { get; set; }

    /// <summary>Packets that walked the fabric.</summary>
    public long Walks { get; set; }

    /// <summary>Packets that were denied as one before them had been, without a walk.</summary>
    public long Refused { get; set; }

    /// <summary>First packets that were allowed as one before them had been, without a walk.</summary>
    public long Admitted { get; set; }

    /// <summary>Later fragments that got the record of their first.</summary>
    public long Fragments { get; set; }

    /// <summary>Packets denied TRACKING_TABLE_FULL.</summary>
    public long TableFull { get; set; }

    /// <summary>Flow entries that were freed because room was needed.</summary>
    public long Reclaimed { get; set; }

    public long Total
    {
        get
        {
            long total = 0;
            foreach (long packets in Packets)
            {
                total += packets;
            }

            return total;
        }
    }

    public void Add(Counters other)
    {
        ArgumentNullException.ThrowIfNull(other);
        for (int i = 0; i < Packets.Length; i++)
        {
            Packets[i] += other.Packets[i];
            Bytes[i] += other.Bytes[i];
        }

        Hits += other.Hits;
        Walks += other.Walks;
        Refused += other.Refused;
        Admitted += other.Admitted;
        Fragments += other.Fragments;
        TableFull += other.TableFull;
        Reclaimed += other.Reclaimed;
    }
}
