using System;

namespace Dataplane.Cli;

/// <summary>Ends a command with a message for the user and an exit code.</summary>
internal sealed class CommandException(int exitCode, string message) : Exception(message)
{
    internal int ExitCode { get; } = exitCode;
}
