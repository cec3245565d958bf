using System.Text.Json;
using System.Xml.Linq;
using Lur.Runs;

namespace Lur.Reports;

/// <summary>The membership attacks that 'lur verify' ran, as tables of a page.</summary>
internal static class AttackTables
{
    /// <summary>The tables; none where there were no attacks.</summary>
    public static IReadOnlyList<XElement> Of(RunFolder run)
    {
        if (run.Verification.Find("attacks") is not { ValueKind: JsonValueKind.Array } list)
            return [];
        JsonElement[] attacks = [.. list.EnumerateArray()];
        return
        [
            .. new[]
            {
                Of(
                    attacks,
                    "efficacy",
                    2,
                    "%",
                    "Share of the forget set that an attack takes for images never seen, in percent; the aim is Retrain's. The "
                        + "first row is the MIA column."
                ),
                Of(
                    attacks,
                    "accuracy",
                    4,
                    "",
                    "How well an attack tells images that were trained on from images that were not (0.5 is guessing): the "
                        + "retain from the test set; the loss attack the forget from the test set."
                ),
            }.OfType<XElement>(),
        ];
    }

    private static XElement? Of(JsonElement[] attacks, string value, int decimals, string unit, string caption)
    {
        JsonElement[] rows = [.. attacks.Where(a => a.Find(value) is not null)];
        if (rows.Length == 0)
            return null;
        var head = unit.Length > 0 ? $", {unit}" : "";
        var table = new Table(
            value,
            new Column("attack", "Attack"),
            new Column("original", "Original" + head, Right: true),
            new Column("unlearned", "Unlearned" + head, Right: true),
            new Column("retrained", "Retrained" + head, Right: true)
        );
        Cell Summary(JsonElement m, string model)
        {
            var (mean, deviation) = (m.Number(model, "mean"), m.Number(model, "deviation"));
            return Cell.Number(mean, decimals).Text
                + (double.IsFinite(deviation) ? $" \u00B1 {Cell.Number(deviation, decimals).Text}" : "");
        }

        foreach (var m in rows.Select(a => (Name: a.Text("attack"), Value: a.Find(value)!.Value)))
        {
            table.Add(
                Glossary.AttackTitle(m.Name),
                Cell.Number(m.Value.Number("original"), decimals),
                Summary(m.Value, "unlearned"),
                Summary(m.Value, "retrained")
            );
        }

        return Html.Table(table, caption);
    }
}
