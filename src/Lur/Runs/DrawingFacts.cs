namespace Lur.Runs;

/// <summary>How the images of a reproduction were drawn and judged, and where its runs stand among each other.</summary>
/// <param name="Images">Images of each class.</param>
/// <param name="Steps">Steps of the sampler.</param>
/// <param name="Guidance">Weight of the condition.</param>
/// <param name="Judge">Architecture of the judges.</param>
/// <param name="JudgeAccuracies">Share of real test images that the judge of each seed classes as labelled, percent.</param>
/// <param name="Forgotten">Forgotten labels.</param>
/// <param name="Kept">Kept labels.</param>
public sealed record DrawingFacts(
    int Images,
    int Steps,
    double Guidance,
    string Judge,
    IReadOnlyList<double> JudgeAccuracies,
    int Forgotten,
    int Kept
)
{
    /// <summary>Methods whose balance of UA and distance recipes state: LUR and what it is compared with.</summary>
    public static IReadOnlyList<string> Contenders { get; } = ["lur", "sa", "salun", "scissorhands", "esd", "retrain"];

    /// <summary>Reads them.</summary>
    /// <param name="folders">Folders of verified runs, one a seed.</param>
    internal static DrawingFacts Of(IReadOnlyList<string> folders)
    {
        var runs = new List<RunFolder>();
        try
        {
            foreach (var folder in folders)
                runs.Add(RunFolder.Open(folder));
            var v = runs[0].Verification;
            int Whole(string name) => (int)v.Number("sampling", name);
            var kept = DrawnNumbers.Array(v, "classes").Count(c => c.Find("kept") is { ValueKind: System.Text.Json.JsonValueKind.True });
            return new DrawingFacts(
                Whole("images"),
                Whole("steps"),
                v.Number("sampling", "guidance"),
                v.Text("judge", "model"),
                [.. runs.Select(r => r.Verification.Number("judge", "testAccuracy"))],
                DrawnNumbers.Array(v, "forgotten").Length,
                kept
            );
        }
        finally
        {
            foreach (var run in runs)
                run.Dispose();
        }
    }

    /// <summary>Rows by the mean of their ranks by UA and by distance, the best first.</summary>
    internal static IEnumerable<MeasuredRun> Order(IReadOnlyList<MeasuredRun> rows) =>
        rows.Zip(Of(rows).Mean).OrderBy(r => r.Second).Select(r => r.First);

    /// <summary>Where the first run of each contender stands; empty where there are none but one.</summary>
    internal static IReadOnlyList<BalanceRank> Balance(ReproResult result)
    {
        var swept = result.Recipe.Sweeps.SelectMany(s => s.Labels).ToHashSet(StringComparer.Ordinal);
        MeasuredRun[] rows =
        [
            .. Contenders
                .Select(c => result.Rows.FirstOrDefault(r => r.Run.Method.Name == c && !swept.Contains(r.Run.Label)))
                .OfType<MeasuredRun>(),
        ];
        if (rows.Length < 2 || rows.All(r => r.Run.Method.Name != Contenders[0]))
            return [];
        var (unlearning, distance, _, balance) = Of(rows);
        double[][] seeds =
        [
            .. result.Recipe.Seeds.Select(
                (_, s) => DrawnBalance.Of(PerSeed(rows, DrawnNumbers.Unlearning, s), PerSeed(rows, DrawnNumbers.Distance, s)).Balance
            ),
        ];
        return
        [
            .. rows.Select(
                (r, i) =>
                    new BalanceRank(r.Run.Label, r.Run.Method.Title, unlearning[i], distance[i], balance[i], [.. seeds.Select(s => s[i])])
            ),
        ];
    }

    private static (double[] Unlearning, double[] Distance, double[] Mean, double[] Balance) Of(IReadOnlyList<MeasuredRun> rows)
    {
        double[] Means(string metric) => [.. rows.Select(r => r.Values[metric].Mean)];
        return DrawnBalance.Of(Means(DrawnNumbers.Unlearning), Means(DrawnNumbers.Distance));
    }

    private static double[] PerSeed(MeasuredRun[] rows, string metric, int seed) => [.. rows.Select(r => r.PerSeed[metric][seed])];
}
