// The program that the kernel runs for each frame: it hands the frame to the socket of the queue on which it came. Written as bytecode, because that is all bpf(2)
// wants; no compiler and no library is needed.
//
// Drivers with VLAN offload (veth too) take the tag out of a frame before the program sees it, and an AF_XDP socket gets only bytes: the tag would be lost. Since
// Linux 6.8 a program can ask the driver for it (bpf_xdp_metadata_rx_vlan_tag); such a program is bound to its interface, and runs in native mode only. Ours asks,
// and puts the tag back where it was.

using System;
using System.Runtime.InteropServices;

namespace Dataplane.Capture.Live.Linux;

/// <summary>An XDP program with the sockets it hands frames to, attached to one interface until it is disposed, or the process ends.</summary>
internal sealed class XdpProgram : IDisposable
{
    private const int RedirectMap = 51;
    private const int AdjustHead = 44;
    private const int Drop = 1;
    private const int ContextData = 0;
    private const int ContextDataEnd = 4;
    private const int ContextQueue = 16;

    private readonly int _map;
    private int _link = -1;

    /// <exception cref="LiveException">The kernel has no such map, or this user may not.</exception>
    internal XdpProgram(string name, int queues)
    {
        _map = Bpf.CreateMap(Bpf.MapTypeXsk, queues);
        if (_map < 0)
        {
            int error = Libc.LastError;
            throw error is Errno.NotPermitted
                ? new LiveException(name, "this user may not load XDP programs", "Run it as root, or give the program the capabilities CAP_BPF, CAP_NET_ADMIN and CAP_NET_RAW")
                : new LiveException(name, $"the kernel has no AF_XDP sockets ({Libc.Describe(error)})", "Use --io packet");
        }
    }

    /// <summary>It runs in the driver.</summary>
    internal bool IsNative { get; private set; }

    /// <summary>VLAN tags that the driver takes out of frames are put back.</summary>
    internal bool KeepsTags { get; private set; }

    internal void Add(string name, int queue, int socket)
    {
        if (Bpf.UpdateMap(_map, (uint)queue, socket) < 0)
        {
            throw new LiveException(name, $"the kernel does not take the AF_XDP socket of queue {queue} ({Libc.Describe(Libc.LastError)})", "Use --io packet");
        }
    }

    /// <summary>Attaches it: native with tags, else native, else generic.</summary>
    /// <exception cref="LiveException">None of them works.</exception>
    internal void Attach(string name, int device)
    {
        int function = KernelTypes.Function("bpf_xdp_metadata_rx_vlan_tag"u8);
        if (function > 0 && TryAttach(WithTags(_map, function), device, bound: true, Bpf.AttachNative))
        {
            (IsNative, KeepsTags) = (true, true);
            return;
        }

        if (TryAttach(Plain(_map), device, bound: false, Bpf.AttachNative))
        {
            IsNative = true;
            return;
        }

        if (!TryAttach(Plain(_map), device, bound: false, Bpf.AttachGeneric))
        {
            int error = Libc.LastError;
            throw error is Errno.Busy or Errno.Exists
                ? new LiveException(name, "another XDP program is attached to it", $"Take it off (ip link set {name} xdp off), or use --io packet")
                : new LiveException(name, $"no XDP program can be attached to it ({Libc.Describe(error)})", "Use --io packet");
        }
    }

    public void Dispose()
    {
        if (_link >= 0)
        {
            _ = Libc.Close(_link);
            _link = -1;
        }

        _ = Libc.Close(_map);
    }

    /// <summary>return bpf_redirect_map(sockets, queue, DROP): a frame of a queue that has no socket is dropped, not leaked into the stack.</summary>
    private static BpfInstruction[] Plain(int map) => [BpfInstruction.Move(6, 1), .. Redirect(map)];

    private static BpfInstruction[] WithTags(int map, int function)
    {
        const int Protocol = -8, Control = -16, Stack = 10;
        BpfInstruction[] restore =
        [
            // Four bytes more in front, which the addresses move into; behind them the tag.
            BpfInstruction.Move(1, 6),
            BpfInstruction.Set(2, -VlanTag.Length),
            BpfInstruction.Call(AdjustHead),
            BpfInstruction.Second,    // no room: set below
            BpfInstruction.Load32(2, 6, ContextData),
            BpfInstruction.Load32(3, 6, ContextDataEnd),
            BpfInstruction.Move(4, 2),
            BpfInstruction.Add(4, 16),
            BpfInstruction.Second,    // too short: set below
            BpfInstruction.Load32(5, 2, 4),
            BpfInstruction.Store32(2, 0, 5),
            BpfInstruction.Load32(5, 2, 8),
            BpfInstruction.Store32(2, 4, 5),
            BpfInstruction.Load32(5, 2, 12),
            BpfInstruction.Store32(2, 8, 5),
            BpfInstruction.Load16(5, Stack, Protocol),
            BpfInstruction.Store16(2, 12, 5),
            BpfInstruction.Load16(5, Stack, Control),
            BpfInstruction.ToNetwork16(5),
            BpfInstruction.Store16(2, 14, 5),
        ];
        BpfInstruction[] redirect = Redirect(map);
        BpfInstruction[] ask =
        [
            BpfInstruction.Move(6, 1),
            BpfInstruction.Move(2, Stack),
            BpfInstruction.Add(2, Protocol),
            BpfInstruction.Move(3, Stack),
            BpfInstruction.Add(3, Control),
            BpfInstruction.CallKernel(function),
            BpfInstruction.SkipUnlessZero(0, restore.Length),
        ];

        // The two skips of restore lead behind the redirect, where the frame is dropped.
        restore[3] = BpfInstruction.SkipUnlessZero(0, restore.Length - 4 + redirect.Length);
        restore[8] = BpfInstruction.SkipIfAbove(4, 3, restore.Length - 9 + redirect.Length);
        return [.. ask, .. restore, .. redirect, BpfInstruction.Set(0, Drop), BpfInstruction.Exit];
    }

    private static BpfInstruction[] Redirect(int map) =>
    [
        BpfInstruction.Load32(2, 6, ContextQueue),
        BpfInstruction.LoadMap(1, map),
        BpfInstruction.Second,
        BpfInstruction.Set(3, Drop),
        BpfInstruction.Call(RedirectMap),
        BpfInstruction.Exit,
    ];

    private bool TryAttach(BpfInstruction[] instructions, int device, bool bound, uint mode)
    {
        int program = Bpf.LoadXdp(instructions, bound ? device : 0);
        if (program < 0)
        {
            return false;
        }

        _link = Bpf.LinkXdp(program, device, mode);
        int error = Libc.LastError;
        _ = Libc.Close(program);    // the link keeps it
        Marshal.SetLastPInvokeError(error);
        return _link >= 0;
    }
}
