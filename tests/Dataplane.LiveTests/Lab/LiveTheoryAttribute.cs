using Xunit;

namespace Dataplane.LiveTests.Lab;

/// <summary>A theory that needs network namespaces; skipped, with the reason, where they cannot be made.</summary>
public sealed class LiveTheoryAttribute : TheoryAttribute
{
    /// <param name="tools">Programs that it needs besides ip and ethtool.</param>
    public LiveTheoryAttribute(params string[] tools) => Skip = Requirements.Missing(tools);
}
