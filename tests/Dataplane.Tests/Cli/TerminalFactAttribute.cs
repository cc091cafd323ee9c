using System;
using System.IO;
using Xunit;

namespace Dataplane.Tests.Cli;

/// <summary>A test that watches the program through a pseudo-terminal, which util-linux's script makes; skipped with the reason where there is none.</summary>
public sealed class TerminalFactAttribute : FactAttribute
{
    public const string Script = "/usr/bin/script";

    public TerminalFactAttribute()
    {
        if (!OperatingSystem.IsLinux() || !File.Exists(Script))
        {
            Skip = $"needs Linux and {Script} (util-linux) for a pseudo-terminal";
        }
    }
}
