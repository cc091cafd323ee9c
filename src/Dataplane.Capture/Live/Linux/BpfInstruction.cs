using System.Runtime.InteropServices;

namespace Dataplane.Capture.Live.Linux;

/// <summary>struct bpf_insn, and the few kinds that our program has (RFC 9669).</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly struct BpfInstruction
{
    private readonly byte _code;
    private readonly byte _registers;
    private readonly short _offset;
    private readonly int _immediate;

    private BpfInstruction(byte code, int to, int from, int offset, int immediate) =>
        (_code, _registers, _offset, _immediate) = (code, (byte)(to | (from << 4)), (short)offset, immediate);

    internal static BpfInstruction Exit => new(0x95, 0, 0, 0, 0);

    /// <summary>The second half of <see cref="LoadMap"/>.</summary>
    internal static BpfInstruction Second => default;

    internal static BpfInstruction Set(int to, int value) => new(0xb7, to, 0, 0, value);

    internal static BpfInstruction Move(int to, int from) => new(0xbf, to, from, 0, 0);

    internal static BpfInstruction Add(int to, int value) => new(0x07, to, 0, 0, value);

    /// <summary>to = the 32 bits at from + offset.</summary>
    internal static BpfInstruction Load32(int to, int from, int offset) => new(0x61, to, from, offset, 0);

    internal static BpfInstruction Load16(int to, int from, int offset) => new(0x69, to, from, offset, 0);

    /// <summary>The 32 bits at to + offset = from.</summary>
    internal static BpfInstruction Store32(int to, int offset, int from) => new(0x63, to, from, offset, 0);

    internal static BpfInstruction Store16(int to, int offset, int from) => new(0x6b, to, from, offset, 0);

    /// <summary>Turns 16 bits into network byte order.</summary>
    internal static BpfInstruction ToNetwork16(int register) => new(0xdc, register, 0, 0, 16);

    /// <summary>to = a map; <see cref="Second"/> must follow.</summary>
    internal static BpfInstruction LoadMap(int to, int map) => new(0x18, to, 1, 0, map);

    internal static BpfInstruction Call(int helper) => new(0x85, 0, 0, 0, helper);

    /// <summary>Calls a function of the kernel by its number among the kernel's types.</summary>
    internal static BpfInstruction CallKernel(int function) => new(0x85, 0, 2, 0, function);

    /// <summary>Skips instructions when the register is not zero.</summary>
    internal static BpfInstruction SkipUnlessZero(int register, int instructions) => new(0x55, register, 0, instructions, 0);

    /// <summary>Skips instructions when a is above b, unsigned.</summary>
    internal static BpfInstruction SkipIfAbove(int a, int b, int instructions) => new(0x2d, a, b, instructions, 0);
}
