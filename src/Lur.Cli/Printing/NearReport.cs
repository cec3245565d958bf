using System.Globalization;
using System.Text.Json;
using Lur.Data;
using Lur.Reports;

namespace Lur.Cli.Printing;

/// <summary>The samples of a data set that look alike.</summary>
internal static class NearReport
{
    /// <summary>Pairs that are named in JSON.</summary>
    public const int Limit = 1000;

    private const int Shown = 50;

    /// <summary>Prints the nearest pairs and their number.</summary>
    public static void Print(CommandContext context, NearCopies near, int distance)
    {
        var table = new Table(
            "near",
            new Column("distance", "Bits", Right: true),
            new Column("same", "Same"),
            new Column("first", "Sample"),
            new Column("second", "Looks like")
        )
        {
            Title = string.Create(
                CultureInfo.InvariantCulture,
                $"{near.Count:N0} pairs whose difference hashes differ in at most {distance} of 64 bits"
            ),
        };
        foreach (var p in near.Pairs.Take(Shown))
            table.Add(p.Distance, p.SamePixels ? "pixels" : "", Text(p.First, p.FirstPart), Text(p.Second, p.SecondPart));
        TablePrinter.Print(context, table);
        if (near.Count > Shown)
            context.Note($"The nearest {Shown} are shown; --json names up to {Limit}.");
    }

    /// <summary>Writes the pairs as fields of a JSON object.</summary>
    public static void Write(Utf8JsonWriter json, NearCopies near, int distance)
    {
        json.WriteNumber("nearDistance", distance);
        json.WriteNumber("nearPairs", near.Count);
        json.WriteStartArray("near");
        foreach (var p in near.Pairs)
        {
            json.WriteStartObject();
            json.WriteNumber("distance", p.Distance);
            json.WriteBoolean("samePixels", p.SamePixels);
            json.WriteString("first", p.First.Name);
            json.WriteString("firstPart", p.FirstPart);
            json.WriteString("second", p.Second.Name);
            json.WriteString("secondPart", p.SecondPart);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static string Text(SampleId id, string part) => $"{id.Name} ({part})";
}
