using System;
using System.Collections.Generic;
using System.Linq;

namespace Dataplane.Cli;

/// <summary>What is wrong with a command, gathered before it does anything, so that all of it is said at once.</summary>
internal sealed class Faults
{
    private readonly List<CommandException> _found = [];

    /// <summary>Does what may find a fault; null (or a zero) when it did.</summary>
    internal T? Of<T>(Func<T> work)
    {
        try
        {
            return work();
        }
        catch (CommandException e)
        {
            _found.Add(e);
            return default;
        }
    }

    /// <summary>Does what may find a fault.</summary>
    internal void Of(Action work) => Of(() =>
    {
        work();
        return true;
    });

    /// <exception cref="CommandException">Something was found: all messages. Wrong usage says the exit code; else the highest does.</exception>
    internal void Throw()
    {
        if (_found.Count > 0)
        {
            bool isUsage = _found.Exists(e => e.ExitCode == ExitCode.Usage);
            throw new CommandException(isUsage ? ExitCode.Usage : _found.Max(e => e.ExitCode), string.Join(Environment.NewLine + "dataplane: ", _found.Select(e => e.Message)));
        }
    }
}
