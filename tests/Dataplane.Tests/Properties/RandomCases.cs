using System;
using System.Globalization;
using CsCheck;
using Xunit.Abstractions;

namespace Dataplane.Tests.Properties;

/// <summary>Runs a property on random seeds: as many as DATAPLANE_CASES says, or the one of DATAPLANE_SEED alone.</summary>
internal static class RandomCases
{
    /// <param name="usual">Cases where nothing is said.</param>
    /// <param name="check">Throws when the case of a seed fails. Any thread calls it, several at a time.</param>
    internal static void Run(int usual, Action<int> check, ITestOutputHelper output)
    {
        if (Environment.GetEnvironmentVariable("DATAPLANE_SEED") is { Length: > 0 } seed)
        {
            check(int.Parse(seed, CultureInfo.InvariantCulture));
            return;
        }

        long cases = Environment.GetEnvironmentVariable("DATAPLANE_CASES") is { } asked ? long.Parse(asked, CultureInfo.InvariantCulture) : usual;

        // Uniform: CsCheck's own integers are mostly small, and a seed that comes again is the same case again.
        Gen.Int.Uniform.Sample(check, iter: cases, threads: Environment.ProcessorCount);
        output.WriteLine($"{cases} cases");
    }
}
