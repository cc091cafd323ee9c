using System.Linq;
using Dataplane.Live;
using Xunit;

namespace Dataplane.Tests.Live;

/// <summary>When the live loop rests so that frames come together.</summary>
public sealed class GatheringTests
{
    private const long Second = 1_000_000_000;

    [Fact]
    public void Lone_frames_are_never_kept_waiting()
    {
        // 10,000 a second, one a round.
        Gathering gathering = new();
        Assert.All(Enumerable.Range(0, 20_000), i => Assert.Equal(0, gathering.After(1, i * (Second / 10_000))));
    }

    [Theory]
    [InlineData(60_000, 50)]
    [InlineData(400_000, 50)]
    [InlineData(1_000_000, 50)]
    [InlineData(5_000_000, 39)]
    [InlineData(20_000_000, 15)]    // a system's sleep is not much shorter
    public void A_busy_loop_rests_for_as_long_as_enough_frames_take_and_never_longer_than_50_us(int rate, int microseconds)
    {
        Gathering gathering = new();
        int rest = 0;
        for (int i = 0; i < rate / 50; i++)
        {
            rest = gathering.After(1, i * (Second / rate));
        }

        Assert.InRange(rest, microseconds - 1, microseconds);
    }

    [Fact]
    public void A_round_with_enough_frames_comes_at_once_to_the_next()
    {
        Gathering gathering = new();
        for (int i = 0; i < 1_000; i++)
        {
            Assert.Equal(0, gathering.After(Gathering.Wanted, i * 50_000L));
        }

        Assert.NotEqual(0, gathering.After(1, 1_000 * 50_000L));
    }

    [Fact]
    public void After_a_pause_nobody_rests()
    {
        Gathering gathering = new();
        for (int i = 0; i < 100_000; i++)
        {
            _ = gathering.After(1, i * 2_500L);
        }

        Assert.NotEqual(0, gathering.After(1, 100_000 * 2_500L));
        Assert.Equal(0, gathering.After(1, 5 * Second));
    }
}
