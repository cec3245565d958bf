using Lur.Data;
using Lur.Device;
using Lur.Metrics;
using Lur.Models;
using Lur.Reports;
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

    /// <summary>Relearning attacks: one for each number of shots; none if empty.</summary>
    public IReadOnlyList<RelearningOptions> Relearning { get; init; } = [];

    /// <summary>Membership attacks to run beside that of the MIA column.</summary>
    public AttackChoice Attacks { get; init; } = AttackChoice.All;

    /// <summary>Seed of the attacks' draws.</summary>
    public ulong Seed { get; init; } = 1;

    public string CacheFolder { get; init; } = ReferenceCache.DefaultFolder;
}

/// <summary>Compares unlearned models with retrained ones, says how it came out, and leaves verify.json in the first run's
/// folder.</summary>
internal sealed class VerifyRun(CommandContext context, VerifySettings settings)
{
    /// <summary>Runs.</summary>
    /// <returns><see cref="ExitCode.VerdictFailed"/> unless the model matches Retrain or the verdict is withheld.</returns>
    public int Run(CancellationToken cancel)
    {
        ForgetTask[] tasks = [.. settings.Runs.Select(ReadTask)];
        var task = tasks[0];
        if (tasks.FirstOrDefault(t => t.Method != task.Method || t.ForgetSha256 != task.ForgetSha256) is { } other)
        {
            throw new UserErrorException(
                $"'{other.Folder}' is a run of another method or forget set than '{task.Folder}'; several folders must be seeds "
                    + $"of one run ('lur compare' sets methods side by side)."
            );
        }

        using var device = ComputeDevice.Open(context.DeviceOrdinal);
        using var source = DataSource.Open(task.Data, new DataOptions { ImageSize = task.ImageSize });
        var split = task.LoadSplit(source);
        var set = task.Resolve(source, split);
        foreach (var attack in settings.Relearning)
            attack.RequireShots(set.Forget.Length);
        using var original = DataAndModel.Load(task.Original, device, source);
        var references = References(task, source, split, set, original.Architecture, cancel);
        var assessor = new Assessor(context, source, set, settings.Attacks, settings.Seed);
        var before = assessor.Assess(original, "original", cancel);
        MeasuredModel[] Measure(IReadOnlyList<string> paths, string what) =>
            [
                .. paths.Select(
                    (path, i) =>
                    {
                        using var model = DataAndModel.Load(path, device, source);
                        return new MeasuredModel(path, assessor.Assess(model, Numbered(what, i, paths.Count), cancel));
                    }
                ),
            ];

        var unlearned = Measure([.. tasks.Select(t => t.Unlearned)], "unlearned");
        var retrained = Measure(references, "retrained");
        var distance = Distance(original, unlearned[0].Path, device, source);
        RelearningOutcome[] relearning =
        [
            .. settings.Relearning.Select(options => Relearn(options, unlearned, retrained, device, source, set, cancel)),
        ];
        var outcome = Judge(before, unlearned, retrained, set, source.Train.ClassNames, distance, relearning);
        VerifyFiles.Write(task.Folder, outcome);
        VerifyReport.Print(context, outcome);
        if (RunPage.TryWrite(context, task.Folder))
            context.Note($"wrote {Path.Combine(task.Folder, VerifyFiles.FileName)}, {ForgetPage.FileName}");
        return outcome.Verdict.Verdict is Verdict.MatchesRetrain or Verdict.Withheld ? ExitCode.Done : ExitCode.VerdictFailed;
    }

    private static string Numbered(string what, int index, int count) => count == 1 ? what : $"{what} {index + 1}/{count}";

    private ForgetTask ReadTask(string folder)
    {
        if (ReferenceModels.CommandOf(folder) != "train")
            return ForgetTask.Read(folder, settings.Model, settings.Data);
        throw new UserErrorException(
            $"'{folder}' holds a run of 'lur train', which is no unlearned model; give the folder of a run of 'lur forget', and "
                + $"this one as its reference: lur verify RUN --reference {folder}"
        );
    }

    private string[] References(
        ForgetTask task,
        DataSource source,
        DataSplit split,
        ForgetSet set,
        string architecture,
        CancellationToken cancel
    )
    {
        var paths = settings.References.Select(r => ReferenceModels.Given(r, task.ForgetSha256, source, set)).ToList();
        if (settings.RetrainSeeds.Count == 0)
            return [.. paths];
        var recipe = ReferenceModels.RecipeOf(Path.GetDirectoryName(Path.GetFullPath(task.Original)) ?? ".", task.Data) with
        {
            DataOptions = new DataOptions { ImageSize = task.ImageSize },
        };
        var models = new ReferenceModels(context, settings.CacheFolder);
        paths.AddRange(settings.RetrainSeeds.Select(seed => models.Get(recipe, source, split, set, architecture, seed, cancel)));
        return [.. paths];
    }

    private static VerifyOutcome Judge(
        Assessment before,
        MeasuredModel[] unlearned,
        MeasuredModel[] retrained,
        ForgetSet set,
        IReadOnlyList<string> classes,
        WeightDistance distance,
        RelearningOutcome[] relearning
    )
    {
        MetricValues Of(Func<UnlearningScores, double> metric, int samples) =>
            new(
                metric(before.Scores),
                SeedSummary.Of([.. unlearned.Select(m => metric(m.Assessment.Scores))]),
                retrained.Length == 0 ? null : SeedSummary.Of([.. retrained.Select(m => metric(m.Assessment.Scores))]),
                samples
            );
        var test = before.Test.Labels.Count(l => !set.WholeClasses.Contains(l));
        var verdict = UnlearningVerdict.Judge(
            Of(s => s.UnlearningAccuracy, set.Forget.Length),
            Of(s => s.RetainAccuracy, set.Retain.Length),
            Of(s => s.TestAccuracy, Math.Max(1, test)),
            Of(s => s.MembershipInference, set.Forget.Length)
        );
        var damage = ClassDamage.Compute(before.Test, unlearned[0].Assessment.Test, set.WholeClasses.ToHashSet(), classes.Count);
        var over = OverForgetting.Check(
            unlearned[0].Assessment.Forget,
            retrained.Length == 0 ? null : retrained[0].Assessment.Forget,
            classes.Count
        );
        var (gap, tug) = (double.NaN, double.NaN);
        if (retrained.Length > 0)
        {
            var (u, r) = (Mean(unlearned), Mean(retrained));
            (gap, tug) = (AverageGap.Compute(u, r).Mean, TugOfWar.Compute(u, r));
        }

        return new VerifyOutcome(before, unlearned, retrained, verdict, gap, tug, damage, over, distance, relearning, classes);
    }

    private static WeightDistance Distance(Model original, string path, ComputeDevice device, DataSource source)
    {
        using var model = DataAndModel.Load(path, device, source);
        return WeightDistance
            .Measure(
                original.Parameters.ToFloatArray(),
                model.Parameters.ToFloatArray(),
                [.. original.Parameters.Layout.Slots.Select(s => (s.Name, s.Offset, s.Count))]
            )
            .Total;
    }

    private RelearningOutcome Relearn(
        RelearningOptions options,
        MeasuredModel[] unlearned,
        MeasuredModel[] retrained,
        ComputeDevice device,
        DataSource source,
        ForgetSet set,
        CancellationToken cancel
    )
    {
        RelearningCurve[] Attack(MeasuredModel[] models, string what) =>
            [
                .. models.Select(
                    (m, i) =>
                    {
                        using var model = DataAndModel.Load(m.Path, device, source);
                        using var progress = new ProgressReporter(
                            context,
                            $"relearn {Numbered(what, i, models.Length)}, {options.Shots} shots",
                            options.Steps[^1],
                            "steps"
                        );
                        return RelearningAttack.Run(model, source.Train, set, source.Test, options, n => progress.Report(n), cancel);
                    }
                ),
            ];

        return new RelearningOutcome(options.Shots, Attack(unlearned, "unlearned"), Attack(retrained, "retrained"));
    }

    private static UnlearningScores Mean(MeasuredModel[] models) =>
        new(
            models.Average(m => m.Assessment.Scores.UnlearningAccuracy),
            models.Average(m => m.Assessment.Scores.RetainAccuracy),
            models.Average(m => m.Assessment.Scores.TestAccuracy),
            models.Average(m => m.Assessment.Scores.MembershipInference)
        );
}
