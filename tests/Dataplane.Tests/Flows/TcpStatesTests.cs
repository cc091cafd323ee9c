using Dataplane.Flows;
using Dataplane.Packets;
using Xunit;

namespace Dataplane.Tests.Flows;

/// <summary>R-09, cell by cell.</summary>
public sealed class TcpStatesTests
{
    // State \ class          RST       FIN         SYN          SYN-ACK       other, along   other, against
    private static readonly (TcpState State, TcpState[] Next)[] Table =
    [
        (TcpState.SynSent, [TcpState.Closed, TcpState.Fin, TcpState.SynSent, TcpState.SynReceived, TcpState.SynSent, TcpState.Established]),
        (TcpState.SynReceived, [TcpState.Closed, TcpState.Fin, TcpState.SynReceived, TcpState.SynReceived, TcpState.Established, TcpState.Established]),
        (TcpState.Established, [TcpState.Closed, TcpState.Fin, TcpState.Established, TcpState.Established, TcpState.Established, TcpState.Established]),
        (TcpState.Fin, [TcpState.Closed, TcpState.Fin, TcpState.Fin, TcpState.Fin, TcpState.Fin, TcpState.Fin]),
        (TcpState.TimeWait, [TcpState.TimeWait, TcpState.TimeWait, TcpState.TimeWait, TcpState.TimeWait, TcpState.TimeWait, TcpState.TimeWait]),
        (TcpState.Closed, [TcpState.Closed, TcpState.Closed, TcpState.Closed, TcpState.Closed, TcpState.Closed, TcpState.Closed]),
    ];

    [Fact]
    public void R_09_Every_state_takes_every_class_from_both_sides()
    {
        TcpClass[] classes = [TcpClass.Rst, TcpClass.Fin, TcpClass.Syn, TcpClass.SynAck, TcpClass.Other];
        foreach ((TcpState state, TcpState[] next) in Table)
        {
            for (int i = 0; i < classes.Length; i++)
            {
                foreach (bool along in (bool[])[true, false])
                {
                    TcpState expected = classes[i] == TcpClass.Other && !along ? next[5] : next[i];
                    Assert.Equal((state, classes[i], along, expected), (state, classes[i], along, TcpStates.Next(state, classes[i], along, otherFin: false)));
                }
            }
        }
    }

    [Fact]
    public void R_09_A_FIN_of_the_second_side_begins_time_wait()
    {
        Assert.Equal(TcpState.TimeWait, TcpStates.Next(TcpState.Fin, TcpClass.Fin, along: false, otherFin: true));
        Assert.Equal(TcpState.Fin, TcpStates.Next(TcpState.Fin, TcpClass.Fin, along: true, otherFin: false));
    }

    [Theory]
    [InlineData(0, TcpClass.Other, TcpState.Established)]
    [InlineData(TcpFlag.Ack, TcpClass.Other, TcpState.Established)]
    [InlineData(TcpFlag.Syn, TcpClass.Syn, TcpState.SynSent)]
    [InlineData(TcpFlag.Syn | 8, TcpClass.Syn, TcpState.SynSent)]
    [InlineData(TcpFlag.Syn | TcpFlag.Ack, TcpClass.SynAck, TcpState.SynReceived)]
    [InlineData(TcpFlag.Fin | TcpFlag.Syn, TcpClass.Fin, TcpState.Fin)]
    [InlineData(TcpFlag.Fin | TcpFlag.Ack, TcpClass.Fin, TcpState.Fin)]
    [InlineData(TcpFlag.Rst | TcpFlag.Fin | TcpFlag.Syn | TcpFlag.Ack, TcpClass.Rst, TcpState.Closed)]
    public void R_09_The_flags_give_a_class_and_the_class_a_first_state(byte flags, TcpClass expected, TcpState first)
    {
        Headers packet = new() { Protocol = 6, TcpFlags = flags };
        Assert.Equal(expected, TcpStates.ClassOf(packet));
        Assert.Equal(first, TcpStates.First(expected));
    }

    [Fact]
    public void R_09_Only_TCP_has_flags() => Assert.Equal(TcpClass.Other, TcpStates.ClassOf(new Headers { Protocol = 17, TcpFlags = TcpFlag.Rst }));
}
