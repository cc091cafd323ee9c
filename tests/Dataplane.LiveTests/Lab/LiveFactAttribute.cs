using Xunit;

namespace Dataplane.LiveTests.Lab;

/// <summary>A test that needs network namespaces; skipped, with the reason, where they cannot be made.</summary>
public sealed class LiveFactAttribute : FactAttribute
{
    /// <param name="tools">Programs that it needs besides ip and ethtool.</param>
    public LiveFactAttribute(params string[] tools) => Skip = Requirements.Missing(tools);
}
