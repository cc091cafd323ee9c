using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Threading.Tasks;
using Xunit;

namespace Dataplane.Tests.TestSupport;

/// <summary>What the program printed and how it ended.</summary>
public sealed record ProgramRun(int ExitCode, string Output, string Error)
{
    /// <summary>Standard output's lines.</summary>
    public string[] Lines => Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
}

/// <summary>Runs the real executable as a user does, in the checkout's root.</summary>
public static class DataplaneProgram
{
    private const int TimeOutMilliseconds = 120_000;

    public static ProgramRun Run(params string[] arguments) => Run(null, arguments);

    /// <param name="input">Standard input; null is empty.</param>
    public static ProgramRun Run(byte[]? input, params string[] arguments) => Run([], input, arguments);

    /// <param name="environment">Variables that the program gets besides those of the tests.</param>
    public static ProgramRun Run((string Name, string Value)[] environment, byte[]? input, params string[] arguments)
    {
        using Process process = Start(arguments, environment);
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        try
        {
            if (input is not null)
            {
                process.StandardInput.BaseStream.Write(input);
            }

            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // The program may end before it reads all: its exit code says why.
        }

        if (!process.WaitForExit(TimeOutMilliseconds))
        {
            process.Kill(true);
            Assert.Fail($"dataplane {string.Join(' ', arguments)}: no end after {TimeOutMilliseconds / 1000} s");
        }

        return new ProgramRun(process.ExitCode, output.Result, error.Result);
    }

    public static Process Start(IEnumerable<string> arguments, params (string Name, string Value)[] environment)
    {
        ProcessStartInfo start = new("dotnet")
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Repository.Root,
        };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "dataplane.dll"));
        foreach (string argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        foreach ((string name, string value) in environment)
        {
            start.Environment[name] = value;
        }

        return Process.Start(start)!;
    }
}
