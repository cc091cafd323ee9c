using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.Linq;
using Dataplane.Packets;
using Dataplane.Records;

namespace Dataplane.Bench;

/// <summary>Sub-commands about the flow table as a whole: its memory, its end, an attack on it.</summary>
internal static class FlowCommands
{
    private const int Part = 262_144;

    /// <summary><c>bytes-per-flow [FLOWS]</c>: resident and managed memory that one tracked flow takes, both families. The whole process counts, so nothing that the engine holds is left out.</summary>
    internal static int BytesPerFlow(int flows)
    {
        foreach (bool ipv6 in new[] { false, true })
        {
            // An engine before it pays for Roslyn and the JIT; the table counts from its construction on.
            FrameSet frames = new(Part, ipv6);
            using EngineDrive warm = new(Traffic.Network(60), new JudgeOptions { MaxFlows = 1_024 });
            Open(warm, frames, -1, 1);
            GC.Collect();
            long residentBefore = Resident(), managedBefore = GC.GetTotalMemory(true);
            using EngineDrive drive = new(Traffic.Network(60), new JudgeOptions { MaxFlows = flows });
            for (int first = 0; first < flows; first += Part)
            {
                Open(drive, frames, first, Math.Min(Part, flows - first));
            }

            GC.Collect();
            double resident = Resident() - residentBefore, managed = GC.GetTotalMemory(true) - managedBefore;
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{(ipv6 ? "IPv6" : "IPv4")}: {drive.Engine.Judge.Flows:N0} flows of at most {flows:N0}; resident {resident / flows:F1} bytes a flow, managed heap {managed / flows:F1}. {(ipv6 ? "Floor 224, goal 160" : "Floor 160, goal 112")}"));
        }

        return 0;
    }

    /// <summary><c>ten-million-flows [FLOWS]</c>: so many flows are tracked, the next ones are counted as TRACKING_TABLE_FULL, and the tracked ones go on.</summary>
    internal static int TenMillion(int flows)
    {
        const int More = 100_000;
        using EngineDrive drive = new(Traffic.Network(60), new JudgeOptions { MaxFlows = flows, Causal = false });
        FrameSet frames = new(Part);
        Open(drive, frames, -1, 1);
        long before = Resident();
        drive.Restart();
        for (int first = 0; first < flows; first += Part)
        {
            Open(drive, frames, first, Math.Min(Part, flows - first));
        }

        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{drive.Engine.Judge.Flows:N0} flows tracked, {1_000.0 * drive.Packets / drive.Nanoseconds:F2} M/s; resident {Resident() >> 20:N0} MB, of which the flows {(Resident() - before) >> 20:N0} MB: {(Resident() - before) / (double)flows:F0} bytes each"));
        long fullBefore = drive.Engine.Judge.Counters.TableFull;
        Open(drive, frames, flows, More);
        long full = drive.Engine.Judge.Counters.TableFull - fullBefore;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{More:N0} more: {full:N0} denied TRACKING_TABLE_FULL, {drive.Engine.Judge.Flows:N0} flows tracked"));
        Random random = new(5);
        for (int i = 0; i < frames.Count; i++)
        {
            frames.Set(i, random.Next(flows), random.Next(2) == 0, TcpFlag.Ack);
        }

        long allowed = drive.Engine.Judge.Counters.Packets[(int)Verdict.Allow];
        drive.Run(frames);
        drive.Restart();
        drive.Run(frames);
        allowed = drive.Engine.Judge.Counters.Packets[(int)Verdict.Allow] - allowed;
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"packets of tracked flows: {allowed:N0} of {2 * frames.Count:N0} allowed, {1_000.0 * drive.Packets / drive.Nanoseconds:F2} M/s"));
        return full == More && allowed == 2 * frames.Count && drive.Engine.Judge.Flows == flows ? 0 : 70;
    }

    /// <summary>
    /// <c>flood</c>: what packets of 65,536 established flows cost alone, and with as many attack packets between them, block by block; only the established blocks are timed.
    /// Floor: at most 20 % more.
    /// </summary>
    internal static int Flood(int passes)
    {
        const int Flows = 65_536;
        const int Packets = 524_288;
        FrameSet established = new(Packets);
        Random random = new(6);
        for (int i = 0; i < Packets; i++)
        {
            established.Set(i, random.Next(Flows), random.Next(2) == 0, TcpFlag.Ack);
        }

        int exit = 0;
        foreach ((string name, bool isAllowed, bool causal) in new[]
        {
            ("denied five-tuples, live", false, false), ("denied five-tuples, replay", false, true), ("allowed five-tuples, live, the table fills", true, false),
        })
        {
            using EngineDrive drive = new(Traffic.Network(60), new JudgeOptions { Causal = causal });
            FrameSet frames = new(Part);
            Open(drive, frames, 0, Flows, handshake: true);
            FrameSet attack = new(PacketBlock.Capacity), part = new(PacketBlock.Capacity);
            List<double> quiet = [], attacked = [];
            int next = 1_000_000;
            long full = drive.Engine.Judge.Counters.TableFull;
            for (int pass = -2; pass < passes * 2; pass++)
            {
                // In turn, so that both see the same machine. What the attack has filled stays filled: the quiet passes after the first ones have the same table.
                bool attacks = (pass & 1) != 0;
                drive.Restart();
                long nanoseconds = 0;
                for (int first = 0; first < Packets; first += PacketBlock.Capacity)
                {
                    if (attacks)
                    {
                        for (int i = 0; i < attack.Count; i++)
                        {
                            if (isAllowed)
                            {
                                attack.Set(i, next++, false, TcpFlag.Syn);
                            }
                            else
                            {
                                attack.SetRandom(i, next++, random);
                            }
                        }

                        drive.Run(attack);
                    }

                    established.CopyTo(first, part);
                    long before = drive.Nanoseconds;
                    drive.Run(part);
                    nanoseconds += drive.Nanoseconds - before;
                }

                if (pass >= 0)
                {
                    (attacks ? attacked : quiet).Add(nanoseconds / (double)Packets);
                }
            }

            double slower = RowsCommand.Median(attacked) / RowsCommand.Median(quiet);
            exit = slower > 1.2 ? 1 : exit;
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{name}: established {RowsCommand.Median(quiet):F1} ns a packet alone, {RowsCommand.Median(attacked):F1} under attack: {(slower - 1) * 100:F0} % slower (best against best {((attacked.Min() / quiet.Min()) - 1) * 100:F0} %); {drive.Engine.Judge.Flows:N0} flows, {drive.Engine.Judge.Counters.TableFull - full:N0} times table full. Floor 20 %"));
        }

        return exit;
    }

    internal static long Resident()
    {
        using Process process = Process.GetCurrentProcess();
        return process.WorkingSet64;
    }

    private static void Open(EngineDrive drive, FrameSet frames, int first, int count, bool handshake = false)
    {
        // Flow -1 stands for one beyond all others: it only warms up.
        FrameSet part = count == frames.Count ? frames : new FrameSet(count, frames.IsIpv6);
        for (int packet = 0; packet < (handshake ? 3 : 1); packet++)
        {
            for (int i = 0; i < count; i++)
            {
                int flow = first < 0 ? 268_000_000 : first + i;
                part.Set(i, flow, packet == 1, packet == 0 ? TcpFlag.Syn : packet == 1 ? (byte)(TcpFlag.Syn | TcpFlag.Ack) : TcpFlag.Ack);
            }

            drive.Run(part, step: 1);
        }
    }
}
