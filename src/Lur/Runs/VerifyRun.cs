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
    private readonly VerifyInputs _inputs = new(settings, host ?? new RunHost());

    /// <summary>True where the runs are of models that draw images, which <see cref="GenerationVerifyRun"/> verifies.</summary>
    /// <param name="folder">Folder of a run.</param>
    public static bool Draws(string folder) => ModelFile.Draws(Path.Combine(folder, OutputFolder.ModelName));

    /// <summary>Runs.</summary>
    /// <param name="cancel">Stops between batches.</param>
    /// <exception cref="UserErrorException">A folder is none of a run, or what belongs to it is not there any more.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public VerifyResult Run(CancellationToken cancel = default)
    {
        var first = _inputs.ReadTasks()[0];
        if (Draws(first.Folder))
            throw new UserErrorException(
                $"The model of '{first.Folder}' draws images and classifies none; {nameof(GenerationVerifyRun)} verifies it."
            );
        OutputFolder.RequireUntouched(first.Folder, [VerifyFiles.FileName, OutputFolder.PageName], _inputs.Reads(first), _host.Spell);
        // From here to the end: a run that replaces the model meanwhile would be judged by another one's numbers.
        using var held = OutputFolder.Hold(first.Folder, _host.Spell);
        // Again, now that nobody else can change it.
        var tasks = _inputs.ReadTasks();
        var task = tasks[0];
        task.RequireOriginal(_host.Spell);
        using var device = ComputeDevice.Open(_host.Device);
        var dataOptions = new DataOptions { ImageSize = task.ImageSize, Spell = _host.Spell };
        using var source = DataAndModel.OpenData(task.Data, task.Original, dataOptions, _host.Progress);
        // First, because the data take over the original's order of classes.
        using var original = DataAndModel.Load(task.Original, device, source);
        var split = task.LoadSplit(source);
        var set = task.Resolve(source, split, cancel);
        foreach (var attack in settings.Relearning)
            attack.RequireShots(set.Forget.Length);
        var references = _inputs.References(tasks, source, split, set, original.Architecture, cancel);
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

    internal static string Numbered(string what, int index, int count) => count == 1 ? what : $"{what} {index + 1}/{count}";

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

    internal static WeightDistance Distance(Model original, string path, ComputeDevice device, DataSource source)
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
