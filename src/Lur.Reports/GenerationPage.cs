using System.Globalization;
using System.Text.Json;
using System.Xml.Linq;
using Lur.Checkpoints;
using Lur.Metrics.Generation;
using Lur.Runs;
using static Lur.Reports.Html;

namespace Lur.Reports;

/// <summary>The page of a verified model that draws: the verdict, images before, after and retrained from the same starts, every kept
/// class beside the forgotten one.</summary>
internal static class GenerationPage
{
    private const int MostColumns = 8;

    /// <summary>True where a folder holds such a verification.</summary>
    public static bool Shows(RunFolder run) => run.Verification.Text("kind") == GenerationVerifyFiles.Kind;

    /// <summary>The text of the page.</summary>
    /// <param name="run">The folder.</param>
    /// <param name="verdict">The paragraph of the verdict.</param>
    public static string Render(RunFolder run, XElement? verdict)
    {
        var v = run.Verification;
        // A class that has no name but a number would be a page about a number.
        var title = string.Join(
            ", ",
            Forgotten(v).Select(name => name.All(char.IsAsciiDigit) ? $"class {name}" : name).DefaultIfEmpty(run.Forget)
        );
        return Page(
            $"{title}: forgotten by {run.MethodTitle}",
            E(
                "header",
                E("h1", title),
                E("p", Class("soft"), $"Forgotten by {run.MethodTitle}. A classifier of real images looks at what the model draws."),
                verdict
            ),
            E("section", E("h2", "Outcome"), Classes(v), Quality(v), Inception(v)),
            Images(run),
            Attacks(v),
            E("section", E("h2", "How it was measured"), Facts(run))
        );
    }

    private static IEnumerable<string> Forgotten(JsonElement v) => Array(v, "forgotten").Select(f => f.Text("class"));

    internal static JsonElement[] Array(JsonElement v, string name) =>
        v.Find(name) is { ValueKind: JsonValueKind.Array } list ? [.. list.EnumerateArray()] : [];

    private static XElement Classes(JsonElement v)
    {
        var table = new Table(
            "classes",
            new Column("class", "Class"),
            new Column("original", "Original", Right: true),
            new Column("unlearned", "Unlearned", Right: true),
            new Column("retrained", "Retrained", Right: true),
            new Column("loss", "Loss change", Right: true)
        );
        var forgotten = Forgotten(v).ToHashSet(StringComparer.Ordinal);
        foreach (var c in Array(v, "classes"))
        {
            var name = c.Text("class");
            table.Add(
                name + (forgotten.Contains(name) ? " (forgotten)" : ""),
                Cell.Number(c.Number("agreement", "original"), 1, " %"),
                Cell.Number(c.Number("agreement", "unlearned", "mean"), 1, " %"),
                Cell.Number(c.Number("agreement", "retrained", "mean"), 1, " %"),
                Cell.Number(c.Number("lossChange", "mean"), 4)
            );
        }

        return Html.Table(
            table,
            "Share of the images asked for as a class that the judge classes as it, and the change of the denoising loss on test images."
        );
    }

    private static XElement Quality(JsonElement v)
    {
        var table = new Table(
            "quality",
            new Column("measure", "Kept classes"),
            new Column("original", "Original", Right: true),
            new Column("unlearned", "Unlearned", Right: true),
            new Column("retrained", "Retrained", Right: true)
        );
        foreach (var (name, title) in new[] { ("distance", "Fréchet distance"), ("precision", "Precision"), ("recall", "Recall") })
            table.Add(
                title,
                Cell.Number(v.Number("keptFeatures", name, "original"), 3),
                Cell.Number(v.Number("keptFeatures", name, "unlearned", "mean"), 3),
                Cell.Number(v.Number("keptFeatures", name, "retrained", "mean"), 3)
            );
        if (v.Find("labelGain") is { })
            table.Add(
                "Forgotten: gain by the label",
                Cell.Number(v.Number("labelGain", "original", "mean"), 4),
                Cell.Number(v.Number("labelGain", "unlearned", "mean"), 4),
                Cell.Number(v.Number("labelGain", "retrained", "mean"), 4)
            );
        var floor = Cell.Number(v.Number("keptFeatures", "floor"), 3).Text;
        var count = Cell.Number(v.Number("keptFeatures", "images"), 0).Text;
        return Html.Table(
            table,
            $"In the judge's features, {count} real and as many drawn images; the distance of real to real images is {floor} then. "
                + "It is not the FID of papers."
        );
    }

    private static XElement? Inception(JsonElement v)
    {
        if (v.Find("inception") is not { ValueKind: JsonValueKind.Object } inception)
            return null;
        var table = new Table(
            "inception",
            new Column("measure", "Kept classes"),
            new Column("real", "Real images", Right: true),
            new Column("original", "Original", Right: true),
            new Column("unlearned", "Unlearned", Right: true),
            new Column("retrained", "Retrained", Right: true)
        );
        foreach (
            var (name, floor, title, scale) in new[]
            {
                ("fid", "fidFloor", "FID", 1),
                ("kid", "kidFloor", "KID x 1000", 1000),
                ("kidSpread", "", "Spread of KID x 1000", 1000),
            }
        )
            table.Add(
                title,
                Cell.Number(floor.Length == 0 ? double.NaN : scale * inception.Number(floor), 3),
                Cell.Number(scale * inception.Number(name, "original"), 3),
                Cell.Number(scale * inception.Number(name, "unlearned", "mean"), 3),
                Cell.Number(scale * inception.Number(name, "retrained", "mean"), 3)
            );
        var (images, subsets) = (Cell.Number(inception.Number("images"), 0).Text, Cell.Number(inception.Number("subsets"), 0).Text);
        return Html.Table(
            table,
            $"In the features of InceptionV3, {images} real and as many drawn images; the spread is that over {subsets} subsets. "
                + inception.Text("reservation")
        );
    }

    internal static XElement? Attacks(JsonElement v)
    {
        XElement[] tables =
        [
            .. Array(v, "attacks")
                .Select(attack =>
                {
                    var table = new Table(
                        attack.Text("attack"),
                        new Column("at", DrawingAttack.HeadOf(attack.Text("unit")), Right: true),
                        new Column("unlearned", "Unlearned", Right: true),
                        new Column("retrained", "Retrained", Right: true)
                    );
                    var retrained = Array(attack, "retrained");
                    foreach (var (point, i) in Array(attack, "unlearned").Select((p, i) => (p, i)))
                        table.Add(
                            Cell.Number(point.Number("at"), 0),
                            Cell.Number(point.Number("recognised"), 1, " %"),
                            Cell.Number(i < retrained.Length ? retrained[i].Number("recognised") : double.NaN, 1, " %")
                        );
                    return Html.Table(
                        table,
                        $"Images in which what was forgotten is recognised, {DrawingAttack.InWords(attack.Text("attack"))}."
                    );
                }),
        ];
        return tables.Length == 0 ? null : E("section", E("h2", "Attacks"), tables);
    }

    private static XElement Facts(RunFolder run)
    {
        var v = run.Verification;
        var facts = new List<(string Name, string Text)>
        {
            (
                "Judge",
                $"{v.Find("judge")?.Text("model")}, right on {Cell.Number(v.Number("judge", "testAccuracy"), 1).Text} % of test images, "
                    + $"on {Cell.Number(v.Number("judge", "noisyTestAccuracy"), 1).Text} % with noise on them"
            ),
            (
                "Images",
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{v.Number("sampling", "images")} of each class, DDIM, {v.Number("sampling", "steps")} steps, guidance "
                        + $"{v.Number("sampling", "guidance")}, seed {v.Number("sampling", "seed")}"
                )
            ),
            ("Model", run.Config.Text("model")),
            ("Data", run.Config.Text("data")),
            ("Version of Lur", run.Config.Text("version")),
        };
        return E("dl", Class("facts"), facts.Where(f => f.Text.Length > 0).Select(f => E("div", E("dt", f.Name), E("dd", f.Text))));
    }

    /// <summary>A sheet for each model, a row for each class, the same starts in the same places.</summary>
    private static XElement? Images(RunFolder run)
    {
        var path = Path.Combine(run.Path, GenerationVerifyFiles.ImagesName);
        if (!File.Exists(path))
            return null;
        using var file = SafeTensorsFile.Open(path);
        string[] names = [.. Array(run.Verification, "classes").Select(c => c.Text("class"))];
        XElement[] sheets =
        [
            .. new[] { ("original", "Before"), ("unlearned", "After"), ("retrained", "Retrained") }
                .Where(s => file.Contains(s.Item1))
                .Select(s => Figure(s.Item2, $"Rows, from the top: {string.Join(", ", names)}.", Sheet(file, s.Item1, s.Item2))),
        ];
        return E("section", E("h2", "Images from the same starts"), E("div", Class("figures"), sheets));
    }

    private static XElement Sheet(SafeTensorsFile file, string name, string title)
    {
        var shape = file[name].Shape;
        var (rows, columns) = ((int)shape[0], (int)Math.Min(MostColumns, shape[1]));
        var (channels, height, width) = ((int)shape[2], (int)shape[3], (int)shape[4]);
        var grid = new ImageGrid(rows, columns, channels, height, width);
        var bytes = file.Bytes(name);
        var size = channels * height * width;
        for (var row = 0; row < rows; row++)
        for (var column = 0; column < columns; column++)
            grid.Draw(row, column, bytes.Slice(((row * (int)shape[1]) + column) * size, size));
        using var png = new MemoryStream();
        grid.Write(png);
        return E(
            "img",
            A("src", "data:image/png;base64," + Convert.ToBase64String(png.GetBuffer(), 0, (int)png.Length)),
            A("alt", $"{title}: the first images of each class")
        );
    }
}
