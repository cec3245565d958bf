using Lur.Metrics;

namespace Lur.Reports;

/// <summary>The rows of a sweep over one or two options, by their values.</summary>
internal sealed class SweepGrid
{
    /// <summary>Lines that are told apart in one drawing.</summary>
    private static readonly Ink[] s_inks = [Ink.First, Ink.Second, Ink.Third, Ink.Fourth, Ink.Fifth, Ink.Sixth];

    private static readonly SeedSummary s_none = SeedSummary.Of([double.NaN]);
    private readonly ReproRow?[,] _rows;

    /// <summary>Sorts the rows of a sweep into the grid; a combination that was not run has none.</summary>
    public SweepGrid(ReproTable table, ReproSweep sweep)
    {
        if (sweep.Axes.Count is 0 or > 2)
            throw new ArgumentException($"A grid has one or two axes, not {sweep.Axes.Count}.", nameof(sweep));
        (Sweep, First, Second, Reference) = (sweep, sweep.Axes[0], sweep.Axes.Count > 1 ? sweep.Axes[1] : null, table.Reference);
        Draws = table.Draws;
        _rows = new ReproRow?[First.Values.Count, Second?.Values.Count ?? 1];
        foreach (var row in sweep.RowsOf(table))
        {
            var values = sweep.ValuesOf(row);
            var (i, j) = (First.Values.ToList().IndexOf(values[0]), Second is null ? 0 : Second.Values.ToList().IndexOf(values[1]));
            if (i >= 0 && j >= 0)
                _rows[i, j] = row;
        }

        var count = _rows.GetLength(1);
        int[] shown =
            count <= s_inks.Length
                ? [.. Enumerable.Range(0, count)]
                : [.. Enumerable.Range(0, s_inks.Length).Select(k => k * (count - 1) / (s_inks.Length - 1))];
        // Few values take colours far apart.
        Lines =
        [
            .. shown.Select(
                (j, k) =>
                    (
                        j,
                        shown.Length == 1 ? Ink.Unlearned : s_inks[k * (s_inks.Length - 1) / (shown.Length - 1)],
                        Second is null ? sweep.Method : $"{Second.Option} {Second.Values[j]}"
                    )
            ),
        ];
    }

    /// <summary>The sweep.</summary>
    public ReproSweep Sweep { get; }

    /// <summary>The option along the horizontal axis.</summary>
    public SweepAxis First { get; }

    /// <summary>The option with a line for each value; null for one line.</summary>
    public SweepAxis? Second { get; }

    /// <summary>True where the models draw images.</summary>
    public bool Draws { get; }

    /// <summary>The retrained model; null without one.</summary>
    public ReproRow? Reference { get; }

    /// <summary>Values of the second option that get a line: all, or six from the first to the last.</summary>
    public IReadOnlyList<(int Index, Ink Ink, string Name)> Lines { get; }

    /// <summary>Inks and names of the lines; empty for a single one.</summary>
    public IReadOnlyList<(Ink Ink, string Name)> Legend => Lines.Count < 2 ? [] : [.. Lines.Select(l => (l.Ink, l.Name))];

    /// <summary>A number of a combination, without a value where it was not run.</summary>
    public SeedSummary At(int first, int second, Func<ReproRow, SeedSummary> of) => _rows[first, second] is { } row ? of(row) : s_none;

    /// <summary>The finite means of the lines, with the first value they belong to.</summary>
    public IReadOnlyList<double> Means(Func<ReproRow, SeedSummary> of) =>
        [.. Lines.SelectMany(l => First.Values.Select((_, i) => At(i, l.Index, of).Mean)).Where(double.IsFinite)];

    /// <summary>The combination with the smallest number; null where none is known.</summary>
    public (int First, int Second)? Best(Func<ReproRow, SeedSummary> of)
    {
        double Mean(int first, int second) => At(first, second, of).Mean;
        (int First, int Second)? best = null;
        for (var i = 0; i < _rows.GetLength(0); i++)
        {
            for (var j = 0; j < _rows.GetLength(1); j++)
            {
                if (double.IsFinite(Mean(i, j)) && (best is not { } b || Mean(i, j) < Mean(b.First, b.Second)))
                    best = (i, j);
            }
        }

        return best;
    }

    /// <summary>A combination in words, for example "alpha 0.01, lambda 0.05".</summary>
    public string NameOf(int first, int second) =>
        $"{First.Option} {First.Values[first]}{(Second is null ? "" : $", {Second.Option} {Second.Values[second]}")}";
}
