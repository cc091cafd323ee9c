using System.Collections.Generic;
using Dataplane.Live;

namespace Dataplane.Cli;

/// <summary>What only a live run has to say in its summary.</summary>
/// <param name="Received">Frames; the sum over all fates.</param>
/// <param name="Reloads">Topologies that were taken over.</param>
/// <param name="Refused">Topologies that could not be read: the running one stayed.</param>
/// <param name="Epoch">The number of the last policy.</param>
internal sealed record LiveReport(IReadOnlyList<ILivePort> Ports, LiveFates Fates, long Received, int Reloads, int Refused, int Epoch);
