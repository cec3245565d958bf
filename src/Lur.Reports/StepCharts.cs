using System.Globalization;
using System.Xml.Linq;
using Lur.Runs;

namespace Lur.Reports;

/// <summary>What log.csv says, drawn over the steps; a chart for each group of columns that has numbers.</summary>
/// <remarks>Over budget: the list of figures is one expression.</remarks>
internal static class StepCharts
{
    /// <summary>Points of a line: about one a pixel, so that a page of any run stays small.</summary>
    private const int Bins = 400;

    /// <summary>The figures.</summary>
    public static IReadOnlyList<XElement> Of(RunFolder run)
    {
        if (run.Log is not { } log || log["step"] is not { } steps)
            return [];
        var figures = new List<XElement?>
        {
            Chart(
                steps,
                "retain-loss",
                "Retain loss",
                new Axis("loss, nats"),
                [(Ink.Retain, "retain", log["retain_loss"])],
                null,
                "Cross-entropy on the retain batches; it should end near where it began before trimming, and stay there."
            ),
            Chart(
                steps,
                "forget-loss",
                "Forget loss",
                new Axis("loss, nats"),
                [(Ink.Forget, "forget", log["forget_loss"])],
                null,
                "What the method minimises on the forget batches, in its own sign; it should level off, and a fall without end "
                    + "is damage, not forgetting."
            ),
            Chart(
                steps,
                "forget-accuracy",
                "Forget accuracy during the run",
                new Axis("accuracy, %", Minimum: -3, Maximum: 103),
                [(Ink.Forget, "forget batches", log["forget_accuracy"])],
                null,
                "Share of each forget batch still classified as labelled; where it reaches the accuracy of a retrained model, "
                    + "further steps forget too much."
            ),
            Chart(
                steps,
                "cosine",
                "Agreement of the two gradients",
                new Axis("cosine", Minimum: -1.05, Maximum: 1.05),
                [(Ink.Unlearned, "cosine", log["cosine"])],
                0,
                "Cosine between the retain and the forget gradient: above 0 a step serves both aims, below 0 they pull against each other."
            ),
            Chart(
                steps,
                "second-order",
                "Weight of the second-order term",
                new Axis("\u03B1|h| / |v|", Scale.Log),
                [(Ink.Unlearned, "share", log["second_order_share"])],
                null,
                "Length of the Hessian's correction over that of the forget gradient: near 0 the first-order variant would do "
                    + "the same, near 1 it would not."
            ),
            Chart(
                steps,
                "gradients",
                "Gradient norms",
                new Axis("norm", Scale.Log),
                [(Ink.Retain, "retain gradient |g|", log["retain_gradient"]), (Ink.Forget, "forget gradient |v|", log["forget_gradient"])],
                null,
                "Lengths on a logarithmic axis: when one line lies a decade above the other, that aim decides where the model goes."
            ),
            LookAhead(steps, log),
        };
        return [.. figures.OfType<XElement>()];
    }

    private static XElement? LookAhead(double[] steps, RunLog log)
    {
        if (log["look_ahead_norm"] is not { } step || log["parameter_norm"] is not { } norm)
            return null;
        double[] share = [.. step.Zip(norm, (s, n) => 100 * s / n)];
        return Chart(
            steps,
            "look-ahead",
            "Length of the look-ahead step",
            new Axis("\u03B1|g| / |\u03B8|, %", Scale.Log),
            [(Ink.Unlearned, "share", share)],
            1,
            "Length of the simulated retain step over that of the weights: above the dashed 1 % it leaves the neighbourhood in "
                + "which the look-ahead means something."
        );
    }

    private static XElement? Chart(
        double[] steps,
        string id,
        string title,
        Axis y,
        (Ink Ink, string Name, double[]? Values)[] lines,
        double? level,
        string reading
    )
    {
        var drawn = lines
            .Where(l => l.Values?.Any(v => double.IsFinite(y.Place(v))) == true)
            .Select(l => (l.Ink, l.Name, Values: l.Values!))
            .ToArray();
        if (drawn.Length == 0)
            return null;
        var chart = new SvgChart(
            id,
            new Axis("step", Scale.Whole, Minimum: Math.Min(steps[0], 1), Maximum: Math.Max(steps[^1], steps[0] + 1)),
            y
        );
        if (level is { } at)
            chart.Level(Ink.Reference, at);
        foreach (var (ink, _, values) in drawn)
        {
            // Batches are noisy: where there are many, their mean is drawn over them.
            var many = values.Length >= 60;
            var (x, thin) = Series.Thin(steps, values, Bins);
            chart.Line(ink, x, thin, many ? 1 : 2, many ? 0.35 : 1);
            if (!many)
                continue;
            var (smoothX, smooth) = Series.Thin(steps, Series.Smooth(values, Math.Max(2, values.Length / 50)), Bins);
            chart.Line(ink, smoothX, smooth);
        }

        var smoothed = drawn.Any(l => l.Values.Length >= 60) ? " Thin: each step; thick: mean of its neighbours." : "";
        return Html.Figure(
            title,
            reading + smoothed,
            chart.ToElement($"{title} over {steps.Length} steps", string.Join(" ", drawn.Select(l => Describe(l.Name, l.Values)))),
            drawn.Length > 1 ? [.. drawn.Select(l => (l.Ink, l.Name))] : []
        );
    }

    /// <summary>A line in words.</summary>
    public static string Describe(string name, IReadOnlyList<double> values)
    {
        double[] finite = [.. values.Where(double.IsFinite)];
        return finite.Length == 0
            ? $"{name}: no values."
            : string.Create(
                CultureInfo.InvariantCulture,
                $"{name}: from {finite[0]:G3} to {finite[^1]:G3}, least {finite.Min():G3}, greatest {finite.Max():G3}."
            );
    }
}
