using System;
using Dataplane.Capture.Live.Linux;
using Dataplane.LiveTests.Lab;

namespace Dataplane.LiveTests.Ports;

/// <summary>Gives everything that an interface sends a VLAN tag as a VLAN device does, beside the frame: a small program at its way out (tcx), which needs no module.</summary>
internal sealed class TagPusher : IDisposable
{
    private const uint ProgramTypeClassifier = 3;
    private const uint AttachTypeEgress = 47;
    private const int PushTag = 18;
    private const int Next = -1;

    private readonly int _link;

    internal TagPusher(string space, string name, int control) => _link = NamespaceThread.Call(space, () =>
    {
        int protocol = BitConverter.IsLittleEndian ? 0x0081 : 0x8100;
        BpfInstruction[] program =
        [
            BpfInstruction.Set(2, protocol), BpfInstruction.Set(3, control), BpfInstruction.Call(PushTag), BpfInstruction.Set(0, Next), BpfInstruction.Exit,
        ];
        int loaded = Bpf.Load(ProgramTypeClassifier, AttachTypeEgress, program, 0);
        int link = loaded < 0 ? -1 : Bpf.Link(loaded, AttachTypeEgress, InterfaceFacts.Read(name).Index, 0);
        return link >= 0 ? link : throw new InvalidOperationException($"a program that pushes tags cannot be attached: {Libc.Describe(Libc.LastError)}");
    });

    public void Dispose() => _ = Libc.Close(_link);
}
