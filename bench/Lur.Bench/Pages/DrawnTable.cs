using System.Text.Json;
using Lur.Runs;

namespace Lur.Bench.Pages;

/// <summary>The table of a recipe whose models draw: what a judge saw, in place of what a classifier answers.</summary>
internal static class DrawnTable
{
    // Neither seconds nor memory, as for classifiers.
    private static readonly (string Metric, string Header, int Decimals)[] s_columns =
    [
        (DrawnNumbers.Unlearning, "UA %", 1),
        ("entropy", "Entropy", 2),
        (DrawnNumbers.Agreement, "Agreement %", 1),
        (DrawnNumbers.Distance, "FD", 2),
        ("precision", "Precision", 2),
        ("recall", "Recall", 2),
    ];

    /// <summary>True for measured.json of such a recipe.</summary>
    public static bool Shows(JsonElement root) => root.TryGetProperty("drawing", out _);

    /// <summary>Renders the runs by the mean of their ranks by UA and by distance, then the drawing and the balance.</summary>
    public static string Render(JsonElement root)
    {
        JsonProperty[] runs = [.. root.GetProperty("runs").EnumerateObject()];
        double[] Means(string metric) => [.. runs.Select(r => Mean(r.Value, metric) ?? double.NaN)];
        var ranks = DrawnBalance.Of(Means(DrawnNumbers.Unlearning), Means(DrawnNumbers.Distance)).Mean;
        var table = new MarkdownTable(["Run", .. s_columns.Select(c => c.Header)]);
        foreach (var (run, _) in runs.Zip(ranks).OrderBy(r => r.Second))
            table.Add([run.Name, .. s_columns.Select(c => ReproTable.Text(run.Value, c.Metric, c.Decimals))]);
        var drawing = root.GetProperty("drawing");
        string[] accuracies =
        [
            .. drawing.GetProperty("judgeAccuracies").EnumerateArray().Select(a => MarkdownTable.Text(a.GetDouble(), 1)),
        ];
        return $"{table}\nOf each class {drawing.GetProperty("images").GetRawText()} images, DDIM with "
            + $"{drawing.GetProperty("steps").GetRawText()} steps, guidance {drawing.GetProperty("guidance").GetRawText()}. FD is in the "
            + $"features of the judge, {drawing.GetProperty("judge").GetString()}, which is right on {string.Join(", ", accuracies)} % of "
            + $"real test images (by seed); real to real images have {ReproTable.Text(runs[0].Value, DrawnNumbers.Floor, 2)}. "
            + $"{Balance(root)}\n";
    }

    /// <summary>Where each of the compared runs stands, in one sentence; empty without ranks.</summary>
    public static string Balance(JsonElement root)
    {
        if (!root.TryGetProperty("balance", out var balance) || balance.GetArrayLength() == 0)
            return "";
        string Rank(JsonElement e) => MarkdownTable.Text(e.GetDouble(), e.GetDouble() % 1 == 0 ? 0 : 1);
        var said = balance
            .EnumerateArray()
            .OrderBy(b => b.GetProperty("both").GetDouble())
            .Select(b =>
                $"{b.GetProperty("run").GetString()} {Rank(b.GetProperty("both"))} (by seed "
                + $"{string.Join(", ", b.GetProperty("seeds").EnumerateArray().Select(Rank))})"
            );
        return $"Ranks in the balance of UA and FD: {string.Join(", ", said)}.";
    }

    private static double? Mean(JsonElement run, string metric) => ReproTable.Field(run, metric, "mean");
}
