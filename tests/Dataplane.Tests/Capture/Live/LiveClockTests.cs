using Dataplane.Capture.Live;
using Xunit;

namespace Dataplane.Tests.Capture.Live;

/// <summary>The time of a live run never goes back, and never stands still for long.</summary>
public sealed class LiveClockTests
{
    private const long Hour = 3_600_000_000_000;

    private long _system = 1_000 * Hour;

    [Fact]
    public void A_stamp_is_handed_on_unless_it_is_earlier_than_what_was_said()
    {
        LiveClock clock = new(() => _system);
        Assert.Equal(_system, clock.Stamped(_system));
        Assert.Equal(_system + 5, clock.Stamped(_system + 5));
        Assert.Equal(_system + 5, clock.Stamped(_system + 4));
        Assert.Equal(_system + 5, clock.Now());
        _system += 6;
        Assert.Equal(_system, clock.Now());
    }

    [Fact]
    public void When_the_wall_clock_is_set_back_time_goes_on_from_where_it_was()
    {
        LiveClock clock = new(() => _system);
        long before = clock.Now();
        _system -= Hour;
        Assert.Equal(before, clock.Now());
        _system += 10;
        Assert.Equal(before + 10, clock.Now());
        Assert.Equal(before + 11, clock.Stamped(_system + 1));
    }

    [Fact]
    public void When_the_wall_clock_is_set_forward_time_follows()
    {
        LiveClock clock = new(() => _system);
        long before = clock.Now();
        _system += Hour;
        Assert.Equal(before + Hour, clock.Now());
    }
}
