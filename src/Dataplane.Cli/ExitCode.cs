namespace Dataplane.Cli;

/// <summary>What the program's exit code says. Where several apply: a signal, then 70, 5, 4, 1.</summary>
internal static class ExitCode
{
    internal const int Done = 0;

    /// <summary>The command did its work and the answer is negative.</summary>
    internal const int Negative = 1;

    internal const int Usage = 2;

    internal const int Topology = 3;

    internal const int Capture = 4;

    /// <summary>No permission, no such interface, an output that cannot be written.</summary>
    internal const int System = 5;

    internal const int Bug = 70;

    internal const int Interrupted = 130;

    internal const int Terminated = 143;
}
