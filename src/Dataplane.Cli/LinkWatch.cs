using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using Dataplane.Capture.Live;
using Dataplane.Capture.Live.Linux;

namespace Dataplane.Cli;

/// <summary>Looks once a second whether the interfaces of a live run are there and up, and says what changed: a bump in the wire that has lost a leg looks like a quiet network. Linux; silent elsewhere.</summary>
internal sealed class LinkWatch : IDisposable
{
    private const int PeriodMilliseconds = 1_000;

    private readonly Voice _voice;
    private readonly List<Link> _links = [];
    private readonly Timer? _timer;
    private readonly Lock _looking = new();

    internal LinkWatch(Voice voice, IEnumerable<string> interfaces)
    {
        _voice = voice;
        if (OperatingSystem.IsLinux())
        {
            foreach (string name in interfaces)
            {
                (LinkState state, int index) = Look(name, 0);
                _links.Add(new Link(name, index) { State = state });
            }

            _timer = new Timer(_ => Look(), null, PeriodMilliseconds, PeriodMilliseconds);
        }
    }

    private enum LinkState
    {
        Up,
        Down,
        Gone,

        /// <summary>The name is another interface's now.</summary>
        Another,
    }

    /// <summary>Interfaces that are no longer served, for the end of the run.</summary>
    internal IReadOnlyList<string> Warnings()
    {
        lock (_looking)
        {
            return [.. _links.Where(link => link.State is LinkState.Gone or LinkState.Another).Select(Sentence)];
        }
    }

    public void Dispose() => _timer?.Dispose();

    private void Look()
    {
        if (!_looking.TryEnter())
        {
            return;    // the look before this one is not done
        }

        try
        {
            foreach (Link link in _links)
            {
                (LinkState now, _) = Look(link.Name, link.Index);
                if (now != link.State)
                {
                    link.State = now;
                    _voice.Say(Sentence(link));
                }
            }
        }
        finally
        {
            _looking.Exit();
        }
    }

    private static string Sentence(Link link) => link.State switch
    {
        LinkState.Up => $"{link.Name}: the link is up.",
        LinkState.Down => $"{link.Name}: the link is down. Nothing comes or goes there until it is up.",
        LinkState.Gone => $"{link.Name}: the interface is gone. Make it again, then start the program again.",
        _ => $"{link.Name}: another interface has this name now, and is not served. Start the program again.",
    };

    /// <param name="index">Of the interface that was opened, or 0.</param>
    private static (LinkState State, int Index) Look(string name, int index)
    {
        try
        {
            InterfaceFacts facts = InterfaceFacts.Read(name);
            return index != 0 && facts.Index != index ? (LinkState.Another, facts.Index) : (facts.HasCarrier ? LinkState.Up : LinkState.Down, facts.Index);
        }
        catch (LiveException)
        {
            return (LinkState.Gone, index);
        }
    }

    private sealed record Link(string Name, int Index)
    {
        internal LinkState State { get; set; }
    }
}
