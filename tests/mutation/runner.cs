// Runs tests against Stryker's mutants, all in one process: dotnet run tests/mutation/runner.cs -- BIN ASSEMBLY REPORT NAMESPACES [MILLISECONDS]
//
//   BIN           a folder with Dataplane.Tests.dll (xunit v3) and, beside it, the mutated assembly that Stryker left in its own output folder
//   ASSEMBLY      the mutated assembly's file name
//   REPORT        Stryker's mutation-report.json of the run that made it: which mutants there are, and where
//   NAMESPACES    of the tests to run, or full names of their classes, separated by commas
//   MILLISECONDS  of processor time: tests that take longer are left out (default: none), and named
//
// Why not Stryker's own test run: its VSTest runner starts a process for each mutant, which is hours here, and its runner for Microsoft.Testing.Platform (5.1, a preview) keeps
// one process for many mutants, so that a mutant of a static initialiser, which runs once and fails for good, "kills" every mutant after it. Here mutants in static initialisers
// are not placed at all (mutate.sh says so to Stryker), and a mutant that hangs or overflows the stack ends the process, is counted as killed, and the rest goes on in a new one.

#:property ImplicitUsings=enable
#:property RunAnalyzers=false
#:property PublishAot=false
#:property TreatWarningsAsErrors=false

using System.Diagnostics;
using System.Reflection;
using System.Text.Json;

const int Patience = 60_000;
string bin = Path.GetFullPath(args[0]);
string progress = args.Length > 5 ? args[5] : Path.GetTempFileName();
using JsonDocument report = JsonDocument.Parse(File.ReadAllText(args[2]));
List<(int Id, string Where, string What)> mutants = [];
int refused = 0;
foreach (JsonProperty file in report.RootElement.GetProperty("files").EnumerateObject())
{
    foreach (JsonElement mutant in file.Value.GetProperty("mutants").EnumerateArray())
    {
        string status = mutant.GetProperty("status").GetString()!;
        if (status is "Ignored" or "CompileError")
        {
            refused += status == "CompileError" && mutant.TryGetProperty("statusReason", out _) ? 1 : 0;
            continue;
        }

        int line = mutant.GetProperty("location").GetProperty("start").GetProperty("line").GetInt32();
        string replacement = mutant.TryGetProperty("replacement", out JsonElement text) ? text.GetString()!.ReplaceLineEndings(" ") : "";
        mutants.Add((int.Parse(mutant.GetProperty("id").GetString()!), $"{Path.GetFileName(file.Name)}:{line}", $"{mutant.GetProperty("mutatorName").GetString()}: {replacement}"));
    }
}

if (args.Length <= 5)
{
    // The parent: a child works through the mutants until it is done or one of them ends it.
    while (File.ReadLines(progress).Count() < mutants.Count)
    {
        int before = File.ReadLines(progress).Count();
        ProcessStartInfo start = new(Environment.ProcessPath!, [.. args.Take(4), args.ElementAtOrDefault(4) ?? "1000000", progress]);
        using Process child = Process.Start(start)!;
        child.WaitForExit();
        if (child.ExitCode == 9)
        {
            return 9;
        }

        if (child.ExitCode is not (0 or 3))
        {
            HashSet<int> done = [.. File.ReadLines(progress).Select(l => int.Parse(l.Split(' ')[0]))];
            File.AppendAllText(progress, $"{mutants.First(m => !done.Contains(m.Id)).Id} killed by a crash\n");
        }
        else if (File.ReadLines(progress).Count() == before)
        {
            return 1;
        }
    }

    Dictionary<int, string> results = File.ReadLines(progress).Select(l => l.Split(' ', 2)).ToDictionary(l => int.Parse(l[0]), l => l[1]);
    foreach ((int id, string where, string what) in mutants.Where(m => results[m.Id] == "survived"))
    {
        Console.WriteLine($"{where} {what}");
    }

    foreach (var file in mutants.GroupBy(m => m.Where.Split(':')[0]))
    {
        Console.WriteLine($"{file.Key}: {file.Count(m => results[m.Id] != "survived")} of {file.Count()}");
    }

    int killed = mutants.Count(m => results[m.Id] != "survived");
    Console.WriteLine($"{killed} of {mutants.Count} killed, {100.0 * killed / mutants.Count:F1} %; {refused} more did not compile, in all files");
    return 0;
}

AppDomain.CurrentDomain.AssemblyResolve += (_, e) => Path.Combine(bin, new AssemblyName(e.Name).Name + ".dll") is { } path && File.Exists(path) ? Assembly.LoadFrom(path) : null;
Assembly tests = Assembly.LoadFrom(Path.Combine(bin, "Dataplane.Tests.dll")), mutated = Assembly.LoadFrom(Path.Combine(bin, args[1]));
FieldInfo active = mutated.GetTypes().First(t => t.Name == "MutantControl").GetField("ActiveMutant", BindingFlags.Static | BindingFlags.Public)!;
active.SetValue(null, -1);
List<(string Name, Action Run)> all = [.. tests.GetTypes().Where(t => (args[3].Split(',').Contains(t.Namespace) || args[3].Split(',').Contains(t.FullName)) && !t.IsAbstract).SelectMany(Cases)];
Dictionary<string, int> wins = [];
if (Failing() is { } broken)
{
    Console.WriteLine($"without a mutant {broken} fails");
    return 9;
}

foreach ((string Name, Action Run) test in all.ToList())
{
    // Of the process, for a test may use several threads; wall time would leave out whatever the machine had no time for.
    TimeSpan before = Environment.CpuUsage.TotalTime;
    test.Run();
    double took = (Environment.CpuUsage.TotalTime - before).TotalMilliseconds;
    if (took > int.Parse(args[4]) && all.Remove(test))
    {
        Console.Error.WriteLine($"left out: {test.Name}, {took:F0} ms");
    }
}

HashSet<int> known = [.. File.ReadLines(progress).Select(l => int.Parse(l.Split(' ')[0]))];
foreach (int id in mutants.Select(m => m.Id).Where(id => !known.Contains(id)))
{
    active.SetValue(null, id);
    string? killer = null;
    Thread thread = new(() => killer = Failing(), 16 << 20) { IsBackground = true };
    thread.Start();
    bool ended = thread.Join(Patience);
    File.AppendAllText(progress, $"{id} {(!ended ? "killed by time" : killer is null ? "survived" : $"killed by {killer}")}\n");
    active.SetValue(null, -1);
    if (!ended)
    {
        return 3;
    }
}

return 0;

// The first test that fails, tried in the order of past success; null when all pass.
string? Failing()
{
    foreach ((string name, Action run) in all.OrderByDescending(t => wins.GetValueOrDefault(t.Name)).ToList())
    {
        try
        {
            run();
        }
        catch
        {
            wins[name] = wins.GetValueOrDefault(name) + 1;
            return name;
        }
    }

    return null;
}

// A test class's facts, and its theories row by row.
static IEnumerable<(string Name, Action Run)> Cases(Type type)
{
    const BindingFlags Any = BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic;
    foreach (MethodInfo method in type.GetMethods())
    {
        List<Attribute> attributes = [.. method.GetCustomAttributes()];
        if (attributes.Any(a => a.GetType().Name == "FactAttribute"))
        {
            yield return ($"{type.Name}.{method.Name}", () => Call(type, method, null));
        }

        foreach (Attribute attribute in attributes)
        {
            Type kind = attribute.GetType();
            if (kind.Name == "InlineDataAttribute")
            {
                object?[] row = Fit((object?[])kind.GetProperty("Data")!.GetValue(attribute)!, method);
                yield return ($"{type.Name}.{method.Name}", () => Call(type, method, row));
            }
            else if (kind.Name == "MemberDataAttribute")
            {
                string member = (string)kind.GetProperty("MemberName")!.GetValue(attribute)!;
                object data = type.GetProperty(member, Any)?.GetValue(null) ?? type.GetMethod(member, Any)!.Invoke(null, null)!;
                foreach (object given in (System.Collections.IEnumerable)data)
                {
                    object?[] row = Fit(given as object?[] ?? (object?[])given.GetType().GetInterfaces().First(i => i.Name == "ITheoryDataRow").GetMethod("GetData")!.Invoke(given, null)!, method);
                    yield return ($"{type.Name}.{method.Name}", () => Call(type, method, row));
                }
            }
        }
    }
}

static object?[] Fit(object?[] row, MethodInfo method) => [.. method.GetParameters().Select((p, i) =>
    i >= row.Length ? p.DefaultValue
    : row[i] is IConvertible value && !p.ParameterType.IsEnum && Nullable.GetUnderlyingType(p.ParameterType) is null && value.GetType() != p.ParameterType ? Convert.ChangeType(value, p.ParameterType)
    : row[i])];

static void Call(Type type, MethodInfo method, object?[]? row)
{
    ConstructorInfo constructor = type.GetConstructors()[0];
    object test = constructor.Invoke(new object?[constructor.GetParameters().Length]);
    try
    {
        (method.Invoke(test, BindingFlags.DoNotWrapExceptions, null, row, null) as Task)?.GetAwaiter().GetResult();
    }
    finally
    {
        (test as IDisposable)?.Dispose();
    }
}
