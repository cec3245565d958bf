using System.Globalization;
using System.Text.Json;
using System.Xml.Linq;
using Lur.Runs;
using static Lur.Reports.Html;

namespace Lur.Reports;

/// <summary>Which samples a run forgot, and which of them have copies elsewhere in the data set, as a part of a page.</summary>
internal static class ForgottenTable
{
    private const int Shown = 20,
        HashDigits = 16;

    /// <summary>A section that is closed at first; null for runs of older versions, which did not record names.</summary>
    public static XElement? Of(RunFolder run)
    {
        var samples = run.Result.Find("samples", "forget");
        if (samples?.Find("name") is not { ValueKind: JsonValueKind.Array } list)
            return null;
        string[] names = Texts(list),
            hashes = samples?.Find("sha256") is { ValueKind: JsonValueKind.Array } h ? Texts(h) : [];
        double[] numbers = samples?.Numbers("index") ?? [],
            labels = samples?.Numbers("label") ?? [];
        if (hashes.Length != names.Length || numbers.Length != names.Length || labels.Length != names.Length)
            return null;
        var classes = run.Classes;
        var table = new Table(
            "forgotten",
            new Column("number", "Number", Right: true),
            new Column("name", "Sample"),
            new Column("class", "Class"),
            new Column("sha256", "SHA-256")
        );
        for (var i = 0; i < Math.Min(Shown, names.Length); i++)
            table.Add(
                numbers[i].ToString("0", CultureInfo.InvariantCulture),
                names[i],
                labels[i] >= 0 && labels[i] < classes.Count
                    ? classes[(int)labels[i]].Name
                    : labels[i].ToString(CultureInfo.InvariantCulture),
                hashes[i].Length > HashDigits ? hashes[i][..HashDigits] + "\u2026" : hashes[i]
            );
        var caption = names.Length > Shown ? $"The first {Shown} of {names.Length} samples; forget.txt has all." : "As in forget.txt.";
        return E("details", E("summary", "The samples that were forgotten"), Html.Table(table, caption), Copies(run));
    }

    private static XElement? Copies(RunFolder run)
    {
        if (run.Result.Find("copies") is not { } copies)
            return null;
        (string Where, double Count)[] found =
        [
            ("still retained", copies.Number("retain")),
            ("in the validation part", copies.Number("validation")),
            ("in the test part", copies.Number("test")),
            ("forgotten with them", copies.Number("alsoForgotten")),
        ];
        var text = string.Join(
            ", ",
            found.Where(f => f.Count > 0).Select(f => string.Create(CultureInfo.InvariantCulture, $"{f.Count:0} {f.Where}"))
        );
        return text.Length == 0 ? null : E("p", $"Pictures with the same pixels: {text}; result.json names them.");
    }

    private static string[] Texts(JsonElement list) => [.. list.EnumerateArray().Select(e => e.ToString())];
}
