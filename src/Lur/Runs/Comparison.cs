using System.Text.Json;
using Lur.Metrics;
using Lur.Unlearning;

namespace Lur.Runs;

/// <summary>One row of a comparison: the runs of one method with the same options, which differ in their seed.</summary>
/// <param name="Name">Name of the method on the command line.</param>
/// <param name="Title">Title, with the options in which rows of one method differ.</param>
/// <param name="Unlearning">UA, percent.</param>
/// <param name="Retain">RA, percent.</param>
/// <param name="Test">TA, percent.</param>
/// <param name="Membership">MIA, percent.</param>
/// <param name="Seconds">Preparations and steps.</param>
/// <param name="Bytes">Memory on the device.</param>
public sealed record ComparedMethod(
    string Name,
    string Title,
    SeedSummary Unlearning,
    SeedSummary Retain,
    SeedSummary Test,
    SeedSummary Membership,
    SeedSummary Seconds,
    SeedSummary Bytes
)
{
    /// <summary>The part of <see cref="Seconds"/> before the first step.</summary>
    public SeedSummary PreparationSeconds { get; init; } = SeedSummary.Of([]);

    /// <summary>Gap to the reference; NaN without one.</summary>
    public AverageGap Gap { get; init; } = new(double.NaN, double.NaN, double.NaN, double.NaN);

    /// <summary>Tug of war against the reference; NaN without one.</summary>
    public double TugOfWar { get; init; } = double.NaN;

    /// <summary>Of a model that draws its numbers by name, see <see cref="DrawnNumbers"/>, and RA, TA and MIA are NaN; empty for a
    /// classifier.</summary>
    public IReadOnlyDictionary<string, SeedSummary> Drawn { get; init; } = new Dictionary<string, SeedSummary>();

    /// <summary>Verdict against the reference; null for the reference itself, and without one.</summary>
    public Verdict? Verdict { get; init; }

    /// <summary>Means of the four numbers.</summary>
    public UnlearningScores Scores => new(Unlearning.Mean, Retain.Mean, Test.Mean, Membership.Mean);
}

/// <summary>Several forgetting runs side by side: the same data, forget set and original model.</summary>
/// <param name="Methods">Rows; the reference first where there is one.</param>
/// <param name="Reference">The retrained model, or null.</param>
/// <param name="Data">Data set.</param>
/// <param name="Forget">Forget set.</param>
/// <param name="Model">Original model.</param>
public sealed record Comparison(IReadOnlyList<ComparedMethod> Methods, ComparedMethod? Reference, string Data, string Forget, string Model)
{
    /// <summary>True where the models draw images.</summary>
    public bool Draws { get; init; }

    /// <summary>Reads and compares runs.</summary>
    /// <param name="folders">Folders of runs of 'lur forget'.</param>
    /// <param name="reference">Folder of the run to measure gaps against; null takes the runs of the method retrain, if any.</param>
    /// <exception cref="UserErrorException">A folder is none of a run, or the runs cannot be compared.</exception>
    public static Comparison Read(IReadOnlyList<string> folders, string? reference)
    {
        var runs = new List<RunFolder>();
        try
        {
            foreach (var folder in folders.Concat(reference is null ? [] : [reference]).DistinctBy(Full))
                runs.Add(RunFolder.Open(folder));
            var draws = DrawnComparing.Require(runs);
            foreach (var run in runs.Skip(1))
                RequireSame(runs[0], run);
            var rows = runs.GroupBy(Key).Select(g => (Runs: g.ToArray(), Method: Summarise([.. g], runs))).ToList();
            var chosen = reference is null
                ? rows.FirstOrDefault(r => r.Runs[0].Method == Retrain.Definition.Name)
                : rows.First(r => r.Runs.Any(x => Full(x.Path) == Full(reference)));
            ComparedMethod[] methods =
            [
                .. rows.Select(r =>
                    chosen.Method is null || ReferenceEquals(r.Method, chosen.Method) ? r.Method
                    : draws ? DrawnComparing.Judge(r.Method, chosen.Method, r.Runs, chosen.Runs)
                    : Judge(r.Method, chosen.Method, r.Runs, chosen.Runs)
                ),
            ];
            methods = draws ? DrawnComparing.Order(methods, chosen.Method) : Order(methods, chosen.Method);
            return new Comparison(methods, chosen.Method, runs[0].Config.Text("data"), runs[0].Forget, runs[0].Config.Text("model"))
            {
                Draws = draws,
            };
        }
        finally
        {
            foreach (var run in runs)
                run.Dispose();
        }
    }

    private static ComparedMethod[] Order(ComparedMethod[] methods, ComparedMethod? reference) =>
        [
            .. methods
                .OrderByDescending(m => ReferenceEquals(m, reference))
                .ThenBy(m => double.IsNaN(m.Gap.Mean) ? double.MaxValue : m.Gap.Mean),
        ];

    private static string Full(string folder) => Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));

    /// <summary>Refuses what a table would silently mix.</summary>
    private static void RequireSame(RunFolder first, RunFolder run)
    {
        void Require(string field, string config, string what, string remedy)
        {
            // Runs of older versions lack the hashes: what was given on the command line has to do.
            string a = first.Result.Text(field),
                b = run.Result.Text(field);
            if (a.Length == 0 || b.Length == 0)
                (a, b) = (first.Config.Text(config), run.Config.Text(config));
            if (a != b)
                throw new UserErrorException($"'{first.Path}' and '{run.Path}' {what}, so their numbers cannot be compared; {remedy}.");
        }

        Require("dataSha256", "data", "were made on different data", "compare runs on the same data set");
        Require(
            "forgetSha256",
            "forget",
            "forgot different samples",
            "give the seeds of a random forget set one list of samples: the forget.txt of the first run"
        );
        Require("parentSha256", "model", "started from different models", "compare runs on the same original model");
    }

    /// <summary>Runs with the same key are seeds of one row.</summary>
    private static string Key(RunFolder run) =>
        run.Method
        + " "
        + (
            run.Config.Find("options") is { ValueKind: JsonValueKind.Object } options
                ? string.Join(
                    ' ',
                    options.EnumerateObject().OrderBy(o => o.Name, StringComparer.Ordinal).Select(o => $"{o.Name}={o.Value}")
                )
                : ""
        );

    private static ComparedMethod Summarise(RunFolder[] runs, IReadOnlyList<RunFolder> all)
    {
        if (runs.GroupBy(r => r.Config.Text("seed")).FirstOrDefault(g => g.Count() > 1) is { } same)
        {
            throw new UserErrorException(
                $"'{same.First().Path}' and '{same.Last().Path}' are runs of one method with the same options and seed "
                    + $"({same.Key}): a deviation over them would mean nothing; give one of them, or run it with another seed."
            );
        }

        SeedSummary Of(Func<RunFolder, double> value) => SeedSummary.Of([.. runs.Select(value)]);
        var drawn = runs[0].Draws ? DrawnComparing.Numbers(runs) : new Dictionary<string, SeedSummary>();
        return new ComparedMethod(
            runs[0].Method,
            Title(runs[0], all),
            drawn.GetValueOrDefault(DrawnNumbers.Unlearning) ?? Of(r => r.Result.Number("unlearned", "ua")),
            Of(r => r.Result.Number("unlearned", "ra")),
            Of(r => r.Result.Number("unlearned", "ta")),
            Of(r => r.Result.Number("unlearned", "mia")),
            Of(r => r.Seconds),
            Of(r => r.Result.Number("memory", "deviceBytes"))
        )
        {
            PreparationSeconds = Of(r => r.PreparationSeconds),
            Drawn = drawn,
        };
    }

    private static string Title(RunFolder run, IReadOnlyList<RunFolder> all)
    {
        if (run.Config.Find("options") is not { ValueKind: JsonValueKind.Object } options)
            return run.MethodTitle;
        var peers = all.Where(r => r.Method == run.Method).ToArray();
        string[] different =
        [
            .. options
                .EnumerateObject()
                .Where(o => peers.Any(p => p.Config.Text("options", o.Name) != o.Value.ToString()))
                .Select(o => $"{o.Name} {o.Value}"),
        ];
        return different.Length == 0 ? run.MethodTitle : $"{run.MethodTitle} ({string.Join(", ", different)})";
    }

    private static ComparedMethod Judge(ComparedMethod method, ComparedMethod reference, RunFolder[] own, RunFolder[] references)
    {
        var run = own[0];
        int forget = Samples(run.Result.Number("forgetImages")),
            retain = Samples(run.Result.Number("retainImages"));
        var labels = run.Result.Numbers("samples", "test", "label");
        var (classes, forgotten) = (run.Classes, run.ForgottenClasses);
        var test = labels.Count(l => !(l >= 0 && l < classes.Count && forgotten.Contains(classes[(int)l].Name)));
        MetricValues Values(SeedSummary own, SeedSummary retrained, int samples) => new(double.NaN, own, retrained, samples);
        SeedSummary Forgotten(RunFolder[] runs) =>
            SeedSummary.Of([.. runs.Select(r => r.Result.Number("unlearned", "forgottenClassTestAccuracy"))]);
        var whole = labels.Length - test;
        var verdict = UnlearningVerdict.Judge(
            Values(method.Unlearning, reference.Unlearning, forget),
            Values(method.Retain, reference.Retain, retain),
            Values(method.Test, reference.Test, Samples(test)),
            Values(method.Membership, reference.Membership, forget),
            new VerdictEvidence
            {
                Classes = [.. Classes(own, references, labels)],
                ForgottenClasses = whole == 0 ? null : Values(Forgotten(own), Forgotten(references), whole),
            }
        );
        return method with
        {
            Gap = AverageGap.Compute(method.Scores, reference.Scores),
            TugOfWar = Metrics.TugOfWar.Compute(method.Scores, reference.Scores),
            Verdict = verdict.Verdict,
        };
    }

    /// <summary>Test accuracy of each kept class: a method that lost one of them does not match, whatever the mean says.</summary>
    private static IEnumerable<(string Name, MetricValues Values)> Classes(RunFolder[] own, RunFolder[] references, double[] labels)
    {
        var (classes, forgotten) = (own[0].Classes, own[0].ForgottenClasses);
        SeedSummary Of(RunFolder[] runs, string name) =>
            SeedSummary.Of([.. runs.Select(r => r.Result.Number("unlearned", "perClassTestAccuracy", name))]);
        for (var c = 0; c < classes.Count; c++)
        {
            var (name, images) = (classes[c].Name, labels.Count(l => (int)l == c));
            if (images > 0 && !forgotten.Contains(name))
                yield return (name, new MetricValues(double.NaN, Of(own, name), Of(references, name), images));
        }
    }

    private static int Samples(double count) => double.IsFinite(count) ? Math.Max(1, (int)count) : 1;
}
