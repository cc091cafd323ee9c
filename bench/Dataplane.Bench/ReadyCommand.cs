using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.Threading;
using System.Threading.Tasks;
using Dataplane.Compiler;
using Dataplane.Compiler.Load;
using Dataplane.Packets;
using Dataplane.Records;
using Dataplane.Topology;
using Dataplane.Topology.Model;

namespace Dataplane.Bench;

/// <summary><c>ready PATH [ROUNDS]</c>: from a topology's files to the first verdict, stage by stage, in a process that has done it before; then the filters.</summary>
internal static class ReadyCommand
{
    internal static int Run(string path, int rounds, int seconds)
    {
        for (int round = 0; round < rounds; round++)
        {
            GC.Collect();
            List<(string, double Wall, double Cpu)> stages = [];
            long then = Stopwatch.GetTimestamp();
            TimeSpan thenCpu = Environment.CpuUsage.TotalTime;
            (Network? network, FaultList faults) = TopologyLoader.Load(new LoadOptions([path], new Dictionary<string, string>(), []) { Quotas = QuotaPolicy.Ignore });
            if (network is null)
            {
                Console.Error.WriteLine(faults.All[0]);
                return 3;
            }

            Took("load: files, JSON, drafts, resolve");
            using NetworkEngine engine = NetworkEngine.Build(network, JudgeOptions.Default);
            Took("build: catalogue, lowering, interpreted filters, judge");
            PacketBlock block = new();
            FrameSet frames = new(1);
            frames.Set(0, 1, false, TcpFlag.Syn);
            frames.Fill(block, 0, Traffic.Start, 1);
            HeaderParser.ParseBlock(block, null);
            engine.Judge.Judge(block);
            Took("first packet");
            double total = 0;
            foreach ((string stage, double wall, double cpu) in stages)
            {
                total += wall;
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{stage,-60} {wall,8:F0} ms wall {cpu,8:F0} ms CPU"));
            }

            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"round {round + 1}: ready in {total:F0} ms, resident {FlowCommands.Resident() >> 20} MB, managed {GC.GetTotalMemory(false) >> 20} MB; {network.SecurityGroups.Length} groups, {network.Interfaces.Length} interfaces"));

            void Took(string stage)
            {
                long now = Stopwatch.GetTimestamp();
                TimeSpan cpu = Environment.CpuUsage.TotalTime;
                stages.Add((stage, Stopwatch.GetElapsedTime(then, now).TotalMilliseconds, (cpu - thenCpu).TotalMilliseconds));
                (then, thenCpu) = (now, cpu);
            }

            if (round == rounds - 1)
            {
                using CancellationTokenSource stop = new(TimeSpan.FromSeconds(seconds));
                Task<CompileReport> compile = FilterCompiler.CompileInBackground(engine.Catalog, engine.Filters, stop.Token);
                try
                {
                    compile.Wait(CancellationToken.None);
                    Took("");
                    Console.WriteLine(string.Create(
                        CultureInfo.InvariantCulture,
                        $"filters: {compile.Result.CompiledLists} lists in {stages[^1].Wall:F0} ms wall, {stages[^1].Cpu:F0} ms CPU: {compile.Result.Times}; {compile.Result.Bugs.Length} bugs; resident {FlowCommands.Resident() >> 20} MB"));
                }
                catch (AggregateException e) when (e.InnerException is OperationCanceledException)
                {
                    Console.WriteLine($"filters: not done in {seconds} seconds");
                }
            }
        }

        return 0;
    }
}
