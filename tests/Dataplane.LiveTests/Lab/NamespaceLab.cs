// Network namespaces and the cables between them, for one test. Everything has a name that begins with dpt- and this process's number, so that labs of several runs do not
// meet, and what a killed run left behind can be told from what lives: when the process of a number is gone, the next lab removes its namespaces.
//
// Dispose removes all of it, also when the test failed: programs first, then namespaces, and cables go with them.

using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Threading;

namespace Dataplane.LiveTests.Lab;

/// <summary>Network namespaces for one test.</summary>
internal sealed class NamespaceLab : IDisposable
{
    private const string Family = "dpt-";

    private static readonly string Ip = Requirements.Find("ip")!;
    private static int Made;

    private readonly List<string> _namespaces = [];
    private readonly List<Command> _commands = [];
    private readonly int _number = Interlocked.Increment(ref Made);
    private int _cables;

    internal NamespaceLab() => RemoveLeftovers();

    /// <summary>How the names of this process's namespaces begin.</summary>
    internal static string Prefix { get; } = string.Create(CultureInfo.InvariantCulture, $"{Family}{Environment.ProcessId}-");

    /// <summary>Makes a namespace with its loopback interface up.</summary>
    /// <returns>Its whole name.</returns>
    internal string Namespace(string name)
    {
        string whole = string.Create(CultureInfo.InvariantCulture, $"{Prefix}{_number}-{name}");
        Must(Ip, "netns", "add", whole);
        _namespaces.Add(whole);
        Must(Ip, "-n", whole, "link", "set", "lo", "up");
        return whole;
    }

    /// <summary>Connects two namespaces by a veth pair; both ends are up, have no IPv6 addresses of their own accord, and leave nothing to hardware.</summary>
    internal void Cable(string namespaceA, string interfaceA, string namespaceB, string interfaceB)
    {
        string a = string.Create(CultureInfo.InvariantCulture, $"dpta{Environment.ProcessId % 100_000}-{_cables}");
        string b = string.Create(CultureInfo.InvariantCulture, $"dptb{Environment.ProcessId % 100_000}-{_cables++}");
        Must(Ip, "link", "add", a, "netns", namespaceA, "type", "veth", "peer", "name", b, "netns", namespaceB);
        foreach ((string space, string made, string name) in new[] { (namespaceA, a, interfaceA), (namespaceB, b, interfaceB) })
        {
            Must(Ip, "-n", space, "link", "set", made, "name", name);
            In(space, "ethtool", "-K", name, "tx", "off", "tso", "off", "gso", "off", "gro", "off");
            File(space, $"/proc/sys/net/ipv6/conf/{name}/accept_dad", "0");
            File(space, $"/proc/sys/net/ipv6/conf/{name}/addr_gen_mode", "1");
            Must(Ip, "-n", space, "link", "set", name, "up");
        }
    }

    internal static void Address(string space, string name, string prefix) =>
        Must(Ip, prefix.Contains(':', StringComparison.Ordinal) ? ["-n", space, "-6", "addr", "add", prefix, "dev", name, "nodad"] : ["-n", space, "addr", "add", prefix, "dev", name]);

    /// <summary>Runs ip inside a namespace; the test fails when it does.</summary>
    internal static CommandResult IpIn(string space, params string[] arguments) => Must(Ip, ["-n", space, .. arguments]);

    /// <summary>Runs a program inside a namespace to its end; the test fails when it does.</summary>
    internal static CommandResult In(string space, string program, params string[] arguments)
    {
        CommandResult result = Try(space, program, arguments);
        return result.Succeeded ? result : throw new InvalidOperationException(result.ToString());
    }

    /// <summary>Runs a program inside a namespace to its end, whatever it comes to.</summary>
    internal static CommandResult Try(string space, string program, params string[] arguments) => Try(space, null, program, arguments);

    internal static CommandResult Try(string space, byte[]? input, string program, params string[] arguments) =>
        Command.Run(Ip, ["netns", "exec", space, Requirements.Find(program) ?? program, .. arguments], input);

    /// <summary>Starts a program inside a namespace; it is ended with the lab.</summary>
    internal Command Start(string space, string program, params string[] arguments)
    {
        Command command = Command.Start(Ip, ["netns", "exec", space, Requirements.Find(program) ?? program, .. arguments]);
        _commands.Add(command);
        return command;
    }

    public void Dispose()
    {
        foreach (Command command in _commands)
        {
            command.Dispose();
        }

        foreach (string space in _namespaces)
        {
            Command.Run(Ip, ["netns", "del", space]);
        }
    }

    private static void File(string space, string file, string value) => In(space, "sh", "-c", $"if [ -e {file} ]; then echo {value} > {file}; fi");

    private static CommandResult Must(string program, params string[] arguments)
    {
        CommandResult result = Command.Run(program, arguments);
        return result.Succeeded ? result : throw new InvalidOperationException(result.ToString());
    }

    private static void RemoveLeftovers()
    {
        string[] names = [.. Command.Run(Ip, ["netns", "list"]).Output.Split('\n').Select(l => l.Split(' ')[0]).Where(n => n.StartsWith(Family, StringComparison.Ordinal))];
        foreach (string name in names)
        {
            string number = name[Family.Length..].Split('-')[0];
            if (int.TryParse(number, CultureInfo.InvariantCulture, out int process) && !Directory.Exists($"/proc/{process}"))
            {
                Command.Run(Ip, ["netns", "del", name]);
            }
        }
    }
}
