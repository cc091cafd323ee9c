using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Text;

namespace Dataplane.LiveTests.Lab;

/// <summary>A program of the machine, running or done; it is ended when it is disposed.</summary>
internal sealed class Command : IDisposable
{
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(60);

    private readonly Process _process;
    private readonly StringBuilder _output = new();
    private readonly StringBuilder _errors = new();
    private readonly string _line;

    private Command(string program, IReadOnlyList<string> arguments)
    {
        _line = $"{program} {string.Join(' ', arguments)}";
        ProcessStartInfo start = new(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        _process = new Process { StartInfo = start };
        _process.OutputDataReceived += (_, line) => Append(_output, line.Data);
        _process.ErrorDataReceived += (_, line) => Append(_errors, line.Data);
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    internal int Id => _process.Id;

    internal bool HasExited => _process.HasExited;

    /// <summary>What it has written so far.</summary>
    internal string Output
    {
        get
        {
            lock (_output)
            {
                return _output.ToString();
            }
        }
    }

    /// <summary>What it has written to standard error so far.</summary>
    internal string Errors
    {
        get
        {
            lock (_errors)
            {
                return _errors.ToString();
            }
        }
    }

    internal Stream Input => _process.StandardInput.BaseStream;

    internal static Command Start(string program, IReadOnlyList<string> arguments) => new(program, arguments);

    /// <summary>Runs a program to its end, or ends it after a minute.</summary>
    internal static CommandResult Run(string program, IReadOnlyList<string> arguments, byte[]? input = null)
    {
        using Command command = new(program, arguments);
        try
        {
            command.Input.Write(input);
            command.Input.Close();
        }
        catch (IOException)
        {
            // It did not want to read.
        }

        return command.Wait(Longest);
    }

    internal CommandResult Wait(TimeSpan longest)
    {
        int code = -1;
        if (_process.WaitForExit(longest))
        {
            _process.WaitForExit();    // until its output is read to the end
            code = _process.ExitCode;
        }
        else
        {
            Kill();
        }

        lock (_errors)
        {
            return new CommandResult(_line, code, Output, _errors.ToString());
        }
    }

    public void Dispose()
    {
        Kill();
        _process.Dispose();
    }

    private static void Append(StringBuilder to, string? line)
    {
        lock (to)
        {
            if (line is not null)
            {
                to.Append(line).Append('\n');
            }
        }
    }

    private void Kill()
    {
        try
        {
            if (!_process.HasExited)
            {
                _process.Kill(entireProcessTree: true);
                _process.WaitForExit(5_000);
            }
        }
        catch (InvalidOperationException)
        {
            // It ended by itself meanwhile.
        }
    }
}
