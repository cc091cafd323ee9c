// bpf(2): the four commands that an XDP program needs. Each fills the head of the kernel's union bpf_attr, whose layout is an interface that never changes.

using System;
using System.Runtime.InteropServices;
using System.Text;

namespace Dataplane.Capture.Live.Linux;

/// <summary>The kernel's programmable filter. Functions return a descriptor or zero, and -1 with errno set when the kernel refuses.</summary>
internal static unsafe class Bpf
{
    internal const uint MapTypeXsk = 17;

    /// <summary>Runs in the driver, before the kernel makes a socket buffer of a frame.</summary>
    internal const uint AttachNative = 1 << 2;

    /// <summary>Runs in the network stack: any driver, slower.</summary>
    internal const uint AttachGeneric = 1 << 1;

    private const int MapCreate = 0;
    private const int MapUpdate = 2;
    private const int ProgramLoad = 5;
    private const int LinkCreate = 28;
    private const uint ProgramTypeXdp = 6;
    private const uint AttachTypeXdp = 37;
    private const uint DeviceBoundOnly = 1 << 6;
    private const int AttributeBytes = 128;

    private static nint CallNumber => RuntimeInformation.ProcessArchitecture switch
    {
        Architecture.X64 => 321,
        _ => 280,    // arm64, riscv64, loongarch64: the common table of newer architectures
    };

    internal static int CreateMap(uint type, int entries)
    {
        uint* attribute = stackalloc uint[AttributeBytes / sizeof(uint)];
        Clear(attribute);
        attribute[0] = type;
        attribute[1] = sizeof(uint);
        attribute[2] = sizeof(uint);
        attribute[3] = (uint)entries;
        return Call(MapCreate, attribute);
    }

    internal static int UpdateMap(int map, uint key, int value)
    {
        uint* attribute = stackalloc uint[AttributeBytes / sizeof(uint)];
        Clear(attribute);
        attribute[0] = (uint)map;
        *(void**)(attribute + 2) = &key;
        *(void**)(attribute + 4) = &value;
        return Call(MapUpdate, attribute);
    }

    /// <summary>Loads an XDP program.</summary>
    /// <param name="device">Interface to which it is bound, so that it may call what the driver offers; 0 for none.</param>
    internal static int LoadXdp(ReadOnlySpan<BpfInstruction> instructions, int device) => Load(ProgramTypeXdp, AttachTypeXdp, instructions, device);

    /// <summary>Attaches a program for as long as the returned descriptor is open: it goes when the process ends, however it ends.</summary>
    internal static int LinkXdp(int program, int device, uint mode) => Link(program, AttachTypeXdp, device, mode);

    internal static int Load(uint programType, uint attachType, ReadOnlySpan<BpfInstruction> instructions, int device)
    {
        uint* attribute = stackalloc uint[AttributeBytes / sizeof(uint)];
        Clear(attribute);
        fixed (BpfInstruction* first = instructions)
        fixed (byte* license = "Dual MIT/GPL\0"u8)
        {
            attribute[0] = programType;
            attribute[1] = (uint)instructions.Length;
            *(void**)(attribute + 2) = first;
            *(void**)(attribute + 4) = license;
            attribute[11] = device > 0 ? DeviceBoundOnly : 0;
            Encoding.ASCII.GetBytes("dataplane", new Span<byte>(attribute + 12, 15));
            attribute[16] = (uint)device;
            attribute[17] = attachType;
            return Call(ProgramLoad, attribute);
        }
    }

    internal static int Link(int program, uint attachType, int device, uint flags)
    {
        uint* attribute = stackalloc uint[AttributeBytes / sizeof(uint)];
        Clear(attribute);
        attribute[0] = (uint)program;
        attribute[1] = (uint)device;
        attribute[2] = attachType;
        attribute[3] = flags;
        return Call(LinkCreate, attribute);
    }

    private static void Clear(uint* attribute) => new Span<byte>(attribute, AttributeBytes).Clear();

    private static int Call(int command, uint* attribute) => (int)Libc.SystemCall(CallNumber, command, attribute, AttributeBytes);
}
