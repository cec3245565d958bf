using Lur.Data;
using Lur.Metrics.Generation;
using Lur.Models;
using Lur.Tasks.Classification;
using Lur.Tasks.Diffusion;

namespace Lur.Verification.Generation;

/// <summary>Measures what models draw, all on the same starts, test images and noise.</summary>
public sealed class GenerationAssessor
{
    /// <summary>Images of forgotten labels that the original model classifies, at most.</summary>
    internal const int MostReclassified = 32;

    private const int MostTestImages = 1000,
        LossDraws = 4,
        GainDraws = 16,
        MostShown = 8;
    private readonly Judge _judge;
    private readonly SamplingPlan _plan;
    private readonly IImageDataset _test;
    private readonly HashSet<int> _forgotten,
        _lost;
    private readonly FeatureRows[] _reals;
    private readonly FeatureRows _realKept;

    /// <summary>Looks at the real images.</summary>
    /// <param name="judge">The judge; stays the caller's.</param>
    /// <param name="train">Real images to compare with.</param>
    /// <param name="indices">Those of them to compare with.</param>
    /// <param name="test">Images for the denoising losses.</param>
    /// <param name="forgotten">Labels that were to be forgotten.</param>
    /// <param name="lost">All labels that are not kept: the forgotten ones and those of earlier requests.</param>
    /// <param name="plan">How images are drawn.</param>
    /// <param name="cancel">Stops between batches.</param>
    public GenerationAssessor(
        Judge judge,
        IImageDataset train,
        ReadOnlySpan<int> indices,
        IImageDataset test,
        IReadOnlyCollection<int> forgotten,
        IReadOnlyCollection<int> lost,
        SamplingPlan plan,
        CancellationToken cancel = default
    )
    {
        ArgumentNullException.ThrowIfNull(judge);
        ArgumentNullException.ThrowIfNull(plan);
        plan.Validate();
        (_judge, _test, _plan) = (judge, test, plan);
        (_forgotten, _lost) = ([.. forgotten], [.. lost, .. forgotten]);
        var seen = judge.See(train, indices, cancel);
        _reals = [.. Sequences.Range(0, judge.ClassCount).Select(c => Rows(seen, seen.Labels, label => label == c))];
        _realKept = Rows(seen, seen.Labels, label => !_lost.Contains(label));
        TestImages = Spread(test.Count, MostTestImages);
    }

    /// <summary>Looks at all that a model drew with InceptionV3; null to leave that out.</summary>
    internal Func<GeneratedSet, InceptionQuality>? Look { get; init; }

    /// <summary>Test images whose denoising loss is taken, evenly spaced.</summary>
    public int[] TestImages { get; }

    /// <summary>Labels of <see cref="TestImages"/>.</summary>
    public int[] TestLabels => [.. TestImages.Select(_test.Label)];

    /// <summary>Measures a model.</summary>
    /// <param name="model">A class-conditional diffusion model.</param>
    /// <param name="classifier">The original model as a classifier; null to leave that out.</param>
    /// <param name="progress">Called with the number of images drawn, or null.</param>
    /// <param name="cancel">Stops between batches.</param>
    public GenerativeAssessment Assess(
        Model model,
        DiffusionClassifier? classifier = null,
        Action<int>? progress = null,
        CancellationToken cancel = default
    )
    {
        var classes = _judge.ClassCount;
        // Interleaved, so that the first ones are of all classes.
        int[] asked = [.. Sequences.Range(0, _plan.Samples * classes).Select(k => k % classes)];
        GeneratedSet set;
        using (var images = new GeneratedImages(model, _plan))
            set = images.Draw(asked, progress, cancel);
        var seen = _judge.See(set, _test, cancel);
        var judged = JudgedImages.Of<double>(seen.Probabilities, asked, classes);
        double Share(Func<int, bool> filter) => 100 * judged.Agreement(filter).Share;
        using var losses = new DenoisingEvaluator(model);
        return new GenerativeAssessment(
            judged,
            [.. _forgotten.Order().Select(judged.Forgotten)],
            [.. Sequences.Range(0, classes).Select(c => Share(label => label == c))],
            [.. Sequences.Range(0, classes).Select(c => FeatureQuality.Of(_reals[c], Rows(seen, asked, l => l == c), _plan.Seed))],
            FeatureQuality.Of(_realKept, Rows(seen, asked, label => !_lost.Contains(label)), _plan.Seed),
            [.. Sequences.Range(0, classes).Select(c => set.ScoreDistances.Where((_, i) => asked[i] == c).Average())],
            losses.Losses(_test, TestImages, LossDraws, null, cancel)
        )
        {
            KeptAgreement = Share(label => !_lost.Contains(label)),
            LabelGains = LabelGains(losses, GeneratedImages.Conditional(model), cancel),
            DiffusionClassified = classifier is null ? double.NaN : Reclassified(set, classifier, cancel),
            ShownOfEach = Math.Min(MostShown, _plan.Samples),
            Shown = Shown(set, classes),
            Inception = Look?.Invoke(set),
        };
    }

    private double[] LabelGains(DenoisingEvaluator losses, UNetSpec spec, CancellationToken cancel)
    {
        int[] chosen = [.. TestImages.Where(i => _forgotten.Contains(_test.Label(i)))],
            kept = [.. Sequences.Range(0, _judge.ClassCount).Where(c => !_lost.Contains(c))],
            all = [.. Sequences.Range(0, chosen.Length)];
        if (chosen.Length == 0 || (!spec.NullRow && kept.Length == 0))
            return [];
        var size = _test.SampleBytes;
        var pixels = new byte[chosen.Length * size];
        foreach (var i in all)
            _test.CopyImage(chosen[i], pixels.AsSpan(i * size, size));
        // The draws go by the place in the list, so both have the same.
        double[] Under(int[] labels) => losses.Losses(new MemoryImages(_test.Name, _test, pixels, labels), all, GainDraws, null, cancel);
        var own = Under([.. chosen.Select(_test.Label)]);
        var none = Under([.. all.Select(i => spec.NullRow ? spec.ClassCount : kept[i % kept.Length])]);
        return [.. none.Zip(own, (n, o) => n - o)];
    }

    private double Reclassified(GeneratedSet set, DiffusionClassifier classifier, CancellationToken cancel)
    {
        int[] chosen = [.. Sequences.Range(0, set.Labels.Length).Where(i => _forgotten.Contains(set.Labels[i])).Take(MostReclassified)];
        var size = set.Pixels.Length / set.Labels.Length;
        var images = new MemoryImages(
            "drawn images",
            _test,
            [.. chosen.SelectMany(i => set.Pixels.AsSpan(i * size, size).ToArray())],
            [.. chosen.Select(i => set.Labels[i])]
        );
        var classes = classifier.Classify(images, cancel);
        return 100.0 * classes.Where((c, i) => c == images.Label(i)).Count() / classes.Length;
    }

    private byte[] Shown(GeneratedSet set, int classes)
    {
        var (size, each) = (set.Pixels.Length / set.Labels.Length, Math.Min(MostShown, _plan.Samples));
        var shown = new byte[classes * each * size];
        for (var c = 0; c < classes; c++)
        for (var i = 0; i < each; i++)
            set.Pixels.AsSpan(((i * classes) + c) * size, size).CopyTo(shown.AsSpan(((c * each) + i) * size));
        return shown;
    }

    private static FeatureRows Rows(SeenImages seen, int[] labels, Func<int, bool> filter)
    {
        var d = seen.Features.Dimension;
        double[] values =
        [
            .. Enumerable
                .Range(0, labels.Length)
                .Where(i => filter(labels[i]))
                .SelectMany(i => seen.Features.Values.AsSpan(i * d, d).ToArray()),
        ];
        return FeatureRows.Of<double>(values, d);
    }

    private static int[] Spread(int count, int most) =>
        count <= most ? [.. Sequences.Range(0, count)] : [.. Sequences.Range(0, most).Select(i => (int)((long)i * count / most))];
}
