namespace Dataplane.LiveTests.Lab;

/// <summary>What a program said.</summary>
/// <param name="ExitCode">-1 when it was ended because it took too long.</param>
internal sealed record CommandResult(string Line, int ExitCode, string Output, string Errors)
{
    internal bool Succeeded => ExitCode == 0;

    public override string ToString() => $"{Line}\nexit code {ExitCode}\n{Output}{Errors}";
}
