using Lur.Metrics;
using Lur.Runs;

namespace Lur.Reports;

/// <summary>What a reproduction measured, beside what is needed to measure it again.</summary>
public sealed record ReproTable
{
    /// <summary>Name of the recipe.</summary>
    public required string Name { get; init; }

    /// <summary>The recipe's sentence on itself.</summary>
    public required string Description { get; init; }

    /// <summary>Data set.</summary>
    public required string Data { get; init; }

    /// <summary>Architecture of the original models.</summary>
    public required string Model { get; init; }

    /// <summary>Specifications of the forget set.</summary>
    public required IReadOnlyList<string> Forget { get; init; }

    /// <summary>Seeds, one original model and one run of each row for each.</summary>
    public required IReadOnlyList<ulong> Seeds { get; init; }

    /// <summary>Device, processors and system.</summary>
    public required string Machine { get; init; }

    /// <summary>Version with the commit.</summary>
    public required string Commit { get; init; }

    /// <summary>Command line that repeats the measurement.</summary>
    public required string Command { get; init; }

    /// <summary>Rows in any order, labels unique, at most one of them the reference.</summary>
    public required IReadOnlyList<ReproRow> Rows { get; init; }

    /// <summary>Sweeps; empty for none.</summary>
    public IReadOnlyList<ReproSweep> Sweeps { get; init; } = [];

    /// <summary>True where the models draw images.</summary>
    public bool Draws => Rows.Any(r => r.Drawn.Count > 0);

    /// <summary>Of models that draw: who judged and how images were drawn, in words.</summary>
    public string Judged { get; init; } = "";

    /// <summary>Of models that draw: where LUR stands among its peers, in a sentence; empty for nothing.</summary>
    public string BalanceSentence { get; init; } = "";

    /// <summary>The ranks behind it.</summary>
    public IReadOnlyList<BalanceRank> Balance { get; init; } = [];

    /// <summary>The retrained model; null without one.</summary>
    public ReproRow? Reference => Rows.FirstOrDefault(r => r.IsReference);

    /// <summary>The reference, then the others by their gap, those without one last; models that draw by the mean of their ranks by UA
    /// and by distance.</summary>
    public IReadOnlyList<ReproRow> Sorted =>
        [.. Rows.Zip(Places()).OrderByDescending(r => r.First.IsReference).ThenBy(r => r.Second).Select(r => r.First)];

    private double[] Places()
    {
        double[] Means(string name) => [.. Rows.Select(r => r.Drawn[name].Mean)];
        return Draws
            ? DrawnBalance.Of(Means(DrawnNumbers.Unlearning), Means(DrawnNumbers.Distance)).Mean
            : [.. Rows.Select(r => double.IsNaN(r.Gap.Mean) ? double.MaxValue : r.Gap.Mean)];
    }
}

/// <summary>A row: one method with one set of options, over the seeds.</summary>
/// <param name="Label">Name in the recipe.</param>
/// <param name="Method">Name of the method.</param>
/// <param name="Options">Options by name, as the recipe writes them.</param>
/// <param name="Unlearning">UA, percent.</param>
/// <param name="Retain">RA, percent.</param>
/// <param name="Test">TA, percent.</param>
/// <param name="Membership">MIA, percent; NaN where it was not measured.</param>
/// <param name="Gap">Average gap to the reference of the same seed, points; NaN without one.</param>
/// <param name="Seconds">Preparations and steps.</param>
/// <param name="DeviceMegabytes">Memory on the device, 10^6 bytes.</param>
/// <param name="IsReference">True for the retrained model.</param>
public sealed record ReproRow(
    string Label,
    string Method,
    IReadOnlyDictionary<string, string> Options,
    SeedSummary Unlearning,
    SeedSummary Retain,
    SeedSummary Test,
    SeedSummary Membership,
    SeedSummary Gap,
    SeedSummary Seconds,
    double DeviceMegabytes,
    bool IsReference
)
{
    /// <summary>Of a model that draws its numbers by name (<see cref="DrawnNumbers"/>), UA among them; empty for a classifier. Those of
    /// the others above are NaN then, but for UA.</summary>
    public IReadOnlyDictionary<string, SeedSummary> Drawn { get; init; } = new Dictionary<string, SeedSummary>();

    /// <summary>Means of the four numbers.</summary>
    public UnlearningScores Scores => new(Unlearning.Mean, Retain.Mean, Test.Mean, Membership.Mean);
}

/// <summary>Every combination of some values of some options of one method.</summary>
/// <param name="Method">Name of the method.</param>
/// <param name="Axes">Options that vary, in the order of the recipe.</param>
/// <param name="Labels">Labels of the rows that belong to it; some may be missing where only a part was run.</param>
public sealed record ReproSweep(string Method, IReadOnlyList<SweepAxis> Axes, IReadOnlyList<string> Labels)
{
    /// <summary>The options in words, for example "alpha and lambda".</summary>
    public string OptionNames =>
        Axes.Count < 2 ? Axes[0].Option : $"{string.Join(", ", Axes.Take(Axes.Count - 1).Select(a => a.Option))} and {Axes[^1].Option}";

    /// <summary>Its rows, in the order of the table.</summary>
    public IReadOnlyList<ReproRow> RowsOf(ReproTable table) => [.. table.Rows.Where(r => !r.IsReference && Labels.Contains(r.Label))];

    /// <summary>The values of a row, in the order of the axes.</summary>
    public IReadOnlyList<string> ValuesOf(ReproRow row) =>
        [.. Axes.Select(a => row.Options.TryGetValue(a.Option, out var value) ? value : "default")];
}

/// <summary>An option that a sweep varies.</summary>
/// <param name="Option">Its name.</param>
/// <param name="Values">Its values as the recipe writes them, in order.</param>
public sealed record SweepAxis(string Option, IReadOnlyList<string> Values);
