using System;

namespace Dataplane.Capture;

/// <summary>A capture that cannot be opened, or a file that is none. The message is <c>WHERE: WHAT. HOW TO MEND.</c></summary>
public sealed class CaptureException(string where, string what, string mend, Exception? inner = null)
    : Exception($"{where}: {what}. {mend}.", inner)
{
    /// <summary>The file as it was named, or "standard input".</summary>
    public string Where { get; } = where;

    public string What { get; } = what;

    public string Mend { get; } = mend;
}
