namespace Dataplane.Records;

/// <summary>What was decided of one packet, as numbers of <see cref="ResultTables"/>.</summary>
public struct PacketResult
{
    /// <summary>Number in the path table.</summary>
    public int Path;

    /// <summary>Name of the interface or gateway where it entered, or <see cref="NameTable.None"/>.</summary>
    public int From;

    /// <summary>Name of where it arrived or was going, or <see cref="NameTable.None"/>.</summary>
    public int To;

    /// <summary>Name of a source translation's text, or <see cref="NameTable.None"/>.</summary>
    public int SourceTranslation;

    /// <summary>Name of a destination translation's text, or <see cref="NameTable.None"/>.</summary>
    public int DestinationTranslation;

    public static PacketResult Bare(int path, int from = NameTable.None) => new()
    {
        Path = path,
        From = from,
        To = NameTable.None,
        SourceTranslation = NameTable.None,
        DestinationTranslation = NameTable.None,
    };
}
