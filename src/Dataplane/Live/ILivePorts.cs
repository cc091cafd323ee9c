using System;
using System.Collections.Generic;

namespace Dataplane.Live;

/// <summary>The live interfaces of one run, opened together.</summary>
/// <remarks>One thread uses it and its ports, but for <see cref="Wake"/>.</remarks>
public interface ILivePorts : IDisposable
{
    /// <summary>In the order in which they were asked for.</summary>
    IReadOnlyList<ILivePort> Ports { get; }

    /// <summary>Nanoseconds since 1970-01-01 UTC; never goes back.</summary>
    long Now();

    /// <summary>Sleeps until a frame waits at some port, until <see cref="Wake"/>, or for as long as said.</summary>
    /// <param name="most">Zero looks without sleeping.</param>
    void Wait(TimeSpan most);

    /// <summary>Sleeps for so long, whatever comes: tens of microseconds. Where the system cannot sleep so shortly it does not.</summary>
    void Rest(int microseconds);

    /// <summary>Ends the <see cref="Wait"/> that is going on, or else the next one. Any thread.</summary>
    void Wake();
}
