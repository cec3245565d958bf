using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Lur.Runs;

/// <summary>table.csv and measured.json of a reproduction; docs/measured.schema.json describes the latter.</summary>
internal static class ReproFiles
{
    /// <summary>Writes both.</summary>
    public static void Write(ReproResult r)
    {
        AtomicFile.WriteText(Path.Combine(r.Folder, "table.csv"), Csv(r));
        WriteMeasured(r);
    }

    private static string Csv(ReproResult r)
    {
        static string N(double v) => double.IsNaN(v) ? "" : v.ToString("R", CultureInfo.InvariantCulture);
        var text = new StringBuilder("run,method,seeds," + string.Join(',', r.Metrics.Select(m => $"{m},{m}_deviation")) + "\n");
        foreach (var row in r.Rows)
        {
            var numbers = r.Metrics.Select(m => row.Values[m]).Select(s => $"{N(s.Mean)},{N(s.Deviation)}");
            text.Append(
                CultureInfo.InvariantCulture,
                $"\"{row.Run.Label}\",{row.Run.Method.Name},{r.Recipe.Seeds.Count},{string.Join(',', numbers)}\n"
            );
        }

        return text.ToString();
    }

    private static void WriteMeasured(ReproResult r) =>
        OutputFolder.WriteJson(
            Path.Combine(r.Folder, "measured.json"),
            w =>
            {
                w.WriteNumber("schema", 1);
                w.WriteString("recipe", r.Recipe.Name);
                w.WriteString("command", r.Command);
                w.WriteString("machine", r.Machine);
                w.WriteString("commit", r.Commit);
                w.WriteString("dataSha256", r.DataSha256);
                w.WriteStartArray("seeds");
                foreach (var seed in r.Recipe.Seeds)
                    w.WriteNumberValue(seed);
                w.WriteEndArray();
                if (r.Drawing is { } drawing)
                    WriteDrawing(w, drawing, r.Balance);
                w.WriteStartObject("runs");
                foreach (var row in r.Rows)
                {
                    w.WriteStartObject(row.Run.Label);
                    w.WriteString("method", row.Run.Method.Name);
                    w.WriteStartObject("options");
                    foreach (var (name, text) in row.Run.Options)
                        w.WriteString(name, text);
                    w.WriteEndObject();
                    foreach (var metric in r.Metrics)
                    {
                        w.WriteStartObject(metric);
                        OutputFolder.WriteValue(w, "mean", row.Values[metric].Mean);
                        OutputFolder.WriteValue(w, "deviation", row.Values[metric].Deviation);
                        w.WritePropertyName("values");
                        w.WriteRawValue(
                            "["
                                + string.Join(
                                    ',',
                                    row.PerSeed[metric]
                                        .Select(v => double.IsFinite(v) ? v.ToString("R", CultureInfo.InvariantCulture) : "null")
                                )
                                + "]"
                        );
                        w.WriteEndObject();
                    }

                    w.WriteEndObject();
                }

                w.WriteEndObject();
            }
        );

    private static void WriteDrawing(Utf8JsonWriter w, DrawingFacts drawing, IReadOnlyList<BalanceRank> balance)
    {
        w.WriteStartObject("drawing");
        w.WriteNumber("images", drawing.Images);
        w.WriteNumber("steps", drawing.Steps);
        w.WriteNumber("guidance", drawing.Guidance);
        w.WriteString("judge", drawing.Judge);
        OutputFolder.WriteNumbers(w, "judgeAccuracies", [.. drawing.JudgeAccuracies]);
        w.WriteEndObject();
        w.WriteStartArray("balance");
        foreach (var rank in balance)
        {
            w.WriteStartObject();
            w.WriteString("run", rank.Label);
            w.WriteNumber("ua", rank.Unlearning);
            w.WriteNumber("fd", rank.Distance);
            w.WriteNumber("both", rank.Balance);
            OutputFolder.WriteNumbers(w, "seeds", [.. rank.PerSeed]);
            w.WriteEndObject();
        }

        w.WriteEndArray();
    }
}
