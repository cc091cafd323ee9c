using Dataplane.Tests.TestSupport;
using Xunit;

namespace Dataplane.Tests.Cli;

/// <summary>What the program answers to a slip of the hand: what is wrong, and what was probably meant.</summary>
public sealed class WrongUsageTests
{
    private const string Template = "captures/three-tier.yaml";
    private const string Capture = "captures/port-scan.pcap";

    public static TheoryData<string, string[]> Slips => new()
    {
        { "Did you mean replay?", ["repaly", "-t", Template, Capture] },
        { "Did you mean --workers?", ["replay", "-t", Template, Capture, "--worker", "2"] },
        { "Did you mean --from?", ["trace", "-t", Template, "--form", "Web", "--to", "App", "--port", "80"] },
        { "Did you mean --quiet?", ["replay", "-t", Template, Capture, "--quite"] },
        { "--packets p.parquet: records are not written as .parquet. Name the file .jsonl or .csv,", ["replay", "-t", Template, Capture, "--packets", "p.parquet"] },
        { "--flows flows: no extension says the format. Name the file .jsonl or .csv,", ["replay", "-t", Template, Capture, "--flows", "flows"] },
        { "--flows f.txt: records are not written as .txt. Name the file .jsonl or .csv,", ["diff", "--before", Template, "--after", Template, Capture, "--flows", "f.txt"] },
        { "--workers 0: out of range.", ["diff", "--before", Template, "--after", Template, Capture, "--workers", "0"] },
        { "--workers two: not a number. Give a whole number.", ["replay", "-t", Template, Capture, "--workers", "two"] },
        { "--max-flows 0: out of range.", ["replay", "-t", Template, Capture, "--max-flows", "0", "--workers", "0", "--filter", "tcp and"] },
        { "--workers 0: out of range.", ["replay", "-t", Template, Capture, "--max-flows", "0", "--workers", "0", "--filter", "tcp and"] },
        { "--filter", ["replay", "-t", Template, Capture, "--max-flows", "0", "--workers", "0", "--filter", "tcp and"] },
        { "--map 10.0.0.0/8: there is no '=' between two blocks.", ["replay", "-t", Template, Capture, "--map", "10.0.0.0/8", "--map", "10.0.0.0/16=10.1.0.0/24"] },
        { "--map 10.0.0.0/16=10.1.0.0/24: /16 and /24 differ in length.", ["replay", "-t", Template, Capture, "--map", "10.0.0.0/8", "--map", "10.0.0.0/16=10.1.0.0/24"] },
        { "--transient-timeouts fin: not NAME=SECONDS.", ["replay", "-t", Template, Capture, "--transient-timeouts", "fin,fni=3"] },
        { "--transient-timeouts fin: not NAME=SECONDS.", ["replay", "-t", Template, Capture, "--max-flows", "0", "--transient-timeouts", "fin"] },
        { "--max-flows 0: out of range.", ["replay", "-t", Template, Capture, "--max-flows", "0", "--transient-timeouts", "fin"] },
        { "--transient-timeouts fni=3: no such time-out.", ["replay", "-t", Template, Capture, "--transient-timeouts", "fin,fni=3"] },
        { "-: standard input can be read once.", ["replay", "-t", "-", "-"] },
        { "-: standard input can be read once.", ["replay", "-t", Template, "-", "-"] },
        { "-: standard input can be read once.", ["diff", "--before", "-", "--after", "-", Capture] },
        { "-: standard input can be read once.", ["compile", "-t", "-", "-t", "-"] },
        { "no-such-file.yaml: there is no such file or folder.", ["replay", "-t", "no-such-file.yaml", "-", "-"] },
        { "--summary captures/three-tier.yaml: this file is an input.", ["replay", "-t", Template, Capture, "--summary", Template] },
        { "--summary captures/three-tier.yaml: this file is an input.", ["diff", "--before", "captures/dual-stack.yaml", "--after", Template, Capture, "--summary", Template] },
        { "--from Wbe: no interface or instance has this id.", ["trace", "-t", Template, "--from", "Wbe", "--to", "Ap"] },
        { "--to Ap: no interface or instance has this id.", ["trace", "-t", Template, "--from", "Wbe", "--to", "Ap"] },
        { "--port: tcp needs a destination port.", ["trace", "-t", Template, "--from", "Wbe", "--to", "Ap"] },
        { "--from 10.0.1.300: no valid address. Write IPv4 as four numbers from 0 to 255", ["trace", "-t", Template, "--from", "10.0.1.300", "--to", "App", "--port", "80"] },
        { "--to 10.0.01.5: no valid address.", ["trace", "-t", Template, "--from", "Web", "--to", "10.0.01.5", "--port", "80"] },
        { "--to 2001:db8::1::2: no valid address.", ["trace", "-t", Template, "--from", "Web", "--to", "2001:db8::1::2", "--port", "80"] },
        { "--eni: 'web' does not begin with NAME=ADDRESS.", ["replay", "-t", Template, Capture, "--eni", "web", "--eni", "Db2=10.0.2.99"] },
        { "--eni Db2: it has no security group.", ["replay", "-t", Template, Capture, "--eni", "web", "--eni", "Db2=10.0.2.99"] },
        { "--to 10.0.0.0/16: a block, not an address.", ["trace", "-t", Template, "--from", "Web", "--to", "10.0.0.0/16", "--port", "80"] },
        { "--to Wbe: no interface or instance has this id.", ["trace", "-t", Template, "--from", "Web", "--to", "Wbe", "--port", "80"] },
    };

    [Theory, MemberData(nameof(Slips))]
    public void It_says_what_was_wrong_and_what_was_meant(string said, string[] arguments)
    {
        ProgramRun run = DataplaneProgram.Run(arguments);
        Assert.Equal((2, ""), (run.ExitCode, run.Output));
        Assert.Contains(said, run.Error, System.StringComparison.Ordinal);
    }

    [Fact]
    public void A_word_that_is_near_to_nothing_gets_no_advice()
    {
        ProgramRun run = DataplaneProgram.Run("replay", "-t", Template, Capture, "--no-such-option");
        Assert.Equal(2, run.ExitCode);
        Assert.DoesNotContain("Did you mean", run.Error, System.StringComparison.Ordinal);
    }
}
