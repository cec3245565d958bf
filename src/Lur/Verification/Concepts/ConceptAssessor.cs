using Lur.Data;
using Lur.Metrics.Generation;
using Lur.Models;
using Lur.Tasks.Diffusion;
using Lur.Verification.Generation;

namespace Lur.Verification.Concepts;

/// <summary>Measures what models draw for prompts, all from the same starts, and what they denoise, with the same noise.</summary>
/// <param name="eye">Looks for the concept.</param>
/// <param name="prompts">What is asked for.</param>
/// <param name="plan">How images are drawn; <see cref="SamplingPlan.Samples"/> of each prompt.</param>
/// <param name="test">Test images for the denoising losses, under their captions.</param>
internal sealed class ConceptAssessor(ConceptEye eye, ConceptPrompts prompts, SamplingPlan plan, IImageDataset test)
{
    private const int MostTestImages = 600,
        LossDraws = 4,
        MostPictures = 8;

    /// <summary>Test images whose denoising loss is taken, evenly spaced.</summary>
    public int[] TestImages { get; } =
        test.Count <= MostTestImages
            ? [.. Enumerable.Range(0, test.Count)]
            : [.. Enumerable.Range(0, MostTestImages).Select(i => (int)((long)i * test.Count / MostTestImages))];

    /// <summary>The images that a model draws.</summary>
    public int Images => prompts.Kinds.Sum(k => k.Prompts.Count) * plan.Samples;

    /// <summary>Measures a model.</summary>
    /// <param name="model">A model that knows the prompts.</param>
    /// <param name="progress">Called with the number of images drawn, or null.</param>
    /// <param name="cancel">Stops between batches.</param>
    /// <exception cref="UserErrorException">It does not know a prompt.</exception>
    public ConceptAssessment Assess(Model model, Action<int>? progress = null, CancellationToken cancel = default)
    {
        var (outcomes, pictures, kept, done) = (
            new List<KindOutcome>(),
            new List<IReadOnlyList<IReadOnlyList<byte[]>>>(),
            new List<double>(),
            0
        );
        using (var images = new GeneratedImages(model, plan))
            foreach (var kind in prompts.Kinds)
            {
                var set = images.Draw(Labels(model, kind), n => progress?.Invoke(done + n), cancel);
                done += set.Labels.Length;
                var sight = eye.See(set, cancel);
                outcomes.Add(OutcomeOf(kind, set, sight));
                pictures.Add(Pictures(kind, set));
                if (!kind.Forgotten && sight.Features is { } features)
                    kept.AddRange(features.Values);
            }

        using var losses = new DenoisingEvaluator(model);
        return new ConceptAssessment(
            outcomes,
            eye.Reals is { } reals && kept.Count > 0
                ? FeatureQuality.Of(reals, FeatureRows.Of<double>([.. kept], reals.Dimension), plan.Seed)
                : FeatureQuality.None,
            losses.Losses(test, TestImages, LossDraws, null, cancel)
        )
        {
            Pictures = pictures,
        };
    }

    /// <summary>Share of the images of a kind in which the concept is, percent.</summary>
    public double Rate(GeneratedImages images, Model model, PromptKind kind, CancellationToken cancel)
    {
        var sight = eye.See(images.Draw(Labels(model, kind), null, cancel), cancel);
        return 100.0 * sight.Shown.Count(s => s) / sight.Shown.Length;
    }

    // Image k of a kind is of prompt k mod their number.
    private int[] Labels(Model model, PromptKind kind)
    {
        int[] each = [.. kind.Prompts.Select(p => LabelOf(model, p))];
        return [.. Enumerable.Range(0, each.Length * plan.Samples).Select(k => each[k % each.Length])];
    }

    private static int LabelOf(Model model, string prompt)
    {
        for (var c = 0; c < model.ClassNames.Count; c++)
            if (model.ClassNames[c] == prompt)
                return c;
        throw new UserErrorException($"The model does not know the prompt '{prompt}'; give it before it is asked.");
    }

    private KindOutcome OutcomeOf(PromptKind kind, GeneratedSet set, ConceptSight sight)
    {
        var asked = kind.Prompts.Select(eye.AskedFor).ToArray();
        var known = sight.Contents is not null && asked.All(a => a >= 0);
        return new KindOutcome(
            kind,
            set.Labels.Length,
            sight.Shown.Count(s => s),
            known ? sight.Contents!.Where((content, k) => content == asked[k % asked.Length]).Count() : -1,
            sight.Scores.Average(),
            set.ScoreDistances.Average()
        );
    }

    private static List<byte[]>[] Pictures(PromptKind kind, GeneratedSet set)
    {
        var size = set.Pixels.Length / set.Labels.Length;
        var rows = kind.Prompts.Select(_ => new List<byte[]>()).ToArray();
        for (var k = 0; k < set.Labels.Length; k++)
            if (rows[k % rows.Length].Count < MostPictures)
                rows[k % rows.Length].Add(set.Pixels.AsSpan(k * size, size).ToArray());
        return rows;
    }
}
