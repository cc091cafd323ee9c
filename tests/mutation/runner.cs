// Runs tests against Stryker's mutants, all in one process: dotnet run tests/mutation/runner.cs -- BIN ASSEMBLY REPORT NAMESPACES [MILLISECONDS [RESULTS]]
//
//   BIN           a folder with Dataplane.Tests.dll (xunit v3) and, beside it, the mutated assembly that Stryker left in its own output folder
//   ASSEMBLY      the mutated assembly's file name
//   REPORT        Stryker's mutation-report.json of the run that made it: which mutants there are, and where
//   NAMESPACES    of the tests to run, or full names of their classes, separated by commas; !CLASS.METHOD leaves one test out
//   MILLISECONDS  of processor time: tests that take longer are left out (default: none), and named
//   RESULTS       a file that keeps what became of each mutant: a later run goes on from it, and asks again of those that survived
//
// Every test runs once to begin with, and Stryker's own hooks tell which mutants it reaches: a mutant is run against those tests only, what killed most before going first.
//
// Why not Stryker's own test run: its VSTest runner starts a process for each mutant, which is hours here, and its runner for Microsoft.Testing.Platform (5.1, a preview) keeps
// one process for many mutants, so that a mutant of a static initialiser, which runs once and fails for good, "kills" every mutant after it. Here mutants in static initialisers
// are not placed at all (mutate.sh says so to Stryker), and a mutant that hangs or overflows the stack ends the process, is counted as killed, and the rest goes on in a new one.
// A mutant of unsafe code may spoil the process for those after it. So the test that killed a mutant must pass again without it; when it does not, or when the process
// crashes, the verdict counts only if no mutant ran in that process before, and is else asked again in a new one.

#:property ImplicitUsings=enable
#:property RunAnalyzers=false
#:property PublishAot=false
#:property TreatWarningsAsErrors=false

using System.Diagnostics;
using System.Reflection;
using System.Text.Json;

// A mutant hangs when its tests take this much processor time more than three times their own, or this many seconds while the process was not stopped.
const int Patience = 3_000, LongPatience = 300;
string bin = Path.GetFullPath(args[0]);
string progress = args.ElementAtOrDefault(5) ?? Path.GetTempFileName();
bool isChild = args.Length > 6;
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

if (!isChild)
{
    if (File.Exists(progress))
    {
        // What survived is asked again: there may be tests that did not exist then.
        File.WriteAllLines(progress, [.. File.ReadLines(progress).Where(l => l.Contains(" killed ", StringComparison.Ordinal))]);
    }
    else
    {
        File.WriteAllText(progress, "");
    }

    // The parent: a child works through the mutants until it is done or one of them ends it.
    while (File.ReadLines(progress).Count() < mutants.Count)
    {
        int before = File.ReadLines(progress).Count();
        ProcessStartInfo start = new(Environment.ProcessPath!, [.. args.Take(4), args.ElementAtOrDefault(4) ?? "1000000", progress, "child"]);
        using Process child = Process.Start(start)!;
        child.WaitForExit();
        if (child.ExitCode == 9)
        {
            return 9;
        }

        bool moved = File.ReadLines(progress).Count() > before;
        if (child.ExitCode is not (0 or 3) && !moved)
        {
            HashSet<int> done = [.. File.ReadLines(progress).Select(l => int.Parse(l.Split(' ')[0]))];
            File.AppendAllText(progress, $"{mutants.First(m => !done.Contains(m.Id)).Id} killed by a crash\n");
        }
        else if (!moved)
        {
            return 1;
        }
    }

    Dictionary<int, string> results = File.ReadLines(progress).Select(l => l.Split(' ', 2)).ToDictionary(l => int.Parse(l[0]), l => l[1]);
    foreach ((int id, string where, string what) in mutants.Where(m => results[m.Id].StartsWith("survived", StringComparison.Ordinal)))
    {
        Console.WriteLine($"{where} {what}{results[id]["survived".Length..]}");
    }

    foreach (var file in mutants.GroupBy(m => m.Where.Split(':')[0]))
    {
        Console.WriteLine($"{file.Key}: {file.Count(m => results[m.Id].StartsWith("killed", StringComparison.Ordinal))} of {file.Count()}");
    }

    int killed = mutants.Count(m => results[m.Id].StartsWith("killed", StringComparison.Ordinal));
    Console.WriteLine($"{killed} of {mutants.Count} killed, {100.0 * killed / mutants.Count:F1} %; {refused} more did not compile, in all files");
    return 0;
}

AppDomain.CurrentDomain.AssemblyResolve += (_, e) => Path.Combine(bin, new AssemblyName(e.Name).Name + ".dll") is { } path && File.Exists(path) ? Assembly.LoadFrom(path) : null;
Assembly tests = Assembly.LoadFrom(Path.Combine(bin, "Dataplane.Tests.dll")), mutated = Assembly.LoadFrom(Path.Combine(bin, args[1]));
FieldInfo active = mutated.GetTypes().First(t => t.Name == "MutantControl").GetField("ActiveMutant", BindingFlags.Static | BindingFlags.Public)!;
active.SetValue(null, -1);
string[] chosen = args[3].Split(',');
List<(string Name, Action Run)> all =
    [.. tests.GetTypes().Where(t => (chosen.Contains(t.Namespace) || chosen.Contains(t.FullName)) && !t.IsAbstract).SelectMany(Cases).Where(test => !chosen.Contains('!' + test.Name))];
Dictionary<string, int> wins = [];
if (Failing(all) is { } broken)
{
    Console.WriteLine($"without a mutant {broken} fails");
    return 9;
}

Dictionary<Action, double> took = [];
foreach ((string Name, Action Run) test in all.ToList())
{
    // Of the process, for a test may use several threads; wall time would leave out whatever the machine had no time for.
    TimeSpan before = Environment.CpuUsage.TotalTime;
    test.Run();
    took[test.Run] = (Environment.CpuUsage.TotalTime - before).TotalMilliseconds;
    if (took[test.Run] > int.Parse(args[4]) && all.Remove(test))
    {
        Console.Error.WriteLine($"left out: {test.Name}, {took[test.Run]:F0} ms");
    }
}

// Which tests reach which mutants. Stryker's list of them is slow where a mutant is passed very often, so this comes after the slow tests are out.
Type control = active.DeclaringType!;
FieldInfo capture = control.GetField("CaptureCoverage", BindingFlags.Static | BindingFlags.Public)!;
MethodInfo coverage = control.GetMethod("GetCoverageData", BindingFlags.Static | BindingFlags.Public)!;
Dictionary<int, List<(string Name, Action Run)>> reaching = [];
capture.SetValue(null, true);
foreach ((string Name, Action Run) test in all)
{
    coverage.Invoke(null, null);
    test.Run();
    foreach (int id in ((IList<int>[])coverage.Invoke(null, null)!)[0])
    {
        (reaching.TryGetValue(id, out var those) ? those : reaching[id] = []).Add(test);
    }
}

capture.SetValue(null, false);
HashSet<int> known = [.. File.ReadLines(progress).Select(l => int.Parse(l.Split(' ')[0]))];
bool isFirst = true;
foreach (int id in mutants.Select(m => m.Id).Where(id => !known.Contains(id)))
{
    if (!reaching.TryGetValue(id, out List<(string Name, Action Run)>? asked))
    {
        File.AppendAllText(progress, $"{id} survived (no test reaches it)\n");
        continue;
    }

    active.SetValue(null, id);
    string? killer = null;
    Thread thread = new(() => killer = Failing(asked), 16 << 20) { IsBackground = true };
    TimeSpan patience = TimeSpan.FromMilliseconds(Patience + (3 * asked.Sum(t => took[t.Run]))), start = Environment.CpuUsage.TotalTime;
    thread.Start();
    bool ended = false;
    for (int second = 0; second < LongPatience && !ended && Environment.CpuUsage.TotalTime - start < patience; second++)
    {
        ended = thread.Join(1_000);
    }

    active.SetValue(null, -1);
    bool isSound = killer is null || Failing([asked.First(t => t.Name == killer)]) is null;
    if (!isSound && !isFirst)
    {
        return 3;
    }

    File.AppendAllText(progress, $"{id} {(!ended ? "killed by time" : killer is null ? "survived" : $"killed by {killer}")}\n");
    if (!ended || !isSound)
    {
        return 3;
    }

    isFirst = false;
}

return 0;

// The first test that fails, tried in the order of past success; null when all pass.
string? Failing(List<(string Name, Action Run)> asked)
{
    foreach ((string name, Action run) in asked.OrderByDescending(t => wins.GetValueOrDefault(t.Name)).ToList())
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
