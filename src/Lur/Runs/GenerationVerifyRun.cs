using System.Globalization;
using Lur.Data;
using Lur.Device;
using Lur.Metrics;
using Lur.Metrics.Generation;
using Lur.Models;
using Lur.Verification.Generation;

namespace Lur.Runs;

/// <summary>Compares unlearned models that draw images with retrained ones, says how it came out, and leaves verify.json and the first
/// images of each class in the first run's folder.</summary>
/// <param name="settings">What decides the verification.</param>
/// <param name="host">Where it computes and whom it tells; null for the first device and nobody.</param>
public sealed class GenerationVerifyRun(VerifySettings settings, RunHost? host = null)
{
    private readonly RunHost _host = host ?? new RunHost();
    private readonly VerifyInputs _inputs = new(settings, host ?? new RunHost());
    private readonly GenerationSettings _own = settings.Generation;

    /// <summary>Runs.</summary>
    /// <param name="cancel">Stops between batches.</param>
    /// <exception cref="UserErrorException">A folder is none of a run, what belongs to it is not there any more, or the forget set is no
    /// class.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public GenerationVerifyResult Run(CancellationToken cancel = default)
    {
        _own.Sampling.Validate();
        _own.AttackOptions.Validate();
        var first = _inputs.ReadTasks()[0];
        string[] written = [VerifyFiles.FileName, GenerationVerifyFiles.ImagesName, OutputFolder.PageName];
        OutputFolder.RequireUntouched(first.Folder, written, _inputs.Reads(first), _host.Spell);
        using var held = OutputFolder.Hold(first.Folder, _host.Spell);
        // Again, now that nobody else can change it.
        var tasks = _inputs.ReadTasks();
        var task = tasks[0];
        task.RequireOriginal(_host.Spell);
        using var device = ComputeDevice.Open(_host.Device);
        var dataOptions = new DataOptions { ImageSize = task.ImageSize, Spell = _host.Spell };
        using var source = DataAndModel.OpenData(task.Data, task.Original, dataOptions, _host.Progress);
        using var original = DataAndModel.Load(task.Original, device, source);
        var split = task.LoadSplit(source);
        var set = task.Resolve(source, split, cancel);
        if (set.RequestedClasses.Count == 0)
            throw new UserErrorException(
                $"What '{task.Folder}' forgot is no whole class; what a model draws is judged by its classes, so forget one "
                    + "(class:NAME) to verify it."
            );
        var references = _inputs.References(tasks, source, split, set, original.Architecture, cancel);
        var result = Measure(new Parts(device, source, split, set, original, task), tasks, references, cancel);
        GenerationVerifyFiles.Write(task.Folder, result, task.ModelSha256);
        AuditLog.Append(task.Folder, _host.Time, "verified", w => GenerationVerifyFiles.WriteRecord(w, result));
        return result;
    }

    private sealed record Parts(ComputeDevice Device, DataSource Source, DataSplit Split, ForgetSet Set, Model Original, ForgetTask Task)
    {
        public Model Load(string path) => DataAndModel.Load(path, Device, Source);
    }

    private GenerationVerifyResult Measure(Parts parts, ForgetTask[] tasks, string[] references, CancellationToken cancel)
    {
        var (source, set, data) = (parts.Source, parts.Set, parts.Source.Train);
        int[] kept = [.. Sequences.Range(0, data.ClassNames.Count).Except(set.WholeClasses)];
        using var inception = InceptionLook.Open(_own, parts.Device, source, parts.Split.Train, kept, _host, cancel);
        var path = JudgeModels.Get(_own, settings.CacheFolder, parts.Task.Data, source, parts.Split, _host, cancel);
        using var classifier = parts.Load(path);
        using var judge = new Judge(classifier, source.Test, _own.JudgeTraining.AugmentNoise, cancel);
        Introduce(judge);
        var assessor = AssessorOf(parts, judge, inception, cancel);
        using var reclassifier = new DiffusionClassifier(parts.Original);
        var judgeSha256 = RunFolder.Sha256Of(path);
        GenerativeAssessment Assess(Model model, string file, string name) =>
            Known(
                file,
                judgeSha256,
                () => Drawing(name, judge.ClassCount, progress => assessor.Assess(model, reclassifier, progress, cancel))
            );

        var before = Assess(parts.Original, parts.Task.Original, "original");
        var (unlearned, retrained) = (
            Each([.. tasks.Select(t => t.Unlearned)], "unlearned", parts, Assess),
            Each(references, "retrained", parts, Assess)
        );
        var result = new GenerationVerifyResult(
            new JudgeFacts(path, judgeSha256, judge.Architecture, judge.TestAccuracy, judge.Noise, judge.NoisyAccuracy),
            _own.Sampling,
            data.ClassNames,
            [.. set.RequestedClasses],
            before,
            unlearned,
            retrained,
            new UnlearningVerdict(Verdict.Withheld, "", []),
            [.. Attacks(parts, judge, unlearned, retrained, cancel)],
            VerifyRun.Distance(parts.Original, unlearned[0].Path, parts.Device, source)
        )
        {
            TestLabels = assessor.TestLabels,
            Kept = kept,
            Inception = inception?.Facts,
            Size = (data.Channels, data.Height, data.Width),
        };
        return result with { Verdict = GenerationVerdict.Judge(GenerationEvidenceGathering.Of(result)) };
    }

    private GenerationAssessor AssessorOf(Parts parts, Judge judge, InceptionLook? inception, CancellationToken cancel)
    {
        var (source, set) = (parts.Source, parts.Set);
        return new(judge, source.Train, parts.Split.Train, source.Test, set.RequestedClasses, set.WholeClasses, _own.Sampling, cancel)
        {
            Look = inception is null ? null : inception.Of,
        };
    }

    // The stage is over with the last image: what looks at them has stages of its own.
    private GenerativeAssessment Drawing(string name, int classes, Func<Action<int>, GenerativeAssessment> assess)
    {
        var total = _own.Sampling.Samples * classes;
        var stage = _host.Progress.Stage($"draw {name}", total, "images");
        try
        {
            return assess(n =>
            {
                stage?.Report(n);
                if (n == total)
                    End();
            });
        }
        finally
        {
            End();
        }

        void End()
        {
            stage?.Dispose();
            stage = null;
        }
    }

    private void Introduce(Judge judge)
    {
        var (plain, noisy) = (Text(judge.TestAccuracy, "0.0"), Text(judge.NoisyAccuracy, "0.0"));
        _host.Progress.Note(
            $"the judge, {judge.Architecture}, is right on {plain} % of the test images, on {noisy} % with noise up to "
                + $"{Text(judge.Noise, "R")} on them"
        );
        static string Text(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);
    }

    /// <summary>What was found of a model, or is now.</summary>
    private GenerativeAssessment Known(string file, string judgeSha256, Func<GenerativeAssessment> assess)
    {
        if (_own.Assessed is not { } assessed)
            return assess();
        var key = RunFolder.Sha256Of(file) + judgeSha256 + _own.Inception;
        return assessed.TryGetValue(key, out var known) ? known : assessed[key] = assess();
    }

    private static DrawingModel[] Each(
        string[] paths,
        string what,
        Parts parts,
        Func<Model, string, string, GenerativeAssessment> assess
    ) =>
        [
            .. paths.Select(
                (path, i) =>
                {
                    using var model = parts.Load(path);
                    return new DrawingModel(path, assess(model, path, VerifyRun.Numbered(what, i, paths.Length)));
                }
            ),
        ];

    private IEnumerable<DrawingAttack> Attacks(
        Parts parts,
        Judge judge,
        DrawingModel[] unlearned,
        DrawingModel[] retrained,
        CancellationToken cancel
    )
    {
        var (set, options) = (parts.Set, _own.AttackOptions);
        var attack = new GenerationAttack(judge, parts.Source.Train, set, _own.Sampling, options);
        DrawingAttack On(string name, string unit, IReadOnlyList<int> points, Func<Model, Action<int>, double[]> run)
        {
            var (total, counted) = unit == DrawingAttack.NoiseUnit ? (points.Count, "levels of noise") : (points[^1], unit);
            IReadOnlyList<double[]> Side(DrawingModel[] models, string what) =>
                [
                    .. models.Select(
                        (m, i) =>
                        {
                            using var model = parts.Load(m.Path);
                            var stage = $"attack {VerifyRun.Numbered(what, i, models.Length)}, {name}";
                            using var progress = _host.Progress.Stage(stage, total, counted);
                            return run(model, n => progress.Report(n));
                        }
                    ),
                ];
            var images = options.Samples * set.RequestedClasses.Count;
            return new DrawingAttack(name, unit, points, Side(unlearned, "unlearned"), Side(retrained, "retrained"), images);
        }

        if (_own.Attacks.HasFlag(GenerationAttacks.Embedding) && GenerationAttack.HasRows(parts.Original))
            yield return On("embedding", "steps", options.Steps, (model, progress) => attack.Embedding(model, progress, cancel));
        if (_own.Attacks.HasFlag(GenerationAttacks.Relearn))
            foreach (var shots in _own.Shots)
                yield return On(
                    $"{DrawingAttack.Relearning}{shots}",
                    "steps",
                    options.Steps,
                    (model, progress) => attack.Relearn(model, shots, progress, cancel)
                );
        if (_own.Attacks.HasFlag(GenerationAttacks.Denoise))
            yield return On(
                "denoise",
                DrawingAttack.NoiseUnit,
                options.Noise,
                (model, progress) => attack.Denoise(model, progress, cancel)
            );
    }
}
