namespace Dataplane.Flows;

/// <summary>What an ICMP message is to connection tracking.</summary>
public enum IcmpRole : byte
{
    /// <summary>Makes no state and belongs to none.</summary>
    Other,

    Query,
    Reply,
    Error,
}

/// <summary>ICMP types by role.</summary>
/// <remarks>Source: RFC 792, RFC 950, RFC 4443; .</remarks>
public static class IcmpMessages
{
    /// <param name="query">The type of the query that it is or answers; 0 for other roles.</param>
    public static IcmpRole Role(bool isIpv6, byte type, out byte query)
    {
        query = 0;
        if (isIpv6)
        {
            switch (type)
            {
                case 128:
                    query = 128;
                    return IcmpRole.Query;
                case 129:
                    query = 128;
                    return IcmpRole.Reply;
                default:
                    return type is >= 1 and <= 4 ? IcmpRole.Error : IcmpRole.Other;
            }
        }

        switch (type)
        {
            case 8 or 13 or 15 or 17:
                query = type;
                return IcmpRole.Query;
            case 0:
                query = 8;
                return IcmpRole.Reply;
            case 14 or 16 or 18:
                query = (byte)(type - 1);
                return IcmpRole.Reply;
            default:
                return type is 3 or 4 or 5 or 11 or 12 ? IcmpRole.Error : IcmpRole.Other;
        }
    }
}
