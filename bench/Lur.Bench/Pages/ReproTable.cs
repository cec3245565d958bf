using System.Text.Json;

namespace Lur.Bench.Pages;

/// <summary>The table of a recipe, from the file that <c>lur repro</c> leaves.</summary>
internal static class ReproTable
{
    // Neither seconds nor memory: runs of an experiment are hours apart, on a machine that does other things. Costs are compared
    // by benchmarks, side by side.
    private static readonly (string Metric, string Header, int Decimals)[] s_columns =
    [
        ("ua", "UA %", 2),
        ("ra", "RA %", 2),
        ("ta", "TA %", 2),
        ("mia", "MIA %", 2),
        ("gap", "Avg. gap", 2),
    ];

    /// <summary>Renders measured.json.</summary>
    public static string Render(string json)
    {
        using var document = JsonDocument.Parse(json);
        var root = document.RootElement;
        return (DrawnTable.Shows(root) ? DrawnTable.Render(root) : Classified(root)) + Origin(root);
    }

    private static string Classified(JsonElement root)
    {
        JsonProperty[] runs = [.. root.GetProperty("runs").EnumerateObject()];
        var columns = s_columns.Where(c => runs.Any(r => r.Value.TryGetProperty(c.Metric, out _))).ToArray();
        var table = new MarkdownTable(["Run", .. columns.Select(c => c.Header)]);
        foreach (var run in runs.OrderBy(r => Mean(r.Value, "gap") ?? double.MaxValue))
        {
            table.Add([run.Name, .. columns.Select(c => Text(run.Value, c.Metric, c.Decimals))]);
        }

        return table.ToString();
    }

    private static string Origin(JsonElement root)
    {
        var recipe = root.GetProperty("recipe").GetString();
        var seeds = root.GetProperty("seeds").EnumerateArray().Select(s => s.GetRawText()).ToArray();
        return $"\n`lur repro {recipe}`; mean +- deviation over the seeds {string.Join(", ", seeds)}; "
            + $"{root.GetProperty("machine").GetString()}; version {root.GetProperty("commit").GetString()}.\n";
    }

    /// <summary>Where LUR stands among the methods of measured.json, in one sentence. Its variants are runs named <c>lur-...</c>.</summary>
    public static string Sentence(string json)
    {
        using var document = JsonDocument.Parse(json);
        var root = document.RootElement;
        JsonProperty[] runs =
        [
            .. root.GetProperty("runs")
                .EnumerateObject()
                .Where(r => r.Name != "retrain" && Mean(r.Value, "gap") is not null)
                .OrderBy(r => Mean(r.Value, "gap")),
        ];
        var place = Array.FindIndex(runs, r => r.Name == "lur" || r.Name.StartsWith("lur-", StringComparison.Ordinal));
        string Said(int i) => $"`{runs[i].Name}` with an average gap of {Text(runs[i].Value, "gap", 2)} percentage points";
        var others = place == 0 ? $"; the next is {Said(1)}" : $"; nearest of all is {Said(0)}";
        return $"`{root.GetProperty("recipe").GetString()}`: of {runs.Length} runs beside Retrain, the best of LUR is number "
            + $"{place + 1}, {Said(place)}{others}.";
    }

    /// <summary>Mean and deviation of a number of a run; "-" where it has none.</summary>
    public static string Text(JsonElement run, string metric, int decimals)
    {
        if (Mean(run, metric) is not { } mean)
            return "-";
        var text = MarkdownTable.Text(mean, decimals);
        return Field(run, metric, "deviation") is { } deviation ? $"{text} +- {MarkdownTable.Text(deviation, decimals)}" : text;
    }

    private static double? Mean(JsonElement run, string metric) => Field(run, metric, "mean");

    /// <summary>A field of a number of a run.</summary>
    public static double? Field(JsonElement run, string metric, string field) =>
        run.TryGetProperty(metric, out var m) && m.TryGetProperty(field, out var v) && v.ValueKind == JsonValueKind.Number
            ? v.GetDouble()
            : null;
}
