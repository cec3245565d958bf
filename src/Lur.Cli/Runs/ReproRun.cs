using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Lur.Checkpoints;
using Lur.Cli.Reports;
using Lur.Device;
using Lur.Metrics;
using Lur.Unlearning;

namespace Lur.Cli.Runs;

/// <summary>What decides a reproduction.</summary>
internal sealed record ReproSettings
{
    public required string Recipe { get; init; }

    public required string Output { get; init; }

    /// <summary>Where the data are; null for where the recipe says.</summary>
    public string? Data { get; init; }

    /// <summary>Seeds in place of the recipe's; empty for the recipe's.</summary>
    public IReadOnlyList<ulong> Seeds { get; init; } = [];

    /// <summary>Labels of the runs to make; empty for all.</summary>
    public IReadOnlyList<string> Only { get; init; } = [];

    /// <summary>File with earlier results to compare with; null for the one that comes with the recipe.</summary>
    public string? Expected { get; init; }
}

/// <summary>Runs a recipe over its seeds, leaves table.csv, table.md and measured.json, and compares with what was measured
/// before. A run that is done is not made again; an interrupted training goes on from its checkpoint.</summary>
internal sealed class ReproRun(CommandContext context, ReproSettings settings)
{
    private const string DoneFile = "done.txt";
    private static readonly string[] s_metrics = ["ua", "ra", "ta", "mia", "seconds"];

    private sealed record Row(string Label, string Method, Dictionary<string, SeedSummary> Values, SeedSummary Gap, double DeviceMegabytes);

    /// <summary>Runs.</summary>
    /// <returns><see cref="ExitCode.VerdictFailed"/> when a number is outside the band of the expected ones.</returns>
    public int Run(CancellationToken cancel)
    {
        var recipe = Recipe.Read(settings.Recipe);
        if (settings.Seeds.Count > 0) recipe = recipe with { Seeds = settings.Seeds };
        var unknown = settings.Only.Where(o => recipe.Runs.All(r => r.Label != o)).ToArray();
        if (unknown.Length > 0) throw new UsageException($"The recipe {recipe.Name} has no run '{unknown[0]}'; it has {string.Join(", ", recipe.Runs.Select(r => r.Label))}.");
        var data = settings.Data ?? recipe.Data;
        var folder = Path.Combine(settings.Output, recipe.Name);
        OutputFolder.Prepare(folder);
        RecipeRun[] chosen = [.. recipe.Runs.Where(r => settings.Only.Count == 0 || settings.Only.Contains(r.Label))];
        context.Note($"{recipe.Name}: {recipe.Description}");
        for (var s = 0; s < recipe.Seeds.Count; s++)
        {
            var seed = recipe.Seeds[s];
            var original = Original(recipe, data, seed, cancel);
            for (var r = 0; r < chosen.Length; r++)
            {
                context.Note($"seed {seed} ({s + 1}/{recipe.Seeds.Count}), {chosen[r].Label} ({r + 1}/{chosen.Length})");
                Forget(recipe, chosen[r], original, data, seed, folder, cancel);
            }
        }

        var rows = chosen.Select(r => Aggregate(recipe, r, folder)).ToArray();
        var table = TableOf(rows);
        AtomicFile.WriteText(Path.Combine(folder, "table.csv"), Csv(rows));
        AtomicFile.WriteText(Path.Combine(folder, "table.md"), Markdown(recipe, table));
        WriteMeasured(Path.Combine(folder, "measured.json"), recipe, rows);
        TablePrinter.Print(context, table);
        context.Note($"wrote {folder}/table.csv, table.md, measured.json");
        return Compare(recipe, rows);
    }

    private string Original(Recipe recipe, string data, ulong seed, CancellationToken cancel)
    {
        var train = recipe.Train with { Data = data, Output = Path.Combine(settings.Output, "originals", $"{Plain(recipe.Model)}-seed{seed}"), Resume = true, Training = recipe.Train.Training with { Seed = seed } };
        var key = $"{OutputFolder.Version}\n{recipe.Model}\n{data}\n{train.Training}\n{train.ValidationShare}\n";
        if (!IsDone(train.Output, key))
        {
            context.Note($"seed {seed}: training the original model");
            new TrainRun(context.Silenced(), train).Run(cancel);
            AtomicFile.WriteText(Path.Combine(train.Output, DoneFile), key);
        }

        return Path.Combine(train.Output, "model.safetensors");
    }

    private void Forget(Recipe recipe, RecipeRun run, string original, string data, ulong seed, string folder, CancellationToken cancel)
    {
        var output = RunFolderOf(folder, run, seed);
        using var parent = SafeTensorsFile.Open(original);
        var key = $"{OutputFolder.Version}\n{parent.Sha256()}\n{string.Join(' ', recipe.Forget)}\n{run.Method.Name} {string.Join(' ', run.Options.OrderBy(o => o.Key, StringComparer.Ordinal).Select(o => $"{o.Key}={o.Value}"))}\nseed {seed}\n";
        if (IsDone(output, key)) return;
        new ForgetRun(context.Silenced(), new ForgetSettings
        {
            Model = original,
            Data = data,
            Output = output,
            Forget = recipe.Forget,
            Method = run.Method,
            Options = run.Options,
            Seed = seed,
        }).Run(cancel);
        AtomicFile.WriteText(Path.Combine(output, DoneFile), key);
    }

    private static string RunFolderOf(string folder, RecipeRun run, ulong seed) => Path.Combine(folder, $"seed{seed}", Plain(run.Label));

    private static string Plain(string label) => string.Concat(label.Select(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '=' ? c : '_'));

    /// <summary>True if a run of the very same settings ended here. The note is written last, so a run that was killed has none.</summary>
    private static bool IsDone(string output, string key)
    {
        var path = Path.Combine(output, DoneFile);
        return File.Exists(path) && File.ReadAllText(path) == key && File.Exists(Path.Combine(output, "result.json")) && File.Exists(Path.Combine(output, "model.safetensors"));
    }

    private static Row Aggregate(Recipe recipe, RecipeRun run, string folder)
    {
        var perSeed = recipe.Seeds.Select(s => Numbers(RunFolderOf(folder, run, s))).ToArray();
        var values = s_metrics.ToDictionary(m => m, m => SeedSummary.Of([.. perSeed.Select(p => p[m])]), StringComparer.Ordinal);
        var retrain = recipe.Runs.FirstOrDefault(r => r.Method.Name == RetrainMethod.Definition.Name);
        var gaps = new List<double>();
        if (retrain is not null)
        {
            foreach (var (seed, own) in recipe.Seeds.Zip(perSeed))
            {
                var reference = RunFolderOf(folder, retrain, seed);
                if (File.Exists(Path.Combine(reference, DoneFile))) gaps.Add(AverageGap.Compute(ScoresOf(own), ScoresOf(Numbers(reference))).Mean);
            }
        }

        return new Row(run.Label, run.Method.Name, values, gaps.Count == 0 ? SeedSummary.Of([double.NaN]) : SeedSummary.Of(gaps), perSeed[0]["deviceMegabytes"]);
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

    private static Table TableOf(Row[] rows)
    {
        var table = new Table("methods", new Column("run", "Run"), new Column("ua", "UA %", Right: true), new Column("ra", "RA %", Right: true), new Column("ta", "TA %", Right: true),
            new Column("mia", "MIA %", Right: true), new Column("gap", "Avg. gap", Right: true), new Column("seconds", "RTE s", Right: true), new Column("memory", "Device MB", Right: true));
        foreach (var row in rows.OrderBy(r => double.IsNaN(r.Gap.Mean) ? double.MaxValue : r.Gap.Mean))
        {
            table.Add(row.Label, Text(row.Values["ua"]), Text(row.Values["ra"]), Text(row.Values["ta"]), Text(row.Values["mia"]), Text(row.Gap), Text(row.Values["seconds"], 1), Cell.Number(row.DeviceMegabytes, 1));
        }

        return table;
    }

    private static Cell Text(SeedSummary s, int decimals = 2) => s.Count < 2 || double.IsNaN(s.Mean) ? Cell.Number(s.Mean, decimals)
        : new Cell(s.Mean, s.Mean.ToString($"F{decimals}", CultureInfo.InvariantCulture) + " +- " + s.Deviation.ToString($"F{decimals}", CultureInfo.InvariantCulture));

    private static string Csv(Row[] rows)
    {
        static string N(double v) => double.IsNaN(v) ? "" : v.ToString("R", CultureInfo.InvariantCulture);
        var text = new StringBuilder("run,method,seeds," + string.Join(',', s_metrics.Append("gap").Select(m => $"{m},{m}_deviation")) + ",device_megabytes\n");
        foreach (var row in rows)
        {
            var numbers = s_metrics.Select(m => row.Values[m]).Append(row.Gap).Select(s => $"{N(s.Mean)},{N(s.Deviation)}");
            text.Append(CultureInfo.InvariantCulture, $"\"{row.Label}\",{row.Method},{row.Values["ua"].Count},{string.Join(',', numbers)},{N(row.DeviceMegabytes)}\n");
        }

        return text.ToString();
    }

    private static string Markdown(Recipe recipe, Table table)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"Recipe `{recipe.Name}`: {recipe.Description} Seeds {string.Join(", ", recipe.Seeds)}.\n\n");
        text.Append("| ").AppendJoin(" | ", table.Columns.Select(c => c.Header)).Append(" |\n|").Append(string.Concat(table.Columns.Select(c => c.Right ? "---:|" : "---|"))).Append('\n');
        foreach (var row in table.Rows) text.Append("| ").AppendJoin(" | ", row.Select(c => c.Text)).Append(" |\n");
        return text.ToString();
    }

    private void WriteMeasured(string path, Recipe recipe, Row[] rows)
    {
        using var device = ComputeDevice.Open(context.DeviceOrdinal);
        OutputFolder.WriteJson(path, w =>
        {
            w.WriteString("recipe", recipe.Name);
            w.WriteString("machine", $"{device.Properties.Name}, {Environment.ProcessorCount} threads, {RuntimeInformation.OSDescription}");
            w.WriteString("commit", CommandLine.ThisVersion);
            w.WriteStartArray("seeds");
            foreach (var seed in recipe.Seeds) w.WriteNumberValue(seed);
            w.WriteEndArray();
            w.WriteStartObject("runs");
            foreach (var row in rows)
            {
                w.WriteStartObject(row.Label);
                foreach (var (metric, s) in row.Values.Append(new("gap", row.Gap)))
                {
                    w.WriteStartObject(metric);
                    OutputFolder.WriteValue(w, "mean", s.Mean);
                    OutputFolder.WriteValue(w, "deviation", s.Deviation);
                    w.WriteEndObject();
                }

                w.WriteEndObject();
            }

            w.WriteEndObject();
        });
    }

    /// <summary>Compares accuracies with those measured before: a mean is inside when it is within two standard deviations of
    /// the difference of two means, and never outside by less than half a point (one image of a small set).</summary>
    private int Compare(Recipe recipe, Row[] rows)
    {
        var path = settings.Expected ?? Path.Combine(Recipe.Folder, "measured", recipe.Name + ".json");
        if (!File.Exists(path))
        {
            if (settings.Expected is not null) throw new UserErrorException($"'{path}' does not exist; give the measured.json of an earlier run.");
            return ExitCode.Done;
        }

        using var document = JsonDocument.Parse(File.ReadAllText(path));
        var runs = document.RootElement.GetProperty("runs");
        var table = new Table("expected", new Column("run", "Run"), new Column("metric", "Metric"), new Column("now", "Now", Right: true), new Column("before", "Before", Right: true), new Column("inside", "Inside the band"))
        {
            Title = $"Against {Path.GetFileName(path)} ({document.RootElement.GetProperty("commit").GetString()}, {document.RootElement.GetProperty("machine").GetString()})",
        };
        var outside = 0;
        foreach (var row in rows)
        {
            if (!runs.TryGetProperty(row.Label, out var before)) continue;
            foreach (var metric in s_metrics.Where(m => m != "seconds"))
            {
                double Field(string name) => before.GetProperty(metric).GetProperty(name) is { ValueKind: JsonValueKind.Number } v ? v.GetDouble() : double.NaN;
                var (mean, deviation, now) = (Field("mean"), Field("deviation"), row.Values[metric]);
                if (double.IsNaN(mean) || double.IsNaN(now.Mean)) continue;
                double Square(double d) => double.IsNaN(d) ? 0 : d * d;
                var seeds = document.RootElement.GetProperty("seeds").GetArrayLength();
                var band = Math.Max(0.5, 2 * Math.Sqrt((Square(deviation) / seeds) + (Square(now.Deviation) / now.Count)));
                var inside = Math.Abs(now.Mean - mean) <= band;
                if (!inside) outside++;
                table.Add(row.Label, metric, Cell.Number(now.Mean), Cell.Number(mean), inside ? "yes" : FormattableString.Invariant($"no, band {band:F2}"));
            }
        }

        if (!context.Json) TablePrinter.Print(context, table);
        context.Note(outside == 0 ? "every number is inside the band" : $"{outside} numbers are outside the band");
        return outside == 0 ? ExitCode.Done : ExitCode.VerdictFailed;
    }
}
