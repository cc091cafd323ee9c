using System.Globalization;

namespace Dataplane.Records;

/// <summary>Numbers with their noun, for a person.</summary>
public static class Counted
{
    /// <summary><c>1 packet</c>, <c>1,234 packets</c>.</summary>
    /// <param name="noun">One of them; its plural ends in s.</param>
    public static string Of(long number, string noun) => $"{number.ToString("N0", CultureInfo.InvariantCulture)} {noun}{(number == 1 ? "" : "s")}";
}
