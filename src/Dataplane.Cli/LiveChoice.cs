using System.Collections.Generic;
using Dataplane.Capture.Live;
using Dataplane.Compiler.Lower;
using Dataplane.Live;

namespace Dataplane.Cli;

/// <summary>What a live run stands on, as asked for.</summary>
/// <param name="Interfaces">Names of the system's interfaces, by number of port.</param>
/// <param name="Attachments">Of a VPC in a box; empty for a bump in the wire.</param>
/// <param name="Inside">The port of --inside, or -1.</param>
internal sealed record LiveChoice(
    IReadOnlyList<string> Interfaces, IReadOnlyList<BoxAttachment> Attachments, int Inside, NonIpPolicy NonIp, LiveMethod Method)
{
    internal bool IsBox => Attachments.Count > 0;
}
