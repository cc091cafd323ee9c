using System;

namespace Dataplane.Flows;

/// <summary>From the numbers that a plan gives to the numbers of the plan that follows it.</summary>
/// <param name="interfaces">By old number: the new one, or -1 for an interface that is gone.</param>
/// <param name="gateways">The same of gateways.</param>
/// <param name="associations">The same of associations of public addresses.</param>
public sealed class PlanNumbers(int[] interfaces, int[] gateways, int[] associations)
{
    /// <summary>Whether every number stays what it is and none is gone.</summary>
    public bool IsSame => IsIdentity(interfaces) && IsIdentity(gateways) && IsIdentity(associations);

    public int Interface(int old) => interfaces[old];

    /// <param name="old">-1 stays -1.</param>
    public int Gateway(int old) => old < 0 ? -1 : gateways[old];

    /// <summary>A form is 0, or an association's number and one. False when the association is gone.</summary>
    public bool TryForm(ref int form)
    {
        if (form == 0)
        {
            return true;
        }

        form = associations[form - 1] + 1;
        return form != 0;
    }

    private static bool IsIdentity(ReadOnlySpan<int> numbers)
    {
        for (int i = 0; i < numbers.Length; i++)
        {
            if (numbers[i] != i)
            {
                return false;
            }
        }

        return true;
    }
}
