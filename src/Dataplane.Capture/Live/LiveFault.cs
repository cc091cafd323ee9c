namespace Dataplane.Capture.Live;

/// <summary>One reason why an interface cannot be opened: where, what, and how to mend it.</summary>
/// <param name="Where">The interface.</param>
/// <param name="What">No full stop.</param>
/// <param name="Mend">An imperative sentence without full stop.</param>
public sealed record LiveFault(string Where, string What, string Mend)
{
    public override string ToString() => $"{Where}: {What}. {Mend}.";
}
