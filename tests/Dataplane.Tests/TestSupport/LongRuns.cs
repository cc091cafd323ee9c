using System;

namespace Dataplane.Tests.TestSupport;

/// <summary>DATAPLANE_LONG=1 makes random tests long; without it they are what every build can afford.</summary>
internal static class LongRuns
{
    public static bool IsOn { get; } = Environment.GetEnvironmentVariable("DATAPLANE_LONG") == "1";
}
