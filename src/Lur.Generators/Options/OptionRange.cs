using System.Globalization;

namespace Lur.Generators.Options;

/// <summary>Range of a number.</summary>
/// <param name="Least">Least value, or null.</param>
/// <param name="Most">Largest value, or null.</param>
/// <param name="Above">What it must be above, or null.</param>
/// <param name="Below">What it must be below, or null.</param>
/// <param name="Words">The range in words, or empty.</param>
internal sealed record OptionRange(double? Least, double? Most, double? Above, double? Below, string Words)
{
    public bool IsOpen => (Least ?? Most ?? Above ?? Below) is null;

    /// <summary>End of "it must be ...".</summary>
    public string Text =>
        Words.Length > 0
            ? Words
            : (Least, Most, Above, Below) switch
            {
                ({ } least, { } most, _, _) => $"from {Number(least)} to {Number(most)}",
                ({ } least, _, _, { } below) => $"in [{Number(least)}, {Number(below)})",
                ({ } least, _, _, _) => $"at least {Number(least)}",
                (_, { } most, { } above, _) => $"above {Number(above)} and at most {Number(most)}",
                (_, _, { } above, { } below) => $"between {Number(above)} and {Number(below)}",
                (_, _, { } above, _) => $"above {Number(above)}",
                (_, { } most, _, _) => $"at most {Number(most)}",
                (_, _, _, { } below) => $"below {Number(below)}",
                _ => "",
            };

    public bool Contains(double value) =>
        !(value < Least) && !(value > Most) && !(value <= Above) && !(value >= Below) && !double.IsNaN(value) && !double.IsInfinity(value);

    /// <summary>The condition on a property as C#; empty where every value is in range.</summary>
    public string Condition(string property, bool integer)
    {
        var parts = new List<string>();
        void Add(double? bound, string comparison)
        {
            if (bound is { } value)
                parts.Add($"{property} {comparison} {Number(value)}");
        }

        Add(Least, ">=");
        Add(Above, ">");
        Add(Most, "<=");
        Add(Below, "<");
        // A comparison with a least number is false for one that is none; infinity needs a bound of its own.
        if (!integer && Most is null && Below is null)
            parts.Add($"double.IsFinite({property})");
        return string.Join(" && ", parts);
    }

    private static string Number(double value) => value.ToString("R", CultureInfo.InvariantCulture);
}
