using System.Text.Json;
using Lur.Cli.Reports;
using Lur.Data;
using Lur.Device;
using Lur.Layers;
using Lur.Metrics;
using Lur.Verification;

namespace Lur.Cli.Runs;

/// <summary>What decides a verification.</summary>
internal sealed record VerifySettings
{
    /// <summary>Folders of forgetting runs: one, or several seeds of one method.</summary>
    public required IReadOnlyList<string> Runs { get; init; }

    /// <summary>Retrained models.</summary>
    public IReadOnlyList<string> References { get; init; } = [];

    /// <summary>Seeds of reference models to train (or to find in the cache).</summary>
    public IReadOnlyList<ulong> RetrainSeeds { get; init; } = [];

    public string? Model { get; init; }

    public string? Data { get; init; }

    /// <summary>Relearning attack, or null.</summary>
    public RelearningOptions? Relearning { get; init; }

    public string CacheFolder { get; init; } = ReferenceCache.DefaultFolder;
}

/// <summary>Compares unlearned models with retrained ones, says how it came out, and leaves verify.json in the first run's
/// folder.</summary>
internal sealed class VerifyRun(CommandContext context, VerifySettings settings)
{
    private static readonly string[] s_names = ["UA", "RA", "TA", "MIA"];

    private sealed record Measured(string Path, Assessment Assessment);

    /// <summary>What was found. Gap and tug of war are NaN without a retrained model; damage and distance are those of the first run.</summary>
    private sealed record Outcome(Measured[] Retrained, UnlearningVerdict Verdict, double Gap, double TugOfWar, ClassDamage Damage, OverForgetting Over, WeightDistance Distance,
        (RelearningCurve Unlearned, RelearningCurve? Retrained)? Curves, IReadOnlyList<string> Classes);

    /// <summary>Runs.</summary>
    /// <returns><see cref="ExitCode.VerdictFailed"/> unless the model matches Retrain or the verdict is withheld.</returns>
    public int Run(CancellationToken cancel)
    {
        ForgetTask[] tasks = [.. settings.Runs.Select(r => ForgetTask.Read(r, settings.Model, settings.Data))];
        var task = tasks[0];
        if (tasks.FirstOrDefault(t => t.Method != task.Method || t.ForgetSha256 != task.ForgetSha256) is { } other)
        {
            throw new UserErrorException($"'{other.Folder}' is a run of another method or forget set than '{task.Folder}'; several folders must be seeds of one run ('lur compare' sets methods side by side).");
        }

        using var device = ComputeDevice.Open(context.DeviceOrdinal);
        using var source = DataSource.Open(task.Data, new DataOptions { ImageSize = task.ImageSize });
        var split = task.LoadSplit(source);
        var set = task.Resolve(source, split);
        var assessor = new Assessor(context, source, set);
        using var original = DataAndModel.Load(task.Original, device, source);
        var before = assessor.Assess(original, "evaluate original", cancel);
        Measured Measure(string path, string what)
        {
            using var model = DataAndModel.Load(path, device, source);
            return new Measured(path, assessor.Assess(model, $"evaluate {what}", cancel));
        }

        Measured[] unlearned = [.. tasks.Select(t => Measure(t.Unlearned, "unlearned"))];
        var references = References(task, source, split, set, original.Architecture, cancel);
        Measured[] retrained = [.. references.Select(r => Measure(r, "retrained"))];
        var distance = Distance(original, unlearned[0].Path, device, source);
        var curves = Curves(unlearned, retrained, device, source, set, cancel);
        var outcome = Judge(before, unlearned, retrained, set, source.Train.ClassNames, distance, curves);
        Write(task, outcome);
        Print(outcome);
        if (ForgetPage.TryWrite(context, task.Folder)) context.Note($"wrote {Path.Combine(task.Folder, "verify.json")}, {ForgetPage.FileName}");
        return outcome.Verdict.Verdict is Verdict.MatchesRetrain or Verdict.Withheld ? ExitCode.Done : ExitCode.VerdictFailed;
    }

    private string[] References(ForgetTask task, DataSource source, DataSplit split, ForgetSet set, string architecture, CancellationToken cancel)
    {
        var paths = settings.References.Select(r => Directory.Exists(r) ? Path.Combine(r, "model.safetensors") : r).ToList();
        if (settings.RetrainSeeds.Count == 0) return [.. paths];
        var recipe = ReferenceModels.RecipeOf(Path.GetDirectoryName(Path.GetFullPath(task.Original)) ?? ".", task.Data) with { DataOptions = new DataOptions { ImageSize = task.ImageSize } };
        var models = new ReferenceModels(context, settings.CacheFolder);
        paths.AddRange(settings.RetrainSeeds.Select(seed => models.Get(recipe, source, split, set, architecture, seed, cancel)));
        return [.. paths];
    }

    private static Outcome Judge(Assessment before, Measured[] unlearned, Measured[] retrained, ForgetSet set, IReadOnlyList<string> classes, WeightDistance distance,
        (RelearningCurve Unlearned, RelearningCurve? Retrained)? curves)
    {
        MetricValues Of(Func<UnlearningScores, double> metric, int samples) => new(metric(before.Scores),
            SeedSummary.Of([.. unlearned.Select(m => metric(m.Assessment.Scores))]),
            retrained.Length == 0 ? null : SeedSummary.Of([.. retrained.Select(m => metric(m.Assessment.Scores))]), samples);
        var test = before.Test.Labels.Count(l => !set.WholeClasses.Contains(l));
        var verdict = UnlearningVerdict.Judge(Of(s => s.UnlearningAccuracy, set.Forget.Length), Of(s => s.RetainAccuracy, set.Retain.Length),
            Of(s => s.TestAccuracy, Math.Max(1, test)), Of(s => s.MembershipInference, set.Forget.Length));
        var damage = ClassDamage.Compute(before.Test, unlearned[0].Assessment.Test, set.WholeClasses.ToHashSet(), classes.Count);
        var over = OverForgetting.Check(unlearned[0].Assessment.Forget, retrained.Length == 0 ? null : retrained[0].Assessment.Forget, classes.Count);
        var (gap, tug) = (double.NaN, double.NaN);
        if (retrained.Length > 0)
        {
            var (u, r) = (Mean(unlearned), Mean(retrained));
            (gap, tug) = (AverageGap.Compute(u, r).Mean, TugOfWar.Compute(u, r));
        }

        return new Outcome(retrained, verdict, gap, tug, damage, over, distance, curves, classes);
    }

    private static WeightDistance Distance(TrainedModel original, string path, ComputeDevice device, DataSource source)
    {
        using var model = DataAndModel.Load(path, device, source);
        return WeightDistance.Measure(original.Parameters.ToFloatArray(), model.Parameters.ToFloatArray(),
            [.. original.Parameters.Layout.Slots.Select(s => (s.Name, s.Offset, s.Count))]).Total;
    }

    private (RelearningCurve Unlearned, RelearningCurve? Retrained)? Curves(Measured[] unlearned, Measured[] retrained, ComputeDevice device, DataSource source, ForgetSet set, CancellationToken cancel)
    {
        if (settings.Relearning is not { } options) return null;
        RelearningCurve Attack(string path, string what)
        {
            using var model = DataAndModel.Load(path, device, source);
            using var progress = new ProgressReporter(context, $"relearn {what}", options.Steps[^1], "steps");
            return RelearningAttack.Run(model, source.Train, set, source.Test, options, n => progress.Report(n), cancel);
        }

        return (Attack(unlearned[0].Path, "unlearned"), retrained.Length == 0 ? null : Attack(retrained[0].Path, "retrained"));
    }

    private void Print(Outcome o)
    {
        var metrics = new Table("metrics", new Column("metric", "Metric"), new Column("original", "Original", Right: true), new Column("unlearned", "Unlearned", Right: true),
            new Column("retrained", "Retrained", Right: true), new Column("gap", "Gap", Right: true), new Column("band", "Band", Right: true), new Column("inside", "Inside"));
        foreach (var (name, m) in s_names.Zip(o.Verdict.Metrics))
        {
            metrics.Add(name, Cell.Number(m.Values.Original, 2, " %"), Summary(m.Values.Unlearned), m.Values.Retrained is { } r ? Summary(r) : Cell.Number(double.NaN),
                Cell.Number(m.Gap), Cell.Number(m.Band), m.Inside is { } inside ? (inside ? "yes" : "no") : "-");
        }

        var facts = new Table("facts", new Column("fact", "Fact"), new Column("value", "Value"));
        if (o.Retrained.Length > 0)
        {
            facts.Add("average gap to Retrain", Cell.Number(o.Gap, 2, " points"));
            facts.Add("tug of war (1 is Retrain)", Cell.Number(o.TugOfWar, 4));
            facts.Add("forget set below Retrain's", o.Over.BelowRetrain is true || o.Over.LossAboveRetrain is true ? "yes: accuracy or loss is worse than a model's that never saw it" : "no");
        }

        facts.Add("distance to the original weights", Cell.Number(o.Distance.Relative, 4, " of their norm"));
        if (o.Damage.WorstClass >= 0) facts.Add("class that lost most", FormattableString.Invariant($"{o.Classes[o.Damage.WorstClass]}, {o.Damage.WorstChange:+0.0;-0.0} points"));
        var tables = new List<Table> { metrics, facts };
        if (o.Curves is { } c) tables.Add(CurveTable(c.Unlearned, c.Retrained));
        if (context.Json)
        {
            facts.Add("verdict", o.Verdict.Verdict.ToString());
            facts.Add("sentence", o.Verdict.Sentence);
        }

        TablePrinter.Print(context, tables);
        if (!context.Json) context.Output.WriteLine(o.Verdict.Sentence);
    }

    private static Table CurveTable(RelearningCurve unlearned, RelearningCurve? retrained)
    {
        var table = new Table("relearning", new Column("step", "Step", Right: true), new Column("forget", "Forget accuracy", Right: true), new Column("test", "Test accuracy", Right: true),
            new Column("retrainForget", "Retrain's forget accuracy", Right: true), new Column("retrainTest", "Retrain's test accuracy", Right: true))
        {
            Title = "Relearning: accuracies while training goes on",
        };
        for (var i = 0; i < unlearned.Points.Count; i++)
        {
            var (u, r) = (unlearned.Points[i], retrained?.Points[i]);
            table.Add(u.Step, Cell.Number(u.ForgetAccuracy, 2, " %"), Cell.Number(u.TestAccuracy, 2, " %"), Cell.Number(r?.ForgetAccuracy ?? double.NaN, 2, " %"), Cell.Number(r?.TestAccuracy ?? double.NaN, 2, " %"));
        }

        return table;
    }

    private static UnlearningScores Mean(Measured[] models) => new(models.Average(m => m.Assessment.Scores.UnlearningAccuracy), models.Average(m => m.Assessment.Scores.RetainAccuracy),
        models.Average(m => m.Assessment.Scores.TestAccuracy), models.Average(m => m.Assessment.Scores.MembershipInference));

    private static Cell Summary(SeedSummary s) => s.Count < 2 ? Cell.Number(s.Mean, 2, " %")
        : new Cell(s.Mean, FormattableString.Invariant($"{s.Mean:F2} +- {s.Deviation:F2} %"));

    private static void Write(ForgetTask task, Outcome o)
    {
        OutputFolder.WriteJson(Path.Combine(task.Folder, "verify.json"), w =>
        {
            w.WriteNumber("schema", 1);
            w.WriteString("verdict", o.Verdict.Verdict.ToString());
            w.WriteString("sentence", o.Verdict.Sentence);
            w.WriteStartArray("metrics");
            foreach (var (name, m) in s_names.Zip(o.Verdict.Metrics))
            {
                w.WriteStartObject();
                w.WriteString("metric", name.ToLowerInvariant());
                OutputFolder.WriteValue(w, "original", m.Values.Original);
                WriteSummary(w, "unlearned", m.Values.Unlearned);
                if (m.Values.Retrained is { } r) WriteSummary(w, "retrained", r);
                OutputFolder.WriteValue(w, "gap", m.Gap);
                OutputFolder.WriteValue(w, "band", m.Band);
                w.WriteEndObject();
            }

            w.WriteEndArray();
            if (o.Retrained.Length > 0)
            {
                OutputFolder.WriteValue(w, "averageGap", o.Gap);
                OutputFolder.WriteValue(w, "tow", o.TugOfWar);
                w.WriteStartArray("references");
                foreach (var r in o.Retrained) w.WriteStringValue(r.Path);
                w.WriteEndArray();
            }

            w.WriteStartObject("weightDistance");
            OutputFolder.WriteValue(w, "distance", o.Distance.Distance);
            OutputFolder.WriteValue(w, "relative", o.Distance.Relative);
            w.WriteEndObject();
            OutputFolder.WritePerClass(w, "perClassChange", o.Classes, o.Damage.Change);
            if (o.Curves is { } c)
            {
                w.WriteStartObject("relearning");
                WriteCurve(w, "points", c.Unlearned);
                if (c.Retrained is { } reference) WriteCurve(w, "reference", reference);
                w.WriteEndObject();
            }
        });
    }

    private static void WriteCurve(Utf8JsonWriter w, string name, RelearningCurve curve)
    {
        w.WriteStartArray(name);
        foreach (var point in curve.Points)
        {
            w.WriteStartObject();
            w.WriteNumber("step", point.Step);
            OutputFolder.WriteValue(w, "forgetAccuracy", point.ForgetAccuracy);
            OutputFolder.WriteValue(w, "testAccuracy", point.TestAccuracy);
            w.WriteEndObject();
        }

        w.WriteEndArray();
    }

    private static void WriteSummary(Utf8JsonWriter w, string name, SeedSummary s)
    {
        w.WriteStartObject(name);
        OutputFolder.WriteValue(w, "mean", s.Mean);
        OutputFolder.WriteValue(w, "deviation", s.Deviation);
        w.WriteNumber("seeds", s.Count);
        w.WriteEndObject();
    }
}
