using Lur.Data;
using Lur.Tensors;
using Lur.Verification.Concepts;
using Lur.Verification.Generation;

namespace Lur.Runs;

/// <summary>Who looks for the concept: a judge of the generated captions' shapes, another program, or both.</summary>
internal sealed class ConceptDetection : IDisposable
{
    // The standard error of a rate is 3.5 points at most.
    private const int MostTried = 200;
    private readonly List<IDisposable> _held = [];

    private ConceptDetection(bool[] holds) => Holds = holds;

    /// <summary>For each caption of the data whether the concept is in its images.</summary>
    public bool[] Holds { get; }

    /// <summary>Looks.</summary>
    public ConceptEye Eye { get; private set; } = null!;

    /// <summary>Who it is.</summary>
    public ConceptDetector Facts { get; private set; } = null!;

    /// <summary>Trains or finds the judge, tries the program.</summary>
    /// <param name="parts">Data and prompts.</param>
    /// <param name="settings">Names both.</param>
    /// <param name="host">Whom it tells.</param>
    /// <param name="cancel">Stops between batches.</param>
    /// <exception cref="UserErrorException">Nobody can look, or the program fails.</exception>
    public static ConceptDetection Open(ConceptParts parts, VerifySettings settings, RunHost host, CancellationToken cancel)
    {
        var (concept, own) = (parts.Prompts.Concept, settings.Concept);
        var shapes = GeneratedSets.ShapesOf(parts.Task.Data);
        var judged = shapes is not null && CaptionGrammar.Shapes.Contains(concept);
        if (!judged && own.Detector is null)
            throw new UserErrorException(
                $"Nobody can tell whether '{concept}' is in an image: a judge is trained for the shapes of the generated captions alone "
                    + $"({string.Join(", ", CaptionGrammar.Shapes)}); give a program that tells with "
                    + $"{host.Spell("detector")}, 'CMD {{dir}}'."
            );
        var names = parts.Source.Train.ClassNames;
        var holding = judged ? CaptionContents.Holding(concept) : [];
        var detection = new ConceptDetection([
            .. names.Select(
                (name, label) =>
                    judged && CaptionContents.ShapesOf(name) is >= 0 and var set ? holding[set] : parts.Set.WholeClasses.Contains(label)
            ),
        ]);
        try
        {
            var (judge, facts) = judged ? detection.Judge(parts, shapes!, settings, host, cancel) : (null, null);
            detection.Eye = own.Detector is null ? judge! : detection.Program(parts, own, judge, cancel);
            detection.Facts = new ConceptDetector(
                own.Detector,
                own.Detector is null ? double.NaN : own.DetectorThreshold,
                facts,
                detection.Eye.Acuity
            );
            return detection;
        }
        catch
        {
            detection.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        for (var i = _held.Count - 1; i >= 0; i--)
            _held[i].Dispose();
    }

    private (JudgeEye Eye, JudgeFacts Facts) Judge(
        ConceptParts parts,
        string shapes,
        VerifySettings settings,
        RunHost host,
        CancellationToken cancel
    )
    {
        var (train, pictures) = (parts.Source.Train, parts.Data.TestPictures);
        var generation = settings.Generation with { JudgeTraining = settings.Concept.JudgeTraining };
        var options = new DataOptions { ModelSize = (pictures.Height, pictures.Width), Spell = host.Spell };
        var contents = Own(DataAndModel.OpenData(shapes, options, host.Progress));
        // Labels are others than the original's, so that its split is none of theirs; no test image is among them.
        var split = DataSplit.Create(contents.Train, 0, parts.Split.Seed);
        var path = JudgeModels.Get(generation, settings.CacheFolder, shapes, contents, split, host, cancel);
        var classifier = Own(DataAndModel.Load(path, parts.Device, contents));
        var judge = Own(new Judge(classifier, contents.Test, generation.JudgeTraining.AugmentNoise, cancel));
        var reals = ConceptReals.Of(
            train,
            parts.Split.Train,
            parts.Prompts,
            2 * settings.Concept.Sampling.Samples,
            settings.Concept.Sampling.Seed
        );
        var eye = new JudgeEye(judge, contents.Test, CaptionContents.Holding(parts.Prompts.Concept), (contents.Train, reals), cancel);
        var sha256 = RunFolder.Sha256Of(path);
        return (eye, new JudgeFacts(path, sha256, judge.Architecture, judge.TestAccuracy, judge.Noise, judge.NoisyAccuracy));
    }

    private CommandEye Program(ConceptParts parts, ConceptSettings own, JudgeEye? judge, CancellationToken cancel)
    {
        var test = parts.Data.TestPictures;
        int[] tried = [.. new RandomStream(own.Sampling.Seed, "concept/tried").Permutation(test.Count).Take(MostTried)];
        bool[] holds = [.. tried.Select(i => Holds[test.Label(i)])];
        return new CommandEye(new DetectorCommand(own.Detector!), own.DetectorThreshold, (test, tried, holds), judge, cancel);
    }

    private T Own<T>(T resource)
        where T : IDisposable
    {
        _held.Add(resource);
        return resource;
    }
}
