namespace Dataplane.Live;

/// <summary>So many a second, and so many at once: for what the network says of its own accord (RFC 1812 section 4.3.2.8, RFC 4443 section 2.4 f).</summary>
internal struct TokenBucket(int perSecond, int atOnce)
{
    private const long Second = 1_000_000_000;

    private readonly long _price = Second / perSecond;
    private readonly long _most = Second / perSecond * atOnce;
    private long _full = long.MinValue;

    /// <summary>Takes one, if there is one.</summary>
    /// <param name="now">Nanoseconds; may run back, which gives nothing.</param>
    public bool TryTake(long now)
    {
        // _full is when the bucket will be full again: each take moves it by the price of one.
        long full = _full < now ? now : _full;
        if (full + _price > now + _most)
        {
            return false;
        }

        _full = full + _price;
        return true;
    }
}
