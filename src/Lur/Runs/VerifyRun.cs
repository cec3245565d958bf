using Lur.Data;
using Lur.Device;
using Lur.Metrics;
using Lur.Models;
using Lur.Verification;

namespace Lur.Runs;

/// <summary>Compares unlearned models with retrained ones, says how it came out, and leaves verify.json in the first run's
/// folder.</summary>
/// <param name="settings">What decides the verification.</param>
/// <param name="host">Where it computes and whom it tells; null for the first device and nobody.</param>
public sealed class VerifyRun(VerifySettings settings, RunHost? host = null)
{
    private readonly RunHost _host = host ?? new RunHost();

    /// <summary>Runs.</summary>
    /// <param name="cancel">Stops between batches.</param>
    /// <exception cref="UserErrorException">A folder is none of a run, or what belongs to it is not there any more.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public VerifyResult Run(CancellationToken cancel = default)
    {
        var first = ReadTasks()[0];
        OutputFolder.RequireUntouched(first.Folder, [VerifyFiles.FileName, OutputFolder.PageName], Reads(first), _host.Spell);
        // From here to the end: a run that replaces the model meanwhile would be judged by another one's numbers.
        using var held = OutputFolder.Hold(first.Folder, _host.Spell);
        // Again, now that nobody else can change it.
        var tasks = ReadTasks();
        var task = tasks[0];
        task.RequireOriginal();
        using var device = ComputeDevice.Open(_host.Device);
        var dataOptions = new DataOptions { ImageSize = task.ImageSize, Spell = _host.Spell };
        using var source = DataAndModel.OpenData(task.Data, task.Original, dataOptions, _host.Progress);
        // First, because the data take over the original's order of classes.
        using var original = DataAndModel.Load(task.Original, device, source);
        if (original.Spec is UNetSpec)
            throw new UserErrorException(
                $"'{task.Original}' draws images, and 'lur verify' judges classifiers; the {OutputFolder.ResultName} of the run has the "
                    + "denoising losses before and after."
            );
        var split = task.LoadSplit(source);
        var set = task.Resolve(source, split, cancel);
        foreach (var attack in settings.Relearning)
            attack.RequireShots(set.Forget.Length);
        var references = References(tasks, source, split, set, original.Architecture, cancel);
        _host.Progress.Plan([.. StageWork.Verify(settings, set, source, tasks.Length, references.Length)]);
        var assessor = new Assessor(_host.Progress, source, set, settings.Attacks, settings.Seed);
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
        VerifyFiles.Write(task.Folder, outcome, task.ModelSha256);
        AuditLog.Append(task.Folder, _host.Time, "verified", w => VerifyFiles.WriteRecord(w, outcome));
        return outcome;
    }

    private List<(string What, string Path)> Reads(ForgetTask task) =>
        [
            ("the original model", task.Original),
            ("the data set", task.Data),
            .. task.Forget.Select(f => ("a list of samples", f)),
            .. settings.References.Select(r => ("a reference", r)),
        ];

    private static string Numbered(string what, int index, int count) => count == 1 ? what : $"{what} {index + 1}/{count}";

    private ForgetTask[] ReadTasks()
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

        return tasks;
    }

    private ForgetTask ReadTask(string folder)
    {
        if (ReferenceModels.CommandOf(folder) != "train")
            return ForgetTask.Read(folder, settings.Model, settings.Data);
        throw new UserErrorException(
            $"'{folder}' holds a run of 'lur train', which is no unlearned model; give the folder of a run of 'lur forget', and "
                + $"this one with {_host.Spell("reference")}."
        );
    }

    private string[] References(
        ForgetTask[] tasks,
        DataSource source,
        DataSplit split,
        ForgetSet set,
        string architecture,
        CancellationToken cancel
    )
    {
        var paths = settings.References.Select(r => ReferenceModels.Given(r, source, set)).ToList();
        var task = tasks[0];
        RequireOthers(paths, tasks);
        if (settings.RetrainSeeds.Count == 0)
            return [.. paths];
        var recipe = ReferenceModels.RecipeOf(ReferenceModels.TrainingOf(task.Original), task.Data) with
        {
            DataOptions = new DataOptions
            {
                ImageSize = task.ImageSize,
                ModelSize = (source.Train.Height, source.Train.Width),
                Spell = _host.Spell,
            },
        };
        var models = new ReferenceModels(_host, settings.CacheFolder);
        paths.AddRange(settings.RetrainSeeds.Select(seed => models.Get(recipe, source, split, set, architecture, seed, cancel)));
        RequireOnce(paths);
        return [.. paths];
    }

    /// <summary>Refuses what is no model of its own beside the original and the unlearned ones, whatever its name.</summary>
    private static void RequireOthers(IReadOnlyList<string> references, ForgetTask[] tasks)
    {
        var original = HashOf(tasks[0].OriginalSha256, tasks[0].Original);
        string[] unlearned = [.. tasks.Select(t => HashOf(t.ModelSha256, t.Unlearned))];
        foreach (var (path, sha256) in RequireOnce(references))
        {
            if (sha256 == original)
                throw new UserErrorException(
                    $"The reference '{path}' is the original model, which knew the forget set; {ReferenceModels.Remedy}."
                );
            if (unlearned.Contains(sha256))
                throw new UserErrorException($"The reference '{path}' is the unlearned model itself; {ReferenceModels.Remedy}.");
        }

        // Older runs did not record it.
        static string HashOf(string recorded, string path) => recorded.Length > 0 ? recorded : RunFolder.Sha256Of(path);
    }

    /// <summary>Refuses a model that comes twice, which would pass for two that agree.</summary>
    private static List<(string Path, string Sha256)> RequireOnce(IReadOnlyList<string> references)
    {
        List<(string Path, string Sha256)> models = [.. references.Select(r => (r, RunFolder.Sha256Of(r)))];
        if (models.GroupBy(m => m.Sha256).FirstOrDefault(g => g.Count() > 1) is { } same)
            throw new UserErrorException($"The references '{same.First().Path}' and '{same.Last().Path}' are one model; leave one out.");
        return models;
    }

    private static VerifyResult Judge(
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
            Of(s => s.MembershipInference, set.Forget.Length),
            VerifyEvidence.Of(before, unlearned, retrained, set, classes, relearning)
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

        return new VerifyResult(before, unlearned, retrained, verdict, gap, tug, damage, over, distance, relearning, classes);
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
                        using var stage = _host.Progress.Stage(
                            $"relearn {Numbered(what, i, models.Length)}, {options.Shots} shots",
                            options.Steps[^1],
                            "steps"
                        );
                        return RelearningAttack.Run(model, source.Train, set, source.Test, options, n => stage.Report(n), cancel);
                    }
                ),
            ];

        return new RelearningOutcome(options.Shots, Attack(unlearned, "unlearned"), Attack(retrained, "retrained"))
        {
            Samples = RelearningAttack.MeasuredOn(set.Forget.Length, options),
        };
    }

    private static UnlearningScores Mean(MeasuredModel[] models) =>
        new(
            models.Average(m => m.Assessment.Scores.UnlearningAccuracy),
            models.Average(m => m.Assessment.Scores.RetainAccuracy),
            models.Average(m => m.Assessment.Scores.TestAccuracy),
            models.Average(m => m.Assessment.Scores.MembershipInference)
        );
}
