using System;
using System.Globalization;
using System.IO;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;

namespace Dataplane.Bench;

/// <summary>Runs the benchmarks, or writes the capture that the whole-process figures replay.</summary>
internal static class Program
{
    private static int Main(string[] args)
    {
        if (args.Length >= 3 && args[0] == "make-capture")
        {
            long packets = long.Parse(args[2], CultureInfo.InvariantCulture);
            Traffic.WriteCapture(args[1], packets, args.Length > 3 ? int.Parse(args[3], CultureInfo.InvariantCulture) : 60);
            return 0;
        }

        if (args.Length > 0 && args[0] == "make-capture")
        {
            Console.Error.WriteLine("make-capture FILE PACKETS [FRAME-BYTES]: a file name and a number of packets are missing.");
            return 2;
        }

        switch (args.Length > 0 ? args[0] : "")
        {
            case "rows":
                return RowsCommand.Run(args[1..]);
            case "make-topology" when args.Length == 5:
                using (FileStream file = File.Create(args[1]))
                {
                    TopologyFile.Write(file, Number(args, 2), Number(args, 3), Number(args, 4));
                }

                return 0;
            case "make-topology":
                Console.Error.WriteLine("make-topology FILE GROUPS RULES INTERFACES: a file name and three numbers are asked for.");
                return 2;
            case "make-rules" when args.Length == 6:
                return RuleSets.Write(args[1], Number(args, 2), Number(args, 3), args[4], args[5]);
            case "check-rules" when args.Length == 5:
                return RuleSets.Check(args[1], args[2], args[3], Number(args, 4));
            case "make-rules" or "check-rules":
                Console.Error.WriteLine("make-rules acl|fw|ipc|sg RULES HEADERS RULE-FILE HEADER-FILE, check-rules RULE-FILE HEADER-FILE ANSWER-FILE COUNT: something is missing.");
                return 2;
            case "live-ports":
                return LivePortsCommand.Run(args[1..]);
            case "live-send":
                return LiveSendCommand.Run(args[1..]);
            case "ready" when args.Length > 1:
                return ReadyCommand.Run(args[1], Number(args, 2, 3), Number(args, 3, 120));
            case "steady":
                return SteadyCommand.Run(Number(args, 1, 10));
            case "profile":
                return ProfileCommand.Run(Number(args, 1, 1_048_576));
            case "bytes-per-flow":
                return FlowCommands.BytesPerFlow(Number(args, 1, 1_048_576));
            case "ten-million-flows":
                return FlowCommands.TenMillion(Number(args, 1, 10_000_000));
            case "flood":
                return FlowCommands.Flood(Number(args, 1, 7));
        }

        // In process: generated assemblies and the engine's threads stay where they are measured.
        ManualConfig config = ManualConfig.Create(DefaultConfig.Instance)
            .AddJob(Job.ShortRun.WithToolchain(InProcessEmitToolchain.Instance));
        BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args, config);
        return 0;
    }

    private static int Number(string[] args, int at, int otherwise = 0) =>
        args.Length > at ? int.Parse(args[at], CultureInfo.InvariantCulture) : otherwise;
}
