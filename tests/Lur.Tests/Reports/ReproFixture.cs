using System.Globalization;
using Lur.Metrics;
using Lur.Reports;

namespace Lur.Tests.Reports;

/// <summary>A reproduction with made-up numbers: two methods, a retrained model, and a sweep over alpha and lambda.</summary>
internal static class ReproFixture
{
    public static readonly string[] Alphas = ["0", "0.01", "0.1"],
        Lambdas = ["0.01", "0.05", "0.2"];

    /// <summary>The row of a method; one value for each number, or a mean and a deviation over three seeds.</summary>
    public static ReproRow Row(
        string label,
        string method,
        double ua,
        double ra,
        double ta,
        double mia,
        double gap,
        double deviation = double.NaN,
        params (string Name, string Value)[] options
    )
    {
        SeedSummary S(double mean) => new(mean, deviation, double.IsNaN(deviation) ? 1 : 3);
        return new ReproRow(
            label,
            method,
            options.ToDictionary(o => o.Name, o => o.Value),
            S(ua),
            S(ra),
            S(ta),
            S(mia),
            S(gap),
            S(12.5),
            181.4,
            method == "retrain"
        );
    }

    /// <summary>The gap of a combination: no two alike, the least at alpha 0.01 and lambda 0.05.</summary>
    public static double GapAt(int alpha, int lambda) =>
        1.25 + (2 * Math.Abs(alpha - 1)) + (0.5 * Math.Abs(lambda - 1)) + (0.125 * alpha) + (0.0625 * lambda);

    public static IEnumerable<ReproRow> SweepRows(double deviation = double.NaN) =>
        Alphas.SelectMany(
            (a, i) =>
                Lambdas.Select(
                    (l, j) =>
                        Row(
                            $"lur alpha={a} lambda={l}",
                            "lur",
                            20 + (10 * i) + j,
                            99 - i,
                            88 - j,
                            30 + i + j,
                            GapAt(i, j),
                            deviation,
                            ("alpha", a),
                            ("epochs", "3"),
                            ("lambda", l)
                        )
                )
        );

    public static ReproSweep Sweep(params (string Option, string[] Values)[] axes)
    {
        SweepAxis[] all = [.. axes.Select(a => new SweepAxis(a.Option, a.Values))];
        return new ReproSweep("lur", all, [.. SweepRows().Select(r => r.Label)]);
    }

    public static ReproSweep AlphaLambda => Sweep(("alpha", Alphas), ("lambda", Lambdas));

    public static ReproTable Table(IEnumerable<ReproRow> rows, params ReproSweep[] sweeps) =>
        new()
        {
            Name = "made-up",
            Description = "Numbers of no machine.",
            Data = "animals",
            Model = "resnet18:w8",
            Forget = ["class:dog", "random:10%"],
            Seeds = [1, 2, 3],
            Machine = "some device, 4 threads",
            Commit = "1.2.3+abc",
            Command = "lur repro made-up --data animals",
            Rows = [.. rows],
            Sweeps = sweeps,
        };

    /// <summary>Everything at once.</summary>
    public static ReproTable Full(double deviation = double.NaN) =>
        Table(
            [
                Row("ft", "ft", 4, 99.5, 91, 6, 9.5, deviation, ("epochs", "3")),
                .. SweepRows(deviation),
                Row("retrain", "retrain", 31, 98, 87, 32, 0, deviation),
            ],
            AlphaLambda
        );

    public static double Number(System.Xml.Linq.XElement element, string attribute) =>
        double.Parse(element.Attribute(attribute)!.Value, CultureInfo.InvariantCulture);
}
