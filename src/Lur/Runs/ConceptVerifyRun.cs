using System.Globalization;
using Lur.Data;
using Lur.Device;
using Lur.Metrics;
using Lur.Metrics.Generation;
using Lur.Models;
using Lur.Verification.Concepts;

namespace Lur.Runs;

/// <summary>Compares models that are told prompts and were to forget a concept with models that never saw it, says how it came out, and
/// leaves verify.json and some images of each kind of prompts in the first run's folder.</summary>
/// <param name="settings">What decides the verification.</param>
/// <param name="host">Where it computes and whom it tells; null for the first device and nobody.</param>
public sealed class ConceptVerifyRun(VerifySettings settings, RunHost? host = null)
{
    private readonly RunHost _host = host ?? new RunHost();
    private readonly VerifyInputs _inputs = new(settings, host ?? new RunHost());
    private readonly ConceptSettings _own = settings.Concept;

    /// <summary>True where the runs are of models that are told prompts.</summary>
    /// <param name="folder">Folder of a run.</param>
    public static bool Fits(string folder) => ConceptInputs.TakesPrompts(Path.Combine(folder, OutputFolder.ModelName));

    /// <summary>Runs.</summary>
    /// <param name="cancel">Stops between batches.</param>
    /// <exception cref="UserErrorException">A folder is none of a run, what belongs to it is not there any more, or nobody knows what to
    /// ask for or who is to look.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public ConceptVerifyResult Run(CancellationToken cancel = default)
    {
        // Of few images of each prompt there are many in all.
        (_own.Sampling with { Samples = Math.Max(4, _own.Sampling.Samples) }).Validate();
        if (_own.Sampling.Samples < 1)
            throw new UserErrorException($"{_own.Sampling.Samples} images of each prompt were asked for; give at least 1.");
        _own.AttackOptions.Validate();
        var first = _inputs.ReadTasks()[0];
        var prompts = ConceptInputs.PromptsOf(_own, first, _host.Spell);
        string[] written = [VerifyFiles.FileName, GenerationVerifyFiles.ImagesName, OutputFolder.PageName];
        OutputFolder.RequireUntouched(first.Folder, written, _inputs.Reads(first), _host.Spell);
        using var held = OutputFolder.Hold(first.Folder, _host.Spell);
        // Again, now that nobody else can change it.
        var tasks = _inputs.ReadTasks();
        var task = tasks[0];
        task.RequireOriginal(_host.Spell);
        using var device = ComputeDevice.Open(_host.Device);
        var dataOptions = new DataOptions { ImageSize = task.ImageSize, Spell = _host.Spell };
        var latents = task.Latents with { CacheFolder = Path.Combine(settings.CacheFolder, NumbersCache.FolderName) };
        var request = new RunDataRequest(task.Data, task.Original, latents, dataOptions);
        using var data = RunData.Open(request, device, _host, cancel);
        var source = data.Source;
        // Before it is given further prompts: references are trained with those of the data.
        var known = data.Load(task.Original);
        var architecture = known.Architecture;
        using var original = ConceptParts.Extended(data, known, task.Original, prompts);
        var split = task.LoadSplit(source);
        var set = task.Resolve(source, split, cancel, data.Pictures);
        var references = _inputs.References(tasks, source, split, set, architecture, cancel);
        var result = Measure(new ConceptParts(device, data, split, set, original, task, prompts), tasks, references, cancel);
        ConceptVerifyFiles.Write(task.Folder, result, task.ModelSha256);
        AuditLog.Append(task.Folder, _host.Time, "verified", w => ConceptVerifyFiles.WriteRecord(w, result));
        return result;
    }

    private ConceptVerifyResult Measure(ConceptParts parts, ForgetTask[] tasks, string[] references, CancellationToken cancel)
    {
        var (source, prompts, data, pictures) = (parts.Source, parts.Prompts, parts.Source.Test, parts.Data.TestPictures);
        using var detector = ConceptDetection.Open(parts, settings, _host, cancel);
        _host.Progress.Note(Introduction(detector.Facts, prompts.Concept));
        var assessor = new ConceptAssessor(detector.Eye, prompts, _own.Sampling, data);
        using var classifier = new PromptClassifier(parts.Original, prompts);
        ConceptAssessment Assess(Model model, string file, string name) =>
            Known(
                file,
                detector.Facts,
                () => Drawing(name, assessor.Images, progress => assessor.Assess(model, classifier, progress, cancel))
            );

        ConceptModel[] Each(string[] paths, string what) =>
            [
                .. paths.Select(
                    (path, i) =>
                    {
                        using var model = parts.Load(path);
                        return new ConceptModel(path, Assess(model, path, VerifyRun.Numbered(what, i, paths.Length)));
                    }
                ),
            ];

        var before = Assess(parts.Original, parts.Task.Original, "original");
        var (unlearned, retrained) = (Each([.. tasks.Select(t => t.Unlearned)], "unlearned"), Each(references, "retrained"));
        var result = new ConceptVerifyResult(
            prompts,
            detector.Facts,
            _own.Sampling,
            before,
            unlearned,
            retrained,
            new UnlearningVerdict(Verdict.Withheld, "", []),
            [.. new ConceptAttackRun(parts, detector.Eye, _own, _host).Run(unlearned, retrained, cancel)],
            VerifyRun.Distance(parts.Original, unlearned[0].Path, parts.Device, source)
        )
        {
            TestHolds = [.. assessor.TestImages.Select(i => detector.Holds[data.Label(i)])],
            Size = (pictures.Channels, pictures.Height, pictures.Width),
        };
        return result with { Verdict = ConceptVerdict.Judge(result.Evidence()) };
    }

    // The stage is over with the last image: the losses behind them are no images.
    private ConceptAssessment Drawing(string name, int total, Func<Action<int>, ConceptAssessment> assess)
    {
        using var stage = _host.Progress.Stage($"draw {name}", total, "images");
        return assess(n => stage.Report(n));
    }

    internal static string Introduction(ConceptDetector d, string concept)
    {
        static string Percent(double value) => double.IsNaN(value) ? "none" : value.ToString("0.0", CultureInfo.InvariantCulture) + " %";
        var of = d.Acuity;
        var known =
            of.Images == 0
                ? "; how good it is nobody knows"
                : $", sees '{concept}' in {Percent(of.Hits)} of the real test images with it and in {Percent(of.FalseAlarms)} of "
                    + "those without";
        var contents = double.IsNaN(of.Contents) ? "" : $"; the judge names the contents of {Percent(of.Contents)} of them rightly";
        return $"the detector, {d.Command ?? d.Judge?.Architecture}{known}{contents}";
    }

    /// <summary>What was found of a model, or is now.</summary>
    private ConceptAssessment Known(string file, ConceptDetector detector, Func<ConceptAssessment> assess)
    {
        if (_own.Assessed is not { } assessed)
            return assess();
        var key = RunFolder.Sha256Of(file) + detector.Judge?.Sha256 + detector.Command;
        return assessed.TryGetValue(key, out var known) ? known : assessed[key] = assess();
    }
}
