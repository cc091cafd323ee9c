using System;
using System.Collections.Generic;
using System.IO;
using Dataplane.Engine;
using Dataplane.Packets;

namespace Dataplane.Cli;

/// <summary>What a live run writes. An output that cannot be written any more is said and given up, and asks the run to end; the others are written to their end.</summary>
/// <param name="end">Asks the run to end; any thread.</param>
internal sealed class LiveOutputs(Action end) : IPacketSink
{
    private readonly List<(OutputFile File, IPacketSink Sink)> _sinks = [];

    /// <summary>Whether packets are written at all.</summary>
    internal bool HasSinks => _sinks.Count > 0;

    /// <summary>An output could not be written. That the reader of standard output went away is none of these.</summary>
    internal bool HasFailed { get; private set; }

    /// <param name="file">Null when it was not asked for.</param>
    /// <param name="sink">Hands on whole records at the end of each block.</param>
    internal void Add(OutputFile? file, Func<Stream, IPacketSink> sink)
    {
        if (file is not null)
        {
            _sinks.Add((file, sink(file.Stream)));
        }
    }

    /// <inheritdoc/>
    public void Write(PacketBlock block)
    {
        foreach ((OutputFile file, IPacketSink sink) in _sinks)
        {
            if (!file.HasFailed)
            {
                try
                {
                    sink.Write(block);
                    file.Keep();
                }
                catch (Exception e) when (e is IOException or UnauthorizedAccessException)
                {
                    GiveUp(file, e);
                }
            }
        }
    }

    /// <inheritdoc/>
    public void Complete()
    {
        foreach ((OutputFile file, IPacketSink sink) in _sinks)
        {
            Write(file, sink.Complete);
        }
    }

    /// <summary>Writes what is written at the end, if it was asked for.</summary>
    internal void Write(OutputFile? file, Action work)
    {
        if (file is null || file.HasFailed)
        {
            return;
        }

        try
        {
            work();
            file.Keep();
            file.Complete();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            GiveUp(file, e);
        }
    }

    private void GiveUp(OutputFile file, Exception e)
    {
        file.GiveUp();
        if (!(file.IsStandardOutput && e is IOException pipe && Program.IsClosedPipe(pipe)))
        {
            HasFailed = true;
            Voice.Error($"dataplane: {(e is OutputException ? "" : $"{file.Option} {file.Path}: ")}{OutputFile.Sentence(e.Message)} What was written before is kept, and the run ends. Free space or choose another place.");
        }

        end();
    }
}
