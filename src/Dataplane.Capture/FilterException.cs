using System;
using System.Globalization;

namespace Dataplane.Capture;

/// <summary>A filter expression that cannot be read. The message is <c>WHERE: WHAT. HOW TO MEND.</c></summary>
public sealed class FilterException(int position, string what, string mend)
    : Exception(string.Create(CultureInfo.InvariantCulture, $"--filter, character {position}: {what}. {mend}."))
{
    /// <summary>1-based character of the expression at which it could not be read further.</summary>
    public int Position { get; } = position;
}
