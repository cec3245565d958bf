using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Lur.Bench.Pages;

/// <summary>A table in Markdown; the first column is text, the others are numbers.</summary>
internal sealed class MarkdownTable(params string[] headers)
{
    private readonly StringBuilder _text = new(
        $"| {string.Join(" | ", headers)} |\n|---|{string.Concat(headers.Skip(1).Select(_ => "---:|"))}\n"
    );

    public void Add(params IEnumerable<string> cells) => _text.Append("| ").AppendJoin(" | ", cells).Append(" |\n");

    public override string ToString() => _text.ToString();

    /// <summary>A number of a JSON object, or "-" where there is none.</summary>
    public static string Number(JsonElement e, string name, int decimals, double scale = 1) =>
        e.TryGetProperty(name, out var v) && v.ValueKind == JsonValueKind.Number ? Text(v.GetDouble() / scale, decimals) : "-";

    /// <summary>A number.</summary>
    public static string Text(double value, int decimals) =>
        value.ToString("F" + decimals.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
}
