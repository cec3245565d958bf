using System.Globalization;
using System.Text.Json;
using System.Xml.Linq;
using Lur.Checkpoints;
using Lur.Runs;
using static Lur.Reports.Html;

namespace Lur.Reports;

/// <summary>The page of a verified model that was to forget a concept: the verdict, every kind of prompts, images before, after and
/// retrained from the same starts, attacks.</summary>
internal static class ConceptPage
{
    private const int MostColumns = 6;

    private static readonly (string Name, string Title)[] s_models =
    [
        ("original", "Before"),
        ("unlearned", "After"),
        ("retrained", "Retrained"),
    ];

    /// <summary>True where a folder holds such a verification.</summary>
    public static bool Shows(RunFolder run) => run.Verification.Text("kind") == ConceptVerifyFiles.Kind;

    /// <summary>The text of the page.</summary>
    /// <param name="run">The folder.</param>
    /// <param name="verdict">The paragraph of the verdict.</param>
    public static string Render(RunFolder run, XElement? verdict)
    {
        var v = run.Verification;
        var concept = v.Text("concept");
        return Page(
            $"{concept}: forgotten by {run.MethodTitle}",
            E(
                "header",
                E("h1", concept),
                E(
                    "p",
                    Class("soft"),
                    $"A concept forgotten by {run.MethodTitle}. A detector looks for it in what the model draws: for prompts that name it, "
                        + "for prompts that mean it without its name, and for others, which are to be drawn as before."
                ),
                verdict
            ),
            E(
                "section",
                E("h2", "Outcome"),
                Kinds(v, forgotten: true, $"Images of prompts of the concept in which '{concept}' is."),
                Kinds(v, forgotten: false, "Images of kept prompts that hold what is asked for, no more and no less."),
                Quality(v, concept)
            ),
            Images(run),
            GenerationPage.Attacks(v),
            E("section", E("h2", "How it was measured"), Facts(run))
        );
    }

    private static XElement? Kinds(JsonElement v, bool forgotten, string caption)
    {
        var share = forgotten ? "rate" : "alignment";
        JsonElement[] kinds = [.. KindsOf(v).Where(k => IsForgotten(k) == forgotten)];
        if (kinds.Length == 0)
            return null;
        var table = new Table(
            "kinds",
            new Column("kind", "Prompts"),
            new Column("original", "Original", Right: true),
            new Column("unlearned", "Unlearned", Right: true),
            new Column("interval", "95 % interval", Right: true),
            new Column("retrained", "Retrained", Right: true),
            new Column("score", "Prompt moves score", Right: true)
        );
        foreach (var k in kinds)
        {
            var (low, high) = (k.Number("unlearned", share + "Interval", "low"), k.Number("unlearned", share + "Interval", "high"));
            table.Add(
                k.Text("kind"),
                Cell.Number(k.Number(share, "original"), 1, " %"),
                Cell.Number(k.Number(share, "unlearned", "mean"), 1, " %"),
                double.IsFinite(low) ? string.Create(CultureInfo.InvariantCulture, $"{low:0.0} .. {high:0.0}") : "",
                Cell.Number(k.Number(share, "retrained", "mean"), 1, " %"),
                Cell.Number(k.Number("scoreDistance", "unlearned", "mean"), 4)
            );
        }

        return Html.Table(
            table,
            caption,
            [.. kinds.Select(k => GenerationPage.Array(k, "prompts") is { Length: > 0 } p ? $"{p[0].GetString()} ({p.Length})" : "")]
        );
    }

    private static XElement Quality(JsonElement v, string concept)
    {
        var table = new Table(
            "quality",
            new Column("measure", "Measure"),
            new Column("original", "Original", Right: true),
            new Column("unlearned", "Unlearned", Right: true),
            new Column("retrained", "Retrained", Right: true)
        );
        void Add(string title, int decimals, string unit, params string[] path)
        {
            double Of(params string[] more) => v.Number([.. path, .. more]);
            double[] values = [Of("original"), Of("unlearned", "mean"), Of("retrained", "mean")];
            if (values.Any(double.IsFinite))
                table.Add([title, .. values.Select(x => Cell.Number(x, decimals, unit))]);
        }

        Add("Seen by the original model", 1, " %", "diffusionClassified");
        Add("Kept: Fr\u00E9chet distance", 3, "", "keptFeatures", "distance");
        Add("Kept: precision", 3, "", "keptFeatures", "precision");
        Add("Kept: recall", 3, "", "keptFeatures", "recall");
        foreach (
            var (name, title) in new[]
            {
                ("concept", $"Loss change, test images with '{concept}'"),
                ("kept", "Loss change, kept test images"),
            }
        )
            if (double.IsFinite(v.Number("lossChange", "unlearned", name, "mean")))
                table.Add(title, "", Change(v, "unlearned", name), Change(v, "retrained", name));
        var (floor, count) = (
            Cell.Number(v.Number("keptFeatures", "floor"), 3).Text,
            Cell.Number(v.Number("keptFeatures", "images"), 0).Text
        );
        return Html.Table(
            table,
            double.IsFinite(v.Number("keptFeatures", "floor"))
                ? $"Kept prompts in the judge's features, {count} real and as many drawn images; the distance of real to real images is "
                    + $"{floor} then. It is not the FID of papers. Denoising losses with the same noise, less the original's, with 95 % "
                    + "intervals."
                : "Denoising losses with the same noise, less the original's, with 95 % intervals."
        );
    }

    private static string Change(JsonElement v, string model, string name)
    {
        double Of(params string[] path) => v.Number(["lossChange", model, name, .. path]);
        var (mean, low, high) = (Of("mean"), Of("interval", "low"), Of("interval", "high"));
        return double.IsFinite(mean)
            ? string.Create(CultureInfo.InvariantCulture, $"{mean:+0.0000;-0.0000} \u00B1 {(high - low) / 2:0.0000}")
            : "";
    }

    /// <summary>A table for each kind: a prompt a row, the same starts in the same places of each model.</summary>
    private static XElement? Images(RunFolder run)
    {
        var path = Path.Combine(run.Path, GenerationVerifyFiles.ImagesName);
        if (!File.Exists(path))
            return null;
        using var file = SafeTensorsFile.Open(path);
        var models = s_models.Where(m => file.Contains(m.Name)).ToArray();
        var (first, tables) = (0, new List<XElement>());
        foreach (var kind in KindsOf(run.Verification))
        {
            string[] prompts = [.. GenerationPage.Array(kind, "prompts").Take((int)kind.Number("shown")).Select(p => p.GetString() ?? "")];
            var start = first;
            tables.Add(
                E(
                    "div",
                    Class("wide"),
                    E("h3", $"{kind.Text("kind")}{(IsForgotten(kind) ? "" : " (to be kept)")}"),
                    E(
                        "table",
                        Class("strips"),
                        E("thead", E("tr", E("th", A("scope", "col"), "Prompt"), models.Select(m => E("th", A("scope", "col"), m.Title)))),
                        E(
                            "tbody",
                            prompts.Select(
                                (prompt, p) =>
                                    E(
                                        "tr",
                                        E("th", A("scope", "row"), prompt),
                                        models.Select(m => E("td", Strip(file, m.Name, start + p, $"{prompt}: {m.Title}")))
                                    )
                            )
                        )
                    )
                )
            );
            first += prompts.Length;
        }

        return E("section", E("h2", "Images from the same starts"), tables);
    }

    private static XElement Strip(SafeTensorsFile file, string name, int prompt, string alt)
    {
        var shape = file[name].Shape;
        var columns = (int)Math.Min(MostColumns, shape[1]);
        var (channels, height, width) = ((int)shape[2], (int)shape[3], (int)shape[4]);
        var grid = new ImageGrid(1, columns, channels, height, width);
        var size = channels * height * width;
        var bytes = file.Bytes(name);
        for (var column = 0; column < columns; column++)
            grid.Draw(0, column, bytes.Slice(((prompt * (int)shape[1]) + column) * size, size));
        using var png = new MemoryStream();
        grid.Write(png);
        var data = Convert.ToBase64String(png.GetBuffer(), 0, (int)png.Length);
        return E("img", A("src", "data:image/png;base64," + data), A("alt", alt));
    }

    private static XElement Facts(RunFolder run)
    {
        var v = run.Verification;
        string Percent(params string[] path) => Cell.Number(v.Number(path), 1).Text + " %";
        var judge = v.Find("judge")?.Text("model") ?? "";
        var facts = new List<(string Name, string Text)>
        {
            ("Detector", v.Text("detector", "command") is { Length: > 0 } command ? command : $"a judge, {judge}"),
            (
                "On real test images",
                v.Number("detector", "images") > 0
                    ? $"sees the concept in {Percent("detector", "hits")} of those with it and in {Percent("detector", "falseAlarms")} of "
                        + "those without"
                    : ""
            ),
            ("Contents named rightly", double.IsFinite(v.Number("detector", "contents")) ? Percent("detector", "contents") : ""),
            ("Judge with noise on the images", judge.Length > 0 ? $"right on {Percent("judge", "noisyTestAccuracy")}" : ""),
            (
                "Images",
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{v.Number("sampling", "images")} of each prompt, DDIM, {v.Number("sampling", "steps")} steps, guidance "
                        + $"{v.Number("sampling", "guidance")}, seed {v.Number("sampling", "seed")}"
                )
            ),
            ("Model", run.Config.Text("model")),
            ("Data", run.Config.Text("data")),
            ("Version of Lur", run.Config.Text("version")),
        };
        return E("dl", Class("facts"), facts.Where(f => f.Text.Length > 0).Select(f => E("div", E("dt", f.Name), E("dd", f.Text))));
    }

    private static JsonElement[] KindsOf(JsonElement v) => GenerationPage.Array(v, "kinds");

    private static bool IsForgotten(JsonElement kind) => kind.Text("forgotten") == bool.TrueString;
}
