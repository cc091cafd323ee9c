using System;

namespace Dataplane.Capture.Live;

/// <summary>How the thread of the ports sleeps.</summary>
internal interface IWaiter : IDisposable
{
    /// <summary>Sleeps until a descriptor of a port has something, until <see cref="Wake"/>, or for as long as said.</summary>
    void Wait(TimeSpan most);

    /// <summary>Sleeps for so long, whatever comes; not at all where the system cannot sleep so shortly.</summary>
    void Rest(int microseconds);

    /// <summary>Ends the wait that is going on, or else the next one. Any thread.</summary>
    void Wake();
}
