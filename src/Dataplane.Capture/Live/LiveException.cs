using System;
using System.Collections.Generic;
using System.Linq;

namespace Dataplane.Capture.Live;

/// <summary>Interfaces that cannot be opened. The message has one line <c>WHERE: WHAT. HOW TO MEND.</c> for each fault, of all interfaces that were asked for.</summary>
public sealed class LiveException(IReadOnlyList<LiveFault> faults, Exception? inner = null) : Exception(string.Join('\n', faults.Select(f => f.ToString())), inner)
{
    internal LiveException(string where, string what, string mend, Exception? inner = null)
        : this([new LiveFault(where, what, mend)], inner)
    {
    }

    /// <summary>At least one.</summary>
    public IReadOnlyList<LiveFault> Faults { get; } = faults;
}
