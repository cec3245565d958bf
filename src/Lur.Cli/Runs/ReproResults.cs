using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Lur.Device;
using Lur.Metrics;
using Lur.Reports;
using Lur.Runs;

namespace Lur.Cli.Runs;

/// <summary>Numbers of one run of a recipe over its seeds.</summary>
/// <param name="Run">The run.</param>
/// <param name="Values">Mean and deviation by metric: ua, ra, ta, mia (percent), gap (points), seconds, deviceMegabytes.</param>
/// <param name="PerSeed">The values behind them by metric, in the order of the seeds.</param>
internal sealed record MeasuredRun(
    RecipeRun Run,
    IReadOnlyDictionary<string, SeedSummary> Values,
    IReadOnlyDictionary<string, double[]> PerSeed
);

/// <summary>What the runs of a recipe came to: the table, its files, the comparison with an earlier measurement.</summary>
internal sealed class ReproResults
{
    private const string Gap = "gap";
    private static readonly string[] s_accuracies = ["ua", "ra", "ta", "mia"];
    private static readonly string[] s_metrics = [.. s_accuracies, Gap, "seconds", "deviceMegabytes"];
    private readonly CommandContext _context;
    private readonly Recipe _recipe;
    private readonly string _dataSha256,
        _commit,
        _machine;
    private readonly (int Forget, int Retain, int Test) _samples;

    private ReproResults(CommandContext context, Recipe recipe, RunFolder first, string commit, IReadOnlyList<MeasuredRun> rows)
    {
        (_context, _recipe, _dataSha256, _commit, Rows) = (context, recipe, first.Result.Text("dataSha256"), commit, rows);
        _samples = (
            (int)first.Result.Number("forgetImages"),
            (int)first.Result.Number("retainImages"),
            first.Result.Numbers("samples", "test", "label").Length
        );
        using var device = ComputeDevice.Open(context.DeviceOrdinal);
        _machine = $"{device.Properties.Name}, {Environment.ProcessorCount} threads, {RuntimeInformation.OSDescription}";
    }

    /// <summary>Rows in the order of the recipe.</summary>
    public IReadOnlyList<MeasuredRun> Rows { get; }

    /// <summary>Reads the folders of finished runs.</summary>
    /// <param name="context">Output.</param>
    /// <param name="recipe">Recipe; gaps are measured against its reference, seed by seed.</param>
    /// <param name="chosen">Runs that have ended for every seed.</param>
    /// <param name="folderOf">Folder of a run and seed; null where it has not ended.</param>
    public static ReproResults Read(
        CommandContext context,
        Recipe recipe,
        IReadOnlyList<RecipeRun> chosen,
        Func<RecipeRun, ulong, string?> folderOf
    )
    {
        var references = recipe
            .Seeds.Select(s => recipe.Reference is { } r && folderOf(r, s) is { } folder ? Numbers(folder) : null)
            .ToArray();
        using var first = RunFolder.Open(folderOf(chosen[0], recipe.Seeds[0])!);
        // The numbers may be older than this program: what is stamped is who made them.
        var producers = recipe
            .Seeds.SelectMany(s => chosen.Select(run => folderOf(run, s)).Append(recipe.Reference is { } r ? folderOf(r, s) : null))
            .OfType<string>()
            .Select(DoneFile.ProducerOf)
            .Distinct();
        return new ReproResults(
            context,
            recipe,
            first,
            string.Join(", ", producers),
            [
                .. chosen.Select(run =>
                {
                    var perSeed = recipe.Seeds.Select(s => Numbers(folderOf(run, s)!)).ToArray();
                    var values = perSeed[0].Keys.ToDictionary(m => m, m => perSeed.Select(p => p[m]).ToArray(), StringComparer.Ordinal);
                    values.Add(
                        Gap,
                        [
                            .. perSeed.Zip(
                                references,
                                (own, reference) =>
                                    reference is null ? double.NaN : AverageGap.Compute(ScoresOf(own), ScoresOf(reference)).Mean
                            ),
                        ]
                    );
                    return new MeasuredRun(
                        run,
                        s_metrics.ToDictionary(m => m, m => SeedSummary.Of(values[m]), StringComparer.Ordinal),
                        values
                    );
                }),
            ]
        );
    }

    private static UnlearningScores ScoresOf(Dictionary<string, double> n) => new(n["ua"], n["ra"], n["ta"], n["mia"]);

    private static Dictionary<string, double> Numbers(string folder)
    {
        using var run = RunFolder.Open(folder);
        return new Dictionary<string, double>(StringComparer.Ordinal)
        {
            ["ua"] = run.Result.Number("unlearned", "ua"),
            ["ra"] = run.Result.Number("unlearned", "ra"),
            ["ta"] = run.Result.Number("unlearned", "ta"),
            ["mia"] = run.Result.Number("unlearned", "mia"),
            ["seconds"] = run.Seconds,
            ["deviceMegabytes"] = run.Result.Number("memory", "deviceBytes") / 1e6,
        };
    }

    /// <summary>The table, smallest gap first.</summary>
    public Table Table()
    {
        var table = new Table(
            "methods",
            new Column("run", "Run"),
            new Column("ua", "UA %", Right: true),
            new Column("ra", "RA %", Right: true),
            new Column("ta", "TA %", Right: true),
            new Column("mia", "MIA %", Right: true),
            new Column("gap", "Avg. gap", Right: true),
            new Column("seconds", "RTE s", Right: true),
            new Column("memory", "Device MB", Right: true)
        );
        foreach (var row in Rows.OrderBy(r => Rank(r.Values[Gap].Mean)))
        {
            table.Add([
                row.Run.Label,
                .. s_accuracies.Append(Gap).Select(m => Text(row.Values[m])),
                Text(row.Values["seconds"], 1),
                Cell.Number(row.Values["deviceMegabytes"].Mean, 1),
            ]);
        }

        return table;
    }

    /// <summary>One sentence a sweep: the values with the smallest gap.</summary>
    public IEnumerable<string> BestOfSweeps() =>
        from sweep in _recipe.Sweeps
        let best = Rows.Where(r => sweep.Labels.Contains(r.Run.Label)).MinBy(r => Rank(r.Values[Gap].Mean))
        where best is not null && double.IsFinite(best.Values[Gap].Mean)
        select FormattableString.Invariant($"smallest average gap of {sweep.Label}: {best.Run.Label}, {best.Values[Gap].Mean:F2} points");

    /// <summary>Writes table.csv, table.md, measured.json, report.html, and a drawing of each sweep that can be drawn.</summary>
    public void Write(string folder)
    {
        var page = PageTable();
        AtomicFile.WriteText(Path.Combine(folder, ForgetPage.FileName), ReproPage.Render(page));
        foreach (var (sweep, drawn) in _recipe.Sweeps.Zip(page.Sweeps))
        {
            if (ReproPage.SensitivitySvg(page, drawn) is { } drawing)
                AtomicFile.WriteText(Path.Combine(folder, $"sensitivity-{sweep.Label}.svg"), drawing);
        }

        AtomicFile.WriteText(Path.Combine(folder, "table.csv"), Csv());
        AtomicFile.WriteText(Path.Combine(folder, "table.md"), Markdown());
        WriteMeasured(Path.Combine(folder, "measured.json"));
    }

    private ReproTable PageTable() =>
        new()
        {
            Name = _recipe.Name,
            Description = _recipe.Description,
            Data = _recipe.Data,
            Model = _recipe.Model,
            Forget = _recipe.Forget,
            Seeds = _recipe.Seeds,
            Machine = _machine,
            Commit = _commit,
            Command = Command,
            Rows =
            [
                .. Rows.Select(r => new ReproRow(
                    r.Run.Label,
                    r.Run.Method.Name,
                    r.Run.Options,
                    r.Values["ua"],
                    r.Values["ra"],
                    r.Values["ta"],
                    r.Values["mia"],
                    r.Values[Gap],
                    r.Values["seconds"],
                    r.Values["deviceMegabytes"].Mean,
                    r.Run == _recipe.Reference
                )),
            ],
            Sweeps =
            [
                .. _recipe.Sweeps.Select(s => new ReproSweep(
                    s.Method.Name,
                    [.. s.Axes.Select(a => new SweepAxis(a.Option, a.Values))],
                    s.Labels
                )),
            ],
        };

    private string Command => $"lur repro {_recipe.Name} --data {_recipe.Data} -o out/repro --seeds {string.Join(',', _recipe.Seeds)}";

    private static double Rank(double gap) => double.IsNaN(gap) ? double.MaxValue : gap;

    private static Cell Text(SeedSummary s, int decimals = 2) =>
        s.Count < 2 || double.IsNaN(s.Mean)
            ? Cell.Number(s.Mean, decimals)
            : new Cell(
                s.Mean,
                s.Mean.ToString($"F{decimals}", CultureInfo.InvariantCulture)
                    + " +- "
                    + s.Deviation.ToString($"F{decimals}", CultureInfo.InvariantCulture)
            );

    private string Csv()
    {
        static string N(double v) => double.IsNaN(v) ? "" : v.ToString("R", CultureInfo.InvariantCulture);
        var text = new StringBuilder("run,method,seeds," + string.Join(',', s_metrics.Select(m => $"{m},{m}_deviation")) + "\n");
        foreach (var row in Rows)
        {
            var numbers = s_metrics.Select(m => row.Values[m]).Select(s => $"{N(s.Mean)},{N(s.Deviation)}");
            text.Append(
                CultureInfo.InvariantCulture,
                $"\"{row.Run.Label}\",{row.Run.Method.Name},{_recipe.Seeds.Count},{string.Join(',', numbers)}\n"
            );
        }

        return text.ToString();
    }

    private string Markdown()
    {
        var table = Table();
        var text = new StringBuilder();
        text.Append(
            CultureInfo.InvariantCulture,
            $"Recipe `{_recipe.Name}`: {_recipe.Description} Seeds {string.Join(", ", _recipe.Seeds)}.\n\n"
        );
        text.Append("| ")
            .AppendJoin(" | ", table.Columns.Select(c => c.Header))
            .Append(" |\n|")
            .Append(string.Concat(table.Columns.Select(c => c.Right ? "---:|" : "---|")))
            .Append('\n');
        foreach (var row in table.Rows)
            text.Append("| ").AppendJoin(" | ", row.Select(c => c.Text)).Append(" |\n");
        return text.ToString();
    }

    private void WriteMeasured(string path) =>
        OutputFolder.WriteJson(
            path,
            w =>
            {
                w.WriteNumber("schema", 1);
                w.WriteString("recipe", _recipe.Name);
                w.WriteString("command", Command);
                w.WriteString("machine", _machine);
                w.WriteString("commit", _commit);
                w.WriteString("dataSha256", _dataSha256);
                w.WriteStartArray("seeds");
                foreach (var seed in _recipe.Seeds)
                    w.WriteNumberValue(seed);
                w.WriteEndArray();
                w.WriteStartObject("runs");
                foreach (var row in Rows)
                {
                    w.WriteStartObject(row.Run.Label);
                    w.WriteString("method", row.Run.Method.Name);
                    w.WriteStartObject("options");
                    foreach (var (name, text) in row.Run.Options)
                        w.WriteString(name, text);
                    w.WriteEndObject();
                    foreach (var metric in s_metrics)
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

    /// <summary>Compares accuracies with those measured before, by the band of <see cref="UnlearningVerdict"/>.</summary>
    /// <param name="expected">File with the earlier ones; null for the one that comes with the recipe, if any.</param>
    /// <returns><see cref="ExitCode.VerdictFailed"/> when one is outside.</returns>
    /// <exception cref="UserErrorException">The file is missing or malformed.</exception>
    public int Compare(string? expected)
    {
        var path = expected ?? Path.Combine(Recipe.Folder, "measured", _recipe.Name + ".json");
        if (!File.Exists(path))
        {
            if (expected is not null)
                throw new UserErrorException($"'{path}' does not exist; give the measured.json of an earlier run.");
            return ExitCode.Done;
        }

        try
        {
            using var document = JsonDocument.Parse(File.ReadAllText(path));
            if (document.RootElement.GetProperty("dataSha256").GetString() == _dataSha256)
                return Compare(document.RootElement, path);
            _context.Note($"{path} was measured on other data, so nothing is compared with it");
            return ExitCode.Done;
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new UserErrorException(
                $"'{path}' is no measured.json of 'lur repro' ({e.Message.TrimEnd('.')}); give that of an earlier run, or none."
            );
        }
    }

    private int Compare(JsonElement earlier, string path)
    {
        var (runs, seeds) = (earlier.GetProperty("runs"), earlier.GetProperty("seeds").GetArrayLength());
        var table = new Table(
            "expected",
            new Column("run", "Run"),
            new Column("metric", "Metric"),
            new Column("now", "Now", Right: true),
            new Column("before", "Before", Right: true),
            new Column("inside", "Inside the band")
        )
        {
            Title =
                $"Against {Path.GetFileName(path)} ({earlier.GetProperty("commit").GetString()}, "
                + $"{earlier.GetProperty("machine").GetString()})",
        };
        var outside = 0;
        foreach (var row in Rows)
        {
            if (!runs.TryGetProperty(row.Run.Label, out var before))
                continue;
            MetricValues Values(string metric, int samples)
            {
                double Field(string name) =>
                    before.GetProperty(metric).GetProperty(name) is { ValueKind: JsonValueKind.Number } v ? v.GetDouble() : double.NaN;
                return new MetricValues(double.NaN, row.Values[metric], new SeedSummary(Field("mean"), Field("deviation"), seeds), samples);
            }

            var compared = UnlearningVerdict
                .Judge(
                    Values("ua", _samples.Forget),
                    Values("ra", _samples.Retain),
                    Values("ta", _samples.Test),
                    Values("mia", _samples.Forget)
                )
                .Metrics;
            foreach (var (metric, m) in s_accuracies.Zip(compared).Where(x => x.Second.Inside is not null))
            {
                if (m.Inside is false)
                    outside++;
                table.Add(
                    row.Run.Label,
                    metric,
                    Cell.Number(m.Values.Unlearned.Mean),
                    Cell.Number(m.Values.Retrained!.Mean),
                    m.Inside is true ? "yes" : FormattableString.Invariant($"no, band {m.Band:F2}")
                );
            }
        }

        if (!_context.Json)
            TablePrinter.Print(_context, table);
        _context.Note(outside == 0 ? "every number is inside the band" : $"{outside} numbers are outside the band");
        return outside == 0 ? ExitCode.Done : ExitCode.VerdictFailed;
    }
}
