using Lur.Data;
using Lur.Metrics.Generation;
using Lur.Models;
using Lur.Tasks.Diffusion;
using Lur.Tensors;
using Lur.Verification.Generation;

namespace Lur.Verification.Concepts;

/// <summary>Measures what models draw for prompts, all from the same starts, and what they denoise, with the same noise.</summary>
/// <param name="eye">Looks for the concept.</param>
/// <param name="prompts">What is asked for.</param>
/// <param name="plan">How images are drawn; <see cref="SamplingPlan.Samples"/> of each prompt.</param>
/// <param name="test">Test images for the denoising losses, under their captions.</param>
internal sealed class ConceptAssessor(ConceptEye eye, ConceptPrompts prompts, SamplingPlan plan, IImageDataset test)
{
    /// <summary>Prompts of a kind whose images are kept to be shown, at most.</summary>
    public const int MostPrompts = 6;

    private const int MostTestImages = 600,
        LossDraws = 4,
        MostPictures = 8;

    /// <summary>Test images whose denoising loss is taken, ascending; at random where there are many, for captions may lie in any
    /// order.</summary>
    public int[] TestImages { get; } =
    [.. new RandomStream(plan.Seed, "concept/test").Permutation(test.Count).Take(MostTestImages).Order()];

    /// <summary>The images that a model draws.</summary>
    public int Images => prompts.Kinds.Sum(k => k.Prompts.Count) * plan.Samples;

    /// <summary>Measures a model.</summary>
    /// <param name="model">A model that knows the prompts.</param>
    /// <param name="classifier">The original model as a classifier; null to leave that out.</param>
    /// <param name="progress">Called with the number of images drawn, or null.</param>
    /// <param name="cancel">Stops between batches.</param>
    /// <exception cref="UserErrorException">It does not know a prompt.</exception>
    public ConceptAssessment Assess(
        Model model,
        PromptClassifier? classifier = null,
        Action<int>? progress = null,
        CancellationToken cancel = default
    )
    {
        var (outcomes, pictures, kept) = (new List<KindOutcome>(), new List<IReadOnlyList<byte[]>[]>(), new List<double>());
        var (done, classified) = (0, double.NaN);
        // No image depends on the batch, and the largest kind may be smaller.
        var largest = prompts.Kinds.Max(k => k.Prompts.Count) * plan.Samples;
        using (var images = new GeneratedImages(model, plan with { BatchSize = Math.Min(plan.BatchSize, largest) }))
            foreach (var kind in prompts.Kinds)
            {
                var set = images.Draw(Labels(model, kind), n => progress?.Invoke(done + n), cancel);
                done += set.Labels.Length;
                var sight = eye.See(set, cancel);
                outcomes.Add(OutcomeOf(kind, set, sight));
                pictures.Add(Pictures(kind, set));
                if (!kind.Forgotten && sight.Features is { } features)
                    kept.AddRange(features.Values);
                if (kind == prompts.Asked && classifier is not null)
                    classified = classifier.Share(set, [.. set.Labels.Select(label => model.ClassNames[label])], test, cancel);
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
            DiffusionClassified = classified,
            Pictures = pictures,
        };
    }

    /// <summary>For each image of a kind the number of its prompt: image k is of prompt k mod their number.</summary>
    /// <param name="model">A model that knows the prompts.</param>
    /// <param name="kind">The kind.</param>
    /// <exception cref="UserErrorException">It does not know one.</exception>
    public int[] Labels(Model model, PromptKind kind)
    {
        int[] each = [.. kind.Prompts.Select(p => LabelOf(model, p))];
        return [.. Sequences.Range(0, each.Length * plan.Samples).Select(k => each[k % each.Length])];
    }

    /// <summary>Number of a prompt.</summary>
    /// <exception cref="UserErrorException">The model does not know it.</exception>
    public static int LabelOf(Model model, string prompt)
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

    private static IReadOnlyList<byte[]>[] Pictures(PromptKind kind, GeneratedSet set)
    {
        var size = set.Pixels.Length / set.Labels.Length;
        var rows = kind.Prompts.Take(MostPrompts).Select(_ => new List<byte[]>()).ToArray();
        for (var k = 0; k < set.Labels.Length; k++)
            if (k % kind.Prompts.Count < rows.Length && rows[k % kind.Prompts.Count].Count < MostPictures)
                rows[k % kind.Prompts.Count].Add(set.Pixels.AsSpan(k * size, size).ToArray());
        return rows;
    }
}
