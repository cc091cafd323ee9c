// Paths that one worker has met, so that a walk neither locks the path table nor allocates for a path that is known. Direct-mapped: a newer path takes the
// place of an older one. When the path table is full, a result's path is spilled: it has a number that is good until
// the blocks that are now on their way are through (PathTable.Spill), and is never kept in a cached decision.

using System;
using System.Numerics;
using Dataplane.Records;

namespace Dataplane.Fabric;

/// <summary>Numbers of paths by their content. One thread owns it.</summary>
public sealed class PathCache(PathTable paths)
{
    private const int Size = 1 << 15;

    private readonly int[] _numbers = new int[Size];    // number + 1; 0 is free

    /// <summary>The number of a path.</summary>
    /// <param name="isLasting">False for a spilled one.</param>
    public int Number(Verdict verdict, DenyReason reason, FlowState state, int rule, ReadOnlySpan<int> steps, out bool isLasting)
    {
        uint hash = (uint)((int)verdict | (int)reason << 8 | (int)state << 16) * 0x9E37_79B1u ^ (uint)rule * 0x85EB_CA77u;
        foreach (int step in steps)
        {
            hash = (BitOperations.RotateLeft(hash, 5) ^ (uint)step) * 0x9E37_79B1u;
        }

        ref int place = ref _numbers[hash >> 17];
        isLasting = true;
        if (place > 0)
        {
            PathEntry known = paths[place - 1];
            if (known.Verdict == verdict && known.Reason == reason && known.State == state && known.Rule == rule && steps.SequenceEqual(known.Steps))
            {
                return place - 1;
            }
        }

        int number = paths.Intern(verdict, reason, state, rule, steps);
        if (number >= 0)
        {
            place = number + 1;
            return number;
        }

        isLasting = false;
        return paths.Spill(verdict, reason, state, rule, steps);
    }
}
