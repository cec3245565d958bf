using System.Globalization;
using Lur.Metrics;

namespace Lur.Reports;

/// <summary>How numbers become places on an axis.</summary>
internal enum Scale
{
    /// <summary>As they are.</summary>
    Linear,

    /// <summary>As they are; between whole numbers there is nothing.</summary>
    Whole,

    /// <summary>Decimal logarithm; what is not positive has no place.</summary>
    Log,

    /// <summary>log10(1 + x), for counts that start at 0.</summary>
    LogCount,

    /// <summary>Square root, as in Tukey's rootograms: small shares stay visible beside large ones, and 0 has a place.</summary>
    Root,
}

/// <summary>An axis: its name with the unit, its scale, and the ticks.</summary>
/// <param name="Label">Name and unit.</param>
/// <param name="Scale">How numbers are placed.</param>
/// <param name="Minimum">Least number shown; NaN takes it from the data.</param>
/// <param name="Maximum">Greatest number shown; NaN takes it from the data.</param>
internal sealed record Axis(string Label, Scale Scale = Scale.Linear, double Minimum = double.NaN, double Maximum = double.NaN)
{
    private static readonly double[] s_rootTicks = [0, 1, 5, 20, 50, 100];

    /// <summary>Names in place of numbers: the name with index i is at i, all as far apart; null for an axis of numbers.</summary>
    public IReadOnlyList<string>? Names { get; init; }

    /// <summary>An axis around shares in percent: a margin, but none beyond what can be.</summary>
    /// <param name="label">Name and unit.</param>
    /// <param name="values">The shares; one is finite at least.</param>
    public static Axis Percent(string label, IEnumerable<double> values)
    {
        double[] finite = [.. values.Where(double.IsFinite)];
        var margin = Math.Max(1, 0.1 * (finite.Max() - finite.Min()));
        // A point at 0 or 100 stands a little off the rim.
        return new Axis(label, Minimum: Math.Max(-1, finite.Min() - margin), Maximum: Math.Min(101, finite.Max() + margin));
    }

    /// <summary>An axis around shares in percent with their deviations, or of a range that was chosen.</summary>
    /// <param name="label">Name and unit.</param>
    /// <param name="values">The shares; one is finite at least.</param>
    /// <param name="focus">The ends, NaN for a range around the values (<see cref="Focus"/>).</param>
    public static Axis Percent(string label, IEnumerable<SeedSummary> values, (double Low, double High) focus) =>
        double.IsFinite(focus.Low)
            ? new Axis(label, Minimum: focus.Low, Maximum: focus.High)
            : Percent(label, values.SelectMany(v => new[] { v.Mean, v.Mean - v.Deviation, v.Mean + v.Deviation }));

    /// <summary>The place of a number; NaN where it has none.</summary>
    public double Place(double value) =>
        Scale switch
        {
            Scale.Log => value > 0 ? Math.Log10(value) : double.NaN,
            Scale.LogCount => value >= 0 ? Math.Log10(1 + value) : double.NaN,
            Scale.Root => value >= 0 ? Math.Sqrt(value) : double.NaN,
            _ => value,
        };

    /// <summary>The places between which the data lie, with a margin where the data decide.</summary>
    public (double Low, double High) Range(IEnumerable<double> values)
    {
        if (Names is not null)
            return (-0.35, Names.Count - 0.65);
        double[] places = [.. values.Select(Place).Where(double.IsFinite)];
        var (low, high) = places.Length == 0 ? (0, 1) : (places.Min(), places.Max());
        // A constant still needs a height to lie in the middle of.
        var margin =
            high > low
                ? 0.05 * (high - low)
                : Math.Max(0.5, 0.1 * Math.Abs(high)) * (Scale == Scale.Linear && high != 0 ? Math.Min(1, Math.Abs(high)) : 1);
        return (double.IsNaN(Minimum) ? low - margin : Place(Minimum), double.IsNaN(Maximum) ? high + margin : Place(Maximum));
    }

    /// <summary>Ticks within a range of places.</summary>
    public IReadOnlyList<(double Place, string Text)> Ticks(double low, double high, int wanted) =>
        Names is not null ? [.. Names.Select((name, i) => ((double)i, name))]
        : Scale == Scale.Root ? [.. s_rootTicks.Select(v => (Math.Sqrt(v), Text(v))).Where(t => t.Item1 <= high)]
        : Scale is Scale.Linear or Scale.Whole || (Scale == Scale.Log && high - low < 1) ? Round(low, high, wanted)
        : Powers(low, high, wanted);

    private IReadOnlyList<(double Place, string Text)> Round(double low, double high, int wanted)
    {
        if (Scale == Scale.Log)
        {
            // Less than a decade: round numbers, placed by their logarithm.
            return [.. RoundNumbers(Math.Pow(10, low), Math.Pow(10, high), wanted).Where(v => v > 0).Select(v => (Math.Log10(v), Text(v)))];
        }

        return [.. RoundNumbers(low, high, wanted).Where(v => Scale != Scale.Whole || v == Math.Round(v)).Select(v => (v, Text(v)))];
    }

    private static IEnumerable<double> RoundNumbers(double low, double high, int wanted)
    {
        // The least of 1, 2, 5 times a power of ten that gives no more than the wanted number.
        var rough = (high - low) / wanted;
        var power = Math.Pow(10, Math.Floor(Math.Log10(rough)));
        var step =
            power
            * (
                rough <= power ? 1
                : rough <= 2 * power ? 2
                : rough <= 5 * power ? 5
                : 10
            );
        var first = (long)Math.Ceiling((low / step) - 1e-9);
        for (var i = first; i * step <= high + (1e-9 * step); i++)
            yield return i * step;
    }

    private IReadOnlyList<(double Place, string Text)> Powers(double low, double high, int wanted)
    {
        // Few decades have room for numbers between the powers.
        double[] within =
            3 * (high - low) <= wanted + 2 ? [1, 2, 5]
            : 2 * (high - low) <= wanted + 2 ? [1, 3]
            : [1];
        var every = Math.Max(1, (int)Math.Ceiling((high - low) / wanted));
        var first = (int)Math.Floor(low);
        var ticks = Enumerable
            .Range(first, (int)Math.Ceiling(high) - first + 1)
            .Where(e => e % every == 0)
            .SelectMany(e => within.Select(m => m * Math.Pow(10, e)));
        if (Scale == Scale.LogCount)
            ticks = ticks.Where(v => v >= 1).Prepend(0);
        return [.. ticks.Select(v => (Place(v), Text(v))).Where(t => t.Item1 >= low - 1e-9 && t.Item1 <= high + 1e-9)];
    }

    private static string Text(double value)
    {
        var size = Math.Abs(value);
        return size is >= 1e5 or (< 1e-3 and > 0)
            ? value.ToString("0.##e0", CultureInfo.InvariantCulture).Replace("-", "\u2212", StringComparison.Ordinal)
            : value.ToString("0.####", CultureInfo.InvariantCulture).Replace("-", "\u2212", StringComparison.Ordinal);
    }
}
