using System;

namespace Dataplane.Cli;

internal static class Program
{
    private static int Main(string[] args)
    {
        Console.Error.WriteLine($"dataplane: {args.Length} arguments");
        return 2;
    }
}
