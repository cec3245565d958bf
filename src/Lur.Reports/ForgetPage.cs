using System.Globalization;
using System.Text.Json;
using System.Xml.Linq;
using Lur.Runs;
using static Lur.Reports.Html;

namespace Lur.Reports;

/// <summary>report.html: one forgetting run on one page, from what lies in its folder. The page is a function of these files:
/// no time, no machine, no network.</summary>
public static class ForgetPage
{
    /// <summary>Name of the page in a run's folder.</summary>
    public const string FileName = "report.html";

    /// <summary>Writes the page into the folder of a finished run.</summary>
    /// <returns>Its path.</returns>
    /// <exception cref="UserErrorException">The folder is not that of a forgetting run, or cannot be written.</exception>
    public static string Write(string folder)
    {
        using var run = RunFolder.Open(folder);
        var path = Path.Combine(folder, FileName);
        AtomicFile.WriteText(path, Render(run));
        return path;
    }

    /// <summary>The text of the page.</summary>
    public static string Render(RunFolder run)
    {
        if (ConceptPage.Shows(run))
            return ConceptPage.Render(run, Verdict(run));
        if (GenerationPage.Shows(run))
            return GenerationPage.Render(run, Verdict(run));
        if (DenoisingConclusion.Fits(run))
            return RenderDenoising(run);
        var conclusion = ForgetConclusion.Of(run);
        return Page(
            $"{conclusion.Title}: forgotten by {run.MethodTitle}",
            E(
                "header",
                E("h1", conclusion.Title),
                E("p", Class("soft"), $"Forgotten by {run.MethodTitle}. Accuracies are measured without augmentation."),
                E("p", conclusion.Sentence),
                Verdict(run) ?? E("p", Class("soft"), $"Whether a model that never saw them would do the same, 'lur verify' says.")
            ),
            Section("Outcome", [MetricTable(run), Recovery(run)], OutcomeCharts.Of(run)),
            Section("Membership attacks", AttackTables.Of(run), []),
            Section("The run, step by step", [Skipped(run), Times(run)], StepCharts.Of(run)),
            ForgottenTable.Of(run),
            Section("The run", [Facts(run)], []),
            Options(run)
        );
    }

    private static string RenderDenoising(RunFolder run)
    {
        var conclusion = DenoisingConclusion.Of(run);
        return Page(
            $"{conclusion.Title}: forgotten by {run.MethodTitle}",
            E(
                "header",
                E("h1", conclusion.Title),
                E("p", Class("soft"), $"Forgotten by {run.MethodTitle}. Both models were given the same noise."),
                E("p", conclusion.Sentence)
            ),
            Section("Outcome", [DenoisingPage.Sets(run), DenoisingPage.PerClass(run)], []),
            Section("The run, step by step", [Skipped(run), Times(run)], StepCharts.Of(run)),
            ForgottenTable.Of(run),
            Section("The run", [Facts(run)], []),
            Options(run)
        );
    }

    /// <summary>How soon what was forgotten is back, beside Retrain.</summary>
    private static XElement? Recovery(RunFolder run)
    {
        if (run.Verification.Find("relearning") is not { ValueKind: JsonValueKind.Array } attacks)
            return null;
        var table = new Table(
            "recovery",
            new Column("shots", "Relearning"),
            new Column("unlearned", "Unlearned, steps", Right: true),
            new Column("retrained", "Retrained, steps", Right: true)
        );
        foreach (var attack in attacks.EnumerateArray().Where(a => a.TryGetProperty("recoverySteps", out _)))
        {
            string Steps(string name) =>
                !attack.TryGetProperty(name, out var steps) ? "-"
                : steps.ValueKind == JsonValueKind.Number ? Count(JsonReading.Value(steps))
                : "not within the attack";
            var shots = attack.Number("shots");
            table.Add(
                shots > 0 ? $"{Count(shots)} forget samples in every batch" : "retain set only",
                Steps("recoverySteps"),
                Steps("referenceRecoverySteps")
            );
        }

        return table.Rows.Count == 0
            ? null
            : Html.Table(table, "Steps of training again until the forget accuracy is back at half of the original's.");
    }

    private static XElement? Section(string title, IReadOnlyList<XElement?> text, IReadOnlyList<XElement> figures) =>
        figures.Count == 0 && text.All(t => t is null)
            ? null
            : E("section", E("h2", title), text, figures.Count == 0 ? null : E("div", Class("figures"), figures));

    private static XElement Facts(RunFolder run)
    {
        var (result, config) = (run.Result, run.Config);
        var facts = new List<(string Name, string Text)>
        {
            ("Method", run.MethodTitle + (run.MethodTitle == run.Method ? "" : $" ({run.Method})")),
            ("Model", Join(config.Text("architecture"), config.Text("model"))),
            ("Data", Join(config.Text("data"), config.Text("dataFormat"))),
            (
                "Forget set",
                $"{run.Forget}: {Count(result.Number("forgetImages"))} of "
                    + $"{Count(result.Number("forgetImages") + result.Number("retainImages"))} images"
            ),
            (
                "Earlier requests",
                result.Find("earlierRequests") is { } earlier
                    ? $"{Count(earlier.Number("images"))} samples, in neither set; classified correctly: "
                        + $"{Number(earlier.Number("originalAccuracy"), "0.00", " %")} before, "
                        + $"{Number(earlier.Number("unlearnedAccuracy"), "0.00", " %")} after"
                    : ""
            ),
            (
                "Forget set, SHA-256",
                result.Text("forgetSha256") is { Length: > 16 } hash ? hash[..16] + "\u2026" : result.Text("forgetSha256")
            ),
            ("Seed", config.Text("seed")),
            ("Device", config.Text("device")),
            ("Steps", Count(result.Number("steps"))),
            (
                "Time (RTE)",
                double.IsFinite(run.Seconds) ? $"{Cell.FormatTime(TimeSpan.FromSeconds(run.Seconds))}, preparations and steps" : ""
            ),
            (
                "Memory on the device",
                double.IsFinite(result.Number("memory", "deviceBytes"))
                    ? Cell.FormatBytes((long)result.Number("memory", "deviceBytes"))
                    : ""
            ),
            ("Weights moved", run.Verification.Find("weightDistance") is { } distance ? Distance(distance) : ""),
            ("Average gap to Retrain", Number(run.Verification.Number("averageGap"), "0.00", " points")),
            ("Over-forgetting", run.Verification.Find("overForgetting") is { } over ? OverForgetting(over) : ""),
            ("Tug of war", Number(run.Verification.Number("tow"), "0.0000", " (1 is Retrain)")),
            ("Version of Lur", config.Text("version")),
        };
        return E("dl", Class("facts"), facts.Where(f => f.Text.Length > 0).Select(f => E("div", E("dt", f.Name), E("dd", f.Text))));
    }

    private static string Join(string what, string from) => from.Length == 0 ? what : $"{what} ({from})";

    private static string Count(double n) => double.IsFinite(n) ? n.ToString("N0", CultureInfo.InvariantCulture) : "?";

    /// <summary>Run-time efficiency by stage; evaluations are shown and not counted.</summary>
    private static XElement? Times(RunFolder run)
    {
        if (run.Stages.Count == 0)
            return null;
        var table = new Table(
            "time",
            new Column("stage", "Stage"),
            new Column("seconds", "Seconds", Right: true),
            new Column("share", "Share of the RTE", Right: true)
        );
        foreach (var (name, seconds, counted) in run.Stages)
            table.Add(name, Cell.Number(seconds), counted ? Cell.Percent(seconds / run.Seconds) : "not counted");
        table.Add("RTE", Cell.Number(run.Seconds), "");
        return Html.Table(table, "Time of each stage; the run-time efficiency (RTE) counts preparations and steps.");
    }

    private static string OverForgetting(JsonElement over)
    {
        var against = over.Find("belowRetrain") is null ? "Chance" : "Retrain";
        bool Is(string name) => over.Find(name + against) is { ValueKind: JsonValueKind.True };
        var (what, whom) = (
            Is("below")
                ? Is("lossAbove")
                    ? "accuracy and loss are"
                    : "the accuracy is"
                : Is("lossAbove")
                    ? "the loss is"
                    : "",
            against == "Chance" ? "a guess's" : "Retrain's"
        );
        return what.Length == 0
            ? $"no: the forget set is not worse off than {(against == "Chance" ? "by guessing" : "for Retrain")}"
            : $"yes: on the forget set {what} worse than {whom}";
    }

    private static string Number(double value, string format, string unit) =>
        double.IsFinite(value) ? value.ToString(format, CultureInfo.InvariantCulture) + unit : "";

    private static string Distance(JsonElement distance) =>
        Number(distance.Number("distance"), "G4", " (L2)")
        + Number(100 * distance.Number("relative"), "', '0.##", " % of the original weights' norm");

    private static XElement? Verdict(RunFolder run)
    {
        if (run.Verification.Text("verdict") is not { Length: > 0 } word)
            return null;
        var tone = word switch
        {
            nameof(Lur.Metrics.Verdict.MatchesRetrain) => "verdict good",
            nameof(Lur.Metrics.Verdict.Withheld) => "verdict soft",
            _ => "verdict bad",
        };
        return E("p", E("span", Class(tone), Glossary.Find(word)?.Title ?? word), " " + run.Verification.Text("sentence"));
    }

    private static XElement MetricTable(RunFolder run)
    {
        var verified = run.Verification.Find("metrics") is { ValueKind: JsonValueKind.Array } list
            ? list.EnumerateArray().ToDictionary(m => m.Text("metric"), StringComparer.Ordinal)
            : [];
        Column[] columns =
        [
            new("metric", "Metric"),
            new("original", "Original", Right: true),
            new("unlearned", "Unlearned", Right: true),
            new("change", "Change", Right: true),
        ];
        var table = new Table(
            "metrics",
            verified.Count == 0 ? columns : [.. columns, new("retrained", "Retrained", Right: true), new("gap", "Gap (band)", Right: true)]
        );
        var notes = new List<string>();
        var (before, after) = (run.Result.Find("original"), run.Result.Find("unlearned"));
        if (after is { ValueKind: JsonValueKind.Object } metrics)
        {
            foreach (var p in metrics.EnumerateObject().Where(p => p.Value.ValueKind == JsonValueKind.Number))
            {
                var (original, unlearned, entry) = (
                    before?.Number(p.Name) ?? double.NaN,
                    JsonReading.Value(p.Value),
                    Glossary.Find(p.Name)
                );
                var unit = entry?.Unit is { Length: > 0 } u ? " " + u : "";
                Cell[] cells =
                [
                    entry?.Short ?? p.Name,
                    Cell.Number(original, 2, unit),
                    Cell.Number(unlearned, 2, unit),
                    Signed(unlearned - original),
                ];
                table.Add(
                    verified.Count == 0 ? cells : [.. cells, .. Reference(verified.TryGetValue(p.Name, out var m) ? m : default, unit)]
                );
                notes.Add(entry?.What ?? "");
            }
        }

        return Table(table, "Before and after unlearning; changes and gaps in the unit of their row.", notes);
    }

    /// <summary>Retrain's value over its seeds, and the gap to it with the band that 'lur verify' gave it.</summary>
    private static Cell[] Reference(JsonElement metric, string unit)
    {
        var (mean, deviation, gap, band) = (
            metric.Number("retrained", "mean"),
            metric.Number("retrained", "deviation"),
            metric.Number("gap"),
            metric.Number("band")
        );
        return
        [
            double.IsFinite(deviation)
                ? $"{Cell.Number(mean).Text} \u00B1 {Cell.Number(deviation, 2, unit).Text}"
                : Cell.Number(mean, 2, unit),
            double.IsFinite(gap) ? $"{Signed(gap).Text} ({Cell.Number(band).Text})" : "-",
        ];
    }

    private static Cell Signed(double change) =>
        double.IsFinite(change) ? (change < 0 ? "\u2212" : "+") + Cell.Number(Math.Abs(change)).Text : "-";

    private static XElement? Skipped(RunFolder run) =>
        run.Log?["skipped"]?.Count(s => s == 1) is int n and > 0
            ? E("p", $"{Count(n)} of {Count(run.Log.Rows)} steps were skipped: a loss or a gradient was not finite.")
            : null;

    private static XElement? Options(RunFolder run)
    {
        if (run.Config.Find("options") is not { ValueKind: JsonValueKind.Object } options)
            return null;
        var table = new Table("options", new Column("option", "Option"), new Column("value", "Value"));
        foreach (var o in options.EnumerateObject())
            table.Add("--" + o.Name, o.Value.ToString());
        return E(
            "details",
            E("summary", "Options of the method"),
            Table(table, "Every option as it was used; 'lur methods' says where the defaults come from.")
        );
    }
}
