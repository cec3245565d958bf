using System.Globalization;
using System.Text.Json;
using System.Xml.Linq;
using Lur.Unlearning;
using static Lur.Cli.Reports.Html;

namespace Lur.Cli.Reports;

/// <summary>report.html: one forgetting run on one page, from what lies in its folder. The page is a function of these files:
/// no time, no machine, no network.</summary>
internal static class ForgetPage
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

    /// <summary>Writes the page at the end of a run: the model is saved by then, so a page that cannot be drawn is a warning.</summary>
    /// <returns>True if it was written.</returns>
    public static bool TryWrite(CommandContext context, string folder)
    {
        try
        {
            Write(folder);
            return true;
        }
        catch (UserErrorException e)
        {
            context.Warn($"{FileName} was not written: {e.Message} 'lur report {folder}' writes it again.");
            return false;
        }
    }

    /// <summary>The text of the page.</summary>
    public static string Render(RunFolder run)
    {
        var title = $"{TitleOf(run.Method)}: forgetting {ForgetOf(run)}";
        return Page(title,
            E("header", E("h1", title), E("p", Class("soft"), "What was forgotten, what was kept, and how the run went. Accuracies are measured without augmentation."), Facts(run)),
            Section("Outcome", [Verdict(run), MetricTable(run)], OutcomeCharts.Of(run)),
            Section("The run, step by step", [Skipped(run)], StepCharts.Of(run)),
            Options(run));
    }

    /// <summary>Title of a method; its name where this version does not know it.</summary>
    public static string TitleOf(string method) => MethodCatalog.All.FirstOrDefault(m => m.Name == method)?.Title ?? method;

    private static XElement? Section(string title, IReadOnlyList<XElement?> text, IReadOnlyList<XElement> figures) =>
        figures.Count == 0 && text.All(t => t is null) ? null
            : E("section", E("h2", title), text, figures.Count == 0 ? null : E("div", Class("figures"), figures));

    private static string ForgetOf(RunFolder run) => run.Config.Find("forget") is { ValueKind: JsonValueKind.Array } list
        ? string.Join(", ", list.EnumerateArray().Select(e => e.ToString())) : "a set of samples";

    private static XElement Facts(RunFolder run)
    {
        var (result, config) = (run.Result, run.Config);
        var facts = new List<(string Name, string Text)>
        {
            ("Method", TitleOf(run.Method) + (TitleOf(run.Method) == run.Method ? "" : $" ({run.Method})")),
            ("Model", Join(config.Text("architecture"), config.Text("model"))),
            ("Data", Join(config.Text("data"), config.Text("dataFormat"))),
            ("Forget set", $"{ForgetOf(run)}: {Count(result.Number("forgetImages"))} of {Count(result.Number("forgetImages") + result.Number("retainImages"))} images"),
            ("Forget set, SHA-256", result.Text("forgetSha256") is { Length: > 16 } hash ? hash[..16] + "\u2026" : result.Text("forgetSha256")),
            ("Seed", config.Text("seed")),
            ("Device", config.Text("device")),
            ("Steps", Count(result.Number("steps"))),
            ("Time", Times(result)),
            ("Memory on the device", double.IsFinite(result.Number("memory", "deviceBytes")) ? Cell.FormatBytes((long)result.Number("memory", "deviceBytes")) : ""),
            ("Weights moved", Distance(run.Verification)),
            ("Version of Lur", config.Text("version")),
        };
        return E("dl", Class("facts"), facts.Where(f => f.Text.Length > 0).Select(f => E("div", E("dt", f.Name), E("dd", f.Text))));
    }

    private static string Join(string what, string from) => from.Length == 0 ? what : $"{what} ({from})";

    private static string Count(double n) => double.IsFinite(n) ? n.ToString("N0", CultureInfo.InvariantCulture) : "?";

    private static string Times(JsonElement result)
    {
        if (result.Find("seconds") is not { ValueKind: JsonValueKind.Object } seconds) return "";
        var stages = seconds.EnumerateObject().Select(p => (p.Name, Seconds: JsonReading.Value(p.Value))).Where(p => double.IsFinite(p.Seconds)).ToArray();
        static string Text(double s) => ProgressReporter.FormatTime(TimeSpan.FromSeconds(s));
        return $"{Text(stages.Sum(s => s.Seconds))}: {string.Join(", ", stages.Select(s => $"{s.Name} {Text(s.Seconds)}"))}";
    }

    private static string Distance(JsonElement result)
    {
        var (distance, relative) = (result.Number("weightDistance", "distance"), result.Number("weightDistance", "relative"));
        return !double.IsFinite(distance) ? "" : string.Create(CultureInfo.InvariantCulture, $"{distance:G4} (L2)") +
            (double.IsFinite(relative) ? string.Create(CultureInfo.InvariantCulture, $", {100 * relative:0.##} % of the original weights' norm") : "");
    }

    /// <summary>The verdict where result.json has one: a word, or an object with the word and a sentence.</summary>
    private static XElement? Verdict(RunFolder run)
    {
        if (run.Verification.Find("verdict") is not { } verdict) return null;
        var word = verdict.ValueKind == JsonValueKind.Object ? verdict.Text("verdict") : verdict.ToString();
        var tone = word switch { "MatchesRetrain" or "matches-retrain" => "verdict good", "Withheld" or "withheld" => "verdict soft", _ => "verdict bad" };
        return E("p", E("span", Class(tone), Glossary.Find(word)?.Title ?? word), " ", verdict.ValueKind == JsonValueKind.Object ? verdict.Text("sentence") : run.Verification.Text("sentence"));
    }

    private static XElement MetricTable(RunFolder run)
    {
        var table = new Table("metrics", new Column("metric", "Metric"), new Column("original", "Original", Right: true),
            new Column("unlearned", "Unlearned", Right: true), new Column("change", "Change", Right: true));
        var notes = new List<string>();
        var (before, after) = (run.Result.Find("original"), run.Result.Find("unlearned"));
        if (after is { ValueKind: JsonValueKind.Object } metrics)
        {
            foreach (var p in metrics.EnumerateObject().Where(p => p.Value.ValueKind == JsonValueKind.Number))
            {
                var (original, unlearned, entry) = (before?.Number(p.Name) ?? double.NaN, JsonReading.Value(p.Value), Glossary.Find(p.Name));
                var unit = entry?.Unit is { Length: > 0 } u ? " " + u : "";
                var change = unlearned - original;
                table.Add(entry?.Short ?? p.Name, Cell.Number(original, 2, unit), Cell.Number(unlearned, 2, unit),
                    double.IsFinite(change) ? (change < 0 ? "\u2212" : "+") + Cell.Number(Math.Abs(change), 2).Text : "-");
                notes.Add(entry?.What ?? "");
            }
        }

        return Table(table, "Before and after unlearning; changes in the unit of their row.", notes);
    }

    private static XElement? Skipped(RunFolder run) => run.Log?["skipped"]?.Count(s => s == 1) is int n and > 0
        ? E("p", $"{Count(n)} of {Count(run.Log.Rows)} steps were skipped: a loss or a gradient was not finite.") : null;

    private static XElement? Options(RunFolder run)
    {
        if (run.Config.Find("options") is not { ValueKind: JsonValueKind.Object } options) return null;
        var table = new Table("options", new Column("option", "Option"), new Column("value", "Value"));
        foreach (var o in options.EnumerateObject()) table.Add("--" + o.Name, o.Value.ToString());
        return E("details", E("summary", "Options of the method"), Table(table, "Every option as it was used; 'lur methods' says where the defaults come from."));
    }
}
