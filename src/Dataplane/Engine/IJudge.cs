using System;
using Dataplane.Packets;
using Dataplane.Records;

namespace Dataplane.Engine;

/// <summary>Decides packets in capture order: the compiled engine, or the reference interpreter.</summary>
public interface IJudge
{
    /// <summary>What the numbers of results mean.</summary>
    ResultTables Tables { get; }

    /// <summary>Fills <see cref="PacketBlock.Results"/> for all packets of a block whose headers are parsed.</summary>
    /// <param name="block">Blocks come in capture order; state carries over from one to the next.</param>
    void Judge(PacketBlock block);

    /// <summary>Threads that judge, the caller's among them. With several, <see cref="Run"/> takes a feed.</summary>
    int Workers => 1;

    /// <summary>Reads, parses and judges all that a feed has, by several workers.</summary>
    /// <exception cref="NotSupportedException">It has one worker.</exception>
    void Run(IBlockFeed feed) => throw new NotSupportedException("a judge with one worker is given its blocks");
}
