using System.Text.Json;
using System.Xml.Linq;
using Lur.Runs;

namespace Lur.Reports;

/// <summary>What 'lur verify --relearn' found, drawn: one figure for each attack.</summary>
internal static class RelearningCharts
{
    private sealed record Curve(Ink Ink, string Name, double[] Steps, double[] Mean, double[] Deviation, bool IsReference);

    /// <summary>The figures.</summary>
    public static IEnumerable<XElement> Of(RunFolder run) =>
        run.Verification.Find("relearning") is { ValueKind: JsonValueKind.Array } attacks
            ? attacks.EnumerateArray().Select(Draw).OfType<XElement>()
            : [];

    private static XElement? Draw(JsonElement attack)
    {
        Curve[] curves = [.. Curves(attack, "points", "", false), .. Curves(attack, "reference", ", Retrain", true)];
        curves = [.. curves.Where(c => c.Mean.Any(double.IsFinite))];
        if (curves.Length == 0)
            return null;
        var shots = (int)(attack.Number("shots") is var s && double.IsFinite(s) ? s : 0);
        var last = curves.SelectMany(c => c.Steps).Where(double.IsFinite).Max();
        var chart = new SvgChart(
            $"relearning-{shots}",
            new Axis("steps of training again", last > 50 ? Scale.LogCount : Scale.Whole, Minimum: 0, Maximum: last),
            new Axis("accuracy, %", Minimum: -3, Maximum: 103)
        );
        foreach (var c in curves)
            chart.Band(
                c.Ink,
                c.Steps,
                [.. c.Mean.Zip(c.Deviation, (m, d) => Math.Max(0, m - d))],
                [.. c.Mean.Zip(c.Deviation, (m, d) => Math.Min(100, m + d))]
            );
        foreach (var c in curves)
            chart.Line(c.Ink, c.Steps, c.Mean, dashed: c.IsReference);
        return Html.Figure(
            shots == 0 ? "Relearning from the retain set" : $"Relearning with {shots} forget samples in every batch",
            "Accuracy while the unlearned model is trained again"
                + (shots == 0 ? "" : ", on the forget samples that are not shown")
                + ": a forget set that is back within a few steps, faster than for a model that never saw it, was hidden rather "
                + "than forgotten."
                + (curves.Any(c => c.IsReference) ? " Dashed: the retrained model." : "")
                + (curves.Any(c => c.Deviation.Any(double.IsFinite)) ? " Areas: one standard deviation over the models of a side." : ""),
            chart.ToElement(
                "Accuracy over steps of training again, in percent",
                string.Join(" ", curves.Select(c => StepCharts.Describe(c.Name, c.Mean)))
            ),
            [.. curves.Where(c => !c.IsReference).Select(c => (c.Ink, c.Name))]
        );
    }

    private static IEnumerable<Curve> Curves(JsonElement attack, string model, string suffix, bool isReference)
    {
        if (attack.Find(model) is not { ValueKind: JsonValueKind.Array } points)
            yield break;
        double[] Column(string name) => [.. points.EnumerateArray().Select(p => p.Number(name))];
        yield return new Curve(
            Ink.Forget,
            "forget set" + suffix,
            Column("step"),
            Column("forgetAccuracy"),
            Column("forgetDeviation"),
            isReference
        );
        yield return new Curve(Ink.Test, "test set" + suffix, Column("step"), Column("testAccuracy"), Column("testDeviation"), isReference);
    }
}
